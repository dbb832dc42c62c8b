"""Data from worlds: states drawn at random, and transitions gathered by acting."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ..envs import make_factored
from ..errors import InputError
from .networks import ImageShape

COPIES = 128


class Transitions(NamedTuple):
    """A batch of single steps."""

    image: Tensor
    """Before: uint8 ``(B, H, W, C)``."""
    action: Tensor
    """int64 ``(B,)``, or float32 ``(B, *shape)``."""
    next_image: Tensor
    """After, also where the episode ended there: uint8 ``(B, H, W, C)``."""


class Data(Protocol):
    """What the training loop draws its batches from; its state goes into checkpoints."""

    def draw(self) -> Any:
        """The next batch."""

    def state_dict(self) -> dict[str, Any]:
        """Tensors that decide all batches to come."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on exactly where `state_dict` was taken."""


class RandomWalk:
    """Endless transitions under uniformly random actions, from the environments of one batch, side by side.

    Args:
        env: A vector environment from `make_factored`.
        seed: Of the environments and of the actions.
    """

    def __init__(self, env: Any, seed: int) -> None:
        self.env = env
        self.generator = torch.Generator().manual_seed(seed)
        self.image: Tensor = env.reset(seed=seed)[0]

    def draw(self) -> Transitions:
        """One step of every environment."""
        image = self.image
        action = random_actions(self.env.single_action_space, self.env.num_envs, self.generator)
        self.image, _, _, _, info = self.env.step(action.to(image.device))
        after = self.image
        if "final_obs" in info:
            ended = info["_final_obs"].view(-1, *[1] * (image.ndim - 1))
            after = torch.where(ended, info["final_obs"], after)
        return Transitions(image, action.to(image.device), after)

    def state_dict(self) -> dict[str, Any]:
        """Environments (where they can be saved), the last images and the actions' generator."""
        saved = {"image": self.image, "generator": self.generator.get_state()}
        return saved | ({"env": self.env.state_dict()} if hasattr(self.env, "state_dict") else {})

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken; environments that can't be saved begin new episodes instead."""
        self.generator.set_state(state["generator"])
        if "env" in state:
            self.env.load_state_dict(state["env"])
            self.image = state["image"].to(self.image.device)


def random_actions(space: spaces.Space[Any], n: int, generator: torch.Generator) -> Tensor:
    """``n`` actions, uniform over a Discrete, a MultiDiscrete or a bounded Box space; `InputError` for another."""
    if isinstance(space, spaces.Discrete):
        return torch.randint(int(space.n), (n,), generator=generator) + int(space.start)
    if isinstance(space, spaces.MultiDiscrete):
        first, sizes = torch.as_tensor(space.start), torch.as_tensor(space.nvec)
        return first + (torch.rand((n, *sizes.shape), generator=generator, dtype=torch.float64) * sizes).long()
    if isinstance(space, spaces.Box) and space.is_bounded():
        low, high = torch.as_tensor(space.low), torch.as_tensor(space.high)
        return low + (high - low) * torch.rand((n, *space.shape), generator=generator)
    raise InputError(f"random actions need a Discrete, a MultiDiscrete or a bounded Box action space, not {space}")


def image_shape(env: Any) -> ImageShape:
    """Of the images that ``env``, from `make_factored`, shows.

    Raises:
        InputError: It shows something else; the message says what, and which option gives images where one does.
    """
    space = env.single_observation_space
    if isinstance(space, spaces.Box) and space.dtype == np.uint8 and len(space.shape) == 3 and space.high.max() == 255:
        return ImageShape(*space.shape)
    what = f"a dict of {', '.join(space)}" if isinstance(space, spaces.Dict) else f"{space}"
    world = getattr(env, "world", None)
    named = world is not None and "observation" in world.option_names()
    fix = "choose --env-options observation=pixels" if named else "choose an env, or options of it, that shows them"
    raise InputError(
        f"learners need images, 0 .. 255 of uint8 (height, width, channels), and this env shows {what}; {fix}"
    )


def draw_states(env: str, n: int, seed: int, device: Any = "cpu", **options: Any) -> tuple[Tensor, Tensor]:
    """Fresh states of an environment, independently drawn, from at most 128 copies at a time.

    Returns:
        Images, uint8 ``(n, H, W, C)``, and factors, float32 ``(n, K)``.
    """
    batch = make_factored(env, min(n, COPIES), device, **options)
    images, factors = [], []
    for first in range(0, n, batch.num_envs):
        images.append(batch.reset(seed=seed + first)[0])
        factors.append(batch.get_factors())
    batch.close()
    return torch.cat(images)[:n], torch.cat(factors)[:n]
