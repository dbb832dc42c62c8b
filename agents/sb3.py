"""Trained encoders and policies for Stable-Baselines3 and whatever else trains on Gymnasium's interface.

Needs the extra ``rl``: ``pip install unbraid[rl]``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Self, SupportsFloat

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from ..errors import InputError

ARRIVED = 0.5
"""Codes move by 1 in a whole step: an option is over after more than half of one."""


class EncoderFeatures(BaseFeaturesExtractor):
    """A trained encoder as what PPO, SAC or DQN see of images, frozen or trained on.

    As in ``PPO("CnnPolicy", env, policy_kwargs={"features_extractor_class": EncoderFeatures,
    "features_extractor_kwargs": {"learner": learner}})``, where ``learner`` is a trained VAE or agent, of a run by
    `open_run(...).load()`. The policy has a copy of its own, which is saved with the policy.

    Args:
        observation_space: Images, uint8 ``(H, W, C)`` or ``(C, H, W)``.
        learner: What has ``embed``: float images ``(B, C, H, W)`` in [0, 1] to codes ``(B, D)``, with gradients.
        frozen: Whether the encoder stays as it is; else it is trained on with the policy.

    Raises:
        InputError: Observations that the encoder can't read; the message says what it can't.
    """

    def __init__(self, observation_space: spaces.Space[Any], learner: Any, frozen: bool = True) -> None:
        example = torch.as_tensor(observation_space.sample()[None])
        try:
            with torch.no_grad():
                size = learner.eval().embed(_channels_first(example.float() / 255)).shape[1]
        except (RuntimeError, ValueError) as error:
            what = str(error).partition("\n")[0]
            raise InputError(f"the encoder can't read observations {observation_space}: {what}") from None
        super().__init__(observation_space, size)
        self.learner, self.frozen = copy.deepcopy(learner), frozen
        self.learner.requires_grad_(not frozen)

    def apply(self, fn: Callable[[nn.Module], None]) -> Self:
        """Nothing: Stable-Baselines3's actor-critics draw all weights anew by it, which would undo the training."""
        del fn
        return self

    def forward(self, observations: Tensor) -> Tensor:
        """Codes ``(B, D)`` of images that Stable-Baselines3 has scaled to [0, 1]."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            codes: Tensor = self.learner.embed(_channels_first(observations))
            return codes


def _channels_first(x: Tensor) -> Tensor:
    """``(B, C, H, W)``, in memory as convolutions like it: channels last."""
    first = x if x.shape[1] <= x.shape[3] else x.movedim(3, 1)
    return first.contiguous(memory_format=torch.channels_last)


class FactorActions(gymnasium.Wrapper[Any, Any, Any, Any], gymnasium.utils.RecordConstructorArgs):
    """An environment whose actions are the agent's options: to raise or lower one latent by a step.

    An option follows its policy until its latent has moved by more than half a step its way, the episode ends, or
    ``patience`` actions are over. Rewards of the actions are added up. ``action_names`` says which option is which, and
    ``info["actions"]`` how many actions it took.

    Args:
        env: Of images, uint8 ``(H, W, C)``.
        learner: A trained agent of independently controllable factors, with ``policies`` and ``encode``.
        patience: At most so many actions to an option.
        seed: Of the policies' draws.

    Raises:
        InputError: A ``patience`` below 1, or an environment with other actions than the agent's.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], learner: Any, patience: int = 4, seed: int = 0) -> None:
        gymnasium.utils.RecordConstructorArgs.__init__(self, learner=learner, patience=patience, seed=seed)
        gymnasium.Wrapper.__init__(self, env)
        if patience < 1:
            raise InputError(f"patience must be at least 1, not {patience}")
        if env.action_space != spaces.Discrete(learner.actions):
            raise InputError(f"the agent has {learner.actions} actions, and the environment {env.action_space}")
        self.learner, self.patience = learner.eval(), patience
        self.generator = torch.Generator().manual_seed(seed)
        latents = learner.config.latents
        self.action_space = spaces.Discrete(2 * latents)
        self.action_names = tuple(f"latent {k} {way}" for way in ("up", "down") for k in range(latents))
        self._codes: Tensor | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode."""
        image, info = self.env.reset(seed=seed, options=options)
        self._codes = self._encode(image)
        return image, info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Follow an option."""
        if self._codes is None:
            raise gymnasium.error.ResetNeeded("call reset() before this")
        latents = self.learner.config.latents
        latent, sign = int(action) % latents, 1 - 2 * (int(action) // latents)
        begin, total, taken, over = self._codes[latent], 0.0, 0, False
        while not over:
            taken += 1
            image, reward, terminated, truncated, info = self.env.step(self._choose(int(action)))
            total += float(reward)
            self._codes = self._encode(image)
            arrived = sign * float(self._codes[latent] - begin) > ARRIVED
            over = terminated or truncated or arrived or taken == self.patience
        return image, total, terminated, truncated, {**info, "actions": taken}

    def _encode(self, image: Any) -> Tensor:
        codes: Tensor = self.learner.encode(torch.as_tensor(np.asarray(image)[None]))[0]
        return codes

    @torch.no_grad()
    def _choose(self, option: int) -> int:
        assert self._codes is not None
        chances = self.learner.policies(self._codes[None])[0, option]
        return int(torch.multinomial(chances, 1, generator=self.generator))
