"""Trained encoders and policies for Stable-Baselines3 and whatever else trains on Gymnasium's interface.

Needs the extra ``rl``: ``pip install unbraid[rl]``.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Self, SupportsFloat

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from ..errors import InputError
from ._skills import SkillSettings

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
        if len(observation_space.shape or ()) != 3:
            raise InputError(f"the encoder can't read observations {observation_space}: they are no images")
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


class _Options(gymnasium.Wrapper[Any, Any, Any, Any], gymnasium.utils.RecordConstructorArgs, ABC):
    """An environment whose actions are an agent's options; rewards along an option are added up.

    Args:
        env: Of images, uint8 ``(H, W, C)``, and the agent's actions.
        learner: The trained agent, with ``actions``, how many, and ``encode``.
        longest: At most so many actions to an option.
        space: The options.
        made_with: What the subclass was made with, beside ``env``.

    Raises:
        InputError: An environment with other actions than the agent's.
    """

    def __init__(
        self, env: gymnasium.Env[Any, Any], learner: Any, longest: int, space: spaces.Space[Any], **made_with: Any
    ) -> None:
        gymnasium.utils.RecordConstructorArgs.__init__(self, learner=learner, **made_with)
        gymnasium.Wrapper.__init__(self, env)
        if env.action_space != spaces.Discrete(learner.actions):
            raise InputError(f"the agent has {learner.actions} actions, and the environment {env.action_space}")
        self.learner, self.longest, self.action_space = learner.eval(), longest, space
        self._here: Tensor | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode."""
        image, info = self.env.reset(seed=seed, options=options)
        self._here = self._encode(image)
        return image, info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Follow an option; ``info["actions"]`` is how many actions of the environment's it took."""
        if self._here is None:
            raise gymnasium.error.ResetNeeded("call reset() before this")
        start, total, taken, over = self._here, 0.0, 0, False
        while not over:
            image, reward, terminated, truncated, info = self.env.step(self._choose(action, start, self._here))
            taken, total, self._here = taken + 1, total + float(reward), self._encode(image)
            over = terminated or truncated or taken == self.longest or self._arrived(action, start, self._here)
        return image, total, terminated, truncated, {**info, "actions": taken}

    def _encode(self, image: Any) -> Tensor:
        codes: Tensor = self.learner.encode(torch.as_tensor(np.asarray(image)[None]))
        return codes

    @abstractmethod
    def _choose(self, option: Any, start: Tensor, here: Tensor) -> int:
        """The environment's action at the code ``here``, on an option's way from ``start``, ``(1, K)`` each."""

    def _arrived(self, option: Any, start: Tensor, here: Tensor) -> bool:
        """Whether the option is over before its time."""
        del option, start, here
        return False


class FactorActions(_Options):
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
        InputError: An agent of another kind, a ``patience`` below 1, or an environment with other actions than the
            agent's.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], learner: Any, patience: int = 4, seed: int = 0) -> None:
        if not hasattr(learner, "policies") or isinstance(learner.config, SkillSettings):
            raise InputError(f"{type(learner).__name__} has no policies for single latents: train icf")
        if patience < 1:
            raise InputError(f"patience must be at least 1, not {patience}")
        latents = learner.config.latents
        super().__init__(env, learner, patience, spaces.Discrete(2 * latents), patience=patience, seed=seed)
        self.generator = torch.Generator().manual_seed(seed)
        self.action_names = tuple(f"latent {k} {way}" for way in ("up", "down") for k in range(latents))

    @torch.no_grad()
    def _choose(self, option: Any, start: Tensor, here: Tensor) -> int:
        chances = self.learner.policies(here)[0, int(option)]
        return int(torch.multinomial(chances, 1, generator=self.generator))

    def _arrived(self, option: Any, start: Tensor, here: Tensor) -> bool:
        way, latent = divmod(int(option), here.shape[1])
        return (1 - 2 * way) * float((here - start)[0, latent]) > ARRIVED


class ContinuousFactorActions(_Options):
    """An environment whose actions are factors of a continuous agent: what is to change, and how far.

    An action is ``(K,)``, from -1 to 1 along each latent: the share of what ``config.length`` actions change it by at
    most, so that the factor is phi = length * action. The policy's likeliest action is taken ``length`` times, or until
    the episode ends; it is told what is left of phi on the way. Rewards are added up, and ``info["actions"]`` says how
    many actions it took. Nothing is drawn.

    Args:
        env: Of images, uint8 ``(H, W, C)``.
        learner: A trained `icf_continuous` agent, with ``log_policies`` and ``encode``.

    Raises:
        InputError: An agent of another kind, or whose factors are no changes (a kernel other than gaussian) or fill no
            box (an embedding other than hypercube), or an environment with other actions than the agent's.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], learner: Any) -> None:
        config = learner.config
        if not hasattr(learner, "log_policies") or not hasattr(config, "embedding"):
            raise InputError(f"{type(learner).__name__} has no factors for actions: train icf_continuous")
        if config.kernel != "gaussian":
            raise InputError(f"factors of the kernel {config.kernel!r} are no changes to ask for: train with gaussian")
        if config.embedding != "hypercube":
            raise InputError(
                f"factors of the embedding {config.embedding!r} fill no box of actions: train with hypercube"
            )
        super().__init__(env, learner, config.length, spaces.Box(-1, 1, (config.latents,), np.float32))

    @torch.no_grad()
    def _choose(self, option: Any, start: Tensor, here: Tensor) -> int:
        factor = self.longest * torch.as_tensor(np.asarray(option, np.float32), device=here.device)
        return int(self.learner.log_policies(start, here, factor[None, None])[0, 0].argmax())
