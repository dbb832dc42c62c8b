"""Data from worlds: states drawn at random, and transitions gathered by acting."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from zipfile import BadZipFile

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
    first_image: Tensor
    """What the episode began with, or what was seen first of it: uint8 ``(B, H, W, C)``."""


class States(NamedTuple):
    """A batch of states."""

    image: Tensor
    """uint8 ``(B, H, W, C)``."""
    factors: Tensor
    """float32 ``(B, K)``."""


class Pairs(NamedTuple):
    """A batch of states, and of others that differ from them in some factors."""

    image: Tensor
    """uint8 ``(B, H, W, C)``."""
    factors: Tensor
    """float32 ``(B, K)``."""
    next_image: Tensor
    """Of the others: uint8 ``(B, H, W, C)``."""
    next_factors: Tensor
    """Of the others: float32 ``(B, K)``."""


class Images(NamedTuple):
    """A batch of images of which nothing else is known."""

    image: Tensor
    """uint8 ``(B, H, W, C)``."""


class Data(Protocol):
    """What the training loop draws its batches from; its state goes into checkpoints."""

    def draw(self) -> Any:
        """The next batch."""

    def state_dict(self) -> dict[str, Any]:
        """Tensors that decide all batches to come."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on exactly where `state_dict` was taken."""


class Walk:
    """The environments of one batch, side by side and without end, for a learner that acts in its own `prepare`.

    Args:
        env: A vector environment from `make_factored`.
        seed: Of the environments.
    """

    def __init__(self, env: Any, seed: int) -> None:
        self.env = env
        self.image: Tensor = env.reset(seed=seed)[0]
        self.first: Tensor = self.image

    def draw(self) -> Any:
        """The walk itself."""
        return self

    def step(self, action: Tensor) -> tuple[Transitions, Tensor]:
        """One step of every environment, and whether its episode ended there: bool ``(B,)``."""
        image, first = self.image, self.first
        self.image, _, terminated, truncated, info = self.env.step(action.to(image.device))
        after = self.image
        if "final_obs" in info:
            ended = info["_final_obs"].view(-1, *[1] * (image.ndim - 1))
            after = torch.where(ended, info["final_obs"], after)
            self.first = torch.where(ended, self.image, first)
        return Transitions(image, action.to(image.device), after, first), terminated | truncated

    def state_dict(self) -> dict[str, Any]:
        """Environments (where they can be saved), and the first and last images."""
        saved = {"image": self.image, "first": self.first}
        return saved | ({"env": self.env.state_dict()} if hasattr(self.env, "state_dict") else {})

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken; environments that can't be saved begin new episodes instead."""
        if "env" in state:
            self.env.load_state_dict(state["env"])
            self.image, self.first = (state[name].to(self.image.device) for name in ("image", "first"))


class RandomWalk(Walk):
    """Endless transitions under uniformly random actions.

    Args:
        env: A vector environment from `make_factored`.
        seed: Of the environments and of the actions.
    """

    def __init__(self, env: Any, seed: int) -> None:
        super().__init__(env, seed)
        self.generator = torch.Generator().manual_seed(seed)

    def draw(self) -> Transitions:
        """One step of every environment."""
        return self.step(random_actions(self.env.single_action_space, self.env.num_envs, self.generator))[0]

    def state_dict(self) -> dict[str, Any]:
        """That of the walk, and the actions' generator."""
        return {**super().state_dict(), "generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken; environments that can't be saved begin new episodes instead."""
        self.generator.set_state(state["generator"])
        super().load_state_dict(state)


class FreshStates:
    """Endless states, each drawn anew as at the start of an episode: independent samples of the factors.

    Args:
        env: A vector environment from `make_factored`.
        seed: Of all draws.
    """

    def __init__(self, env: Any, seed: int) -> None:
        self.env = env
        self.generator = torch.Generator().manual_seed(seed)

    def draw(self) -> States:
        """A state of every environment."""
        seed = int(torch.randint(2**31, (), generator=self.generator))
        return States(self.env.reset(seed=seed)[0], self.env.get_factors())

    def state_dict(self) -> dict[str, Any]:
        """The generator, of which everything else follows."""
        return {"generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self.generator.set_state(state["generator"])


class FreshPairs:
    """Endless pairs of fresh states; the second takes over one factor, drawn at random, from a third.

    What the third has may be what the first had; worlds whose factors constrain each other refuse impossible mixtures.

    Args:
        env: A vector environment from `make_factored`.
        seed: Of all draws.
    """

    def __init__(self, env: Any, seed: int) -> None:
        self.env, self.states = env, FreshStates(env, seed)

    def draw(self) -> Pairs:
        """A pair of every environment."""
        one, other = self.states.draw(), self.states.draw()
        chosen = torch.randint(one.factors.shape[1], (len(one.factors),), generator=self.states.generator)
        each = torch.arange(len(chosen))
        mixed = one.factors.clone()
        mixed[each, chosen] = other.factors[each, chosen]
        self.env.set_factors(mixed)
        return Pairs(*one, self.env.observe(), self.env.get_factors())

    def state_dict(self) -> dict[str, Any]:
        """The states'."""
        return self.states.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self.states.load_state_dict(state)


DRAWN: dict[str, Callable[[Any, int], Data]] = {"walk": RandomWalk, "fresh": FreshStates, "pairs": FreshPairs}


class StoredImages:
    """Endless batches of images from an array, in memory or mapped from a file; each epoch in another order.

    Args:
        images: uint8 ``(n, H, W)`` or ``(n, H, W, C)``: an array, or the path of an ``.npy`` file, of which only what
            is drawn is read.
        batch_size: B; an epoch's last images that fill no batch are left to the next epoch.
        seed: Of the order.
        device: Where batches are wanted.

    Raises:
        InputError: No such file, or not such images, or fewer than a batch of them.
    """

    def __init__(self, images: Any, batch_size: int, seed: int, device: Any = "cpu") -> None:
        self.images = _stored(images)
        if len(self.images) < batch_size:
            raise InputError(f"there are {len(self.images)} images, fewer than a batch of {batch_size}")
        self.batch_size, self.device = batch_size, device
        self.generator = torch.Generator().manual_seed(seed)
        self._shuffle()

    @property
    def shape(self) -> ImageShape:
        """Of the images."""
        height, width = self.images.shape[1:3]
        return ImageShape(height, width, self.images.shape[3] if self.images.ndim == 4 else 1)

    def draw(self) -> Images:
        """The next batch."""
        if self.first + self.batch_size > len(self.images):
            self._shuffle()
        rows = self.order[self.first : self.first + self.batch_size].numpy()
        self.first += self.batch_size
        batch = torch.from_numpy(np.ascontiguousarray(self.images[rows])).view(len(rows), *self.shape)
        return Images(batch.to(self.device))

    def state_dict(self) -> dict[str, Any]:
        """The generator as it was before the epoch, and how far the epoch is."""
        return {"generator": self.before, "first": self.first}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self.generator.set_state(state["generator"])
        self._shuffle()
        self.first = int(state["first"])

    def _shuffle(self) -> None:
        self.before = self.generator.get_state()
        self.order = torch.randperm(len(self.images), generator=self.generator)
        self.first = 0


def _stored(images: Any) -> Any:
    """A uint8 array of images, mapped where a path is given."""
    if isinstance(images, (str, Path)):
        try:
            images = np.load(images, mmap_mode="r", allow_pickle=False)
        except FileNotFoundError:
            raise InputError(f"{images}: there is no such file") from None
        except (ValueError, OSError, EOFError, BadZipFile):
            raise InputError(f"{images} can't be read: it must be an .npy file of an array of plain numbers") from None
    images = np.asanyarray(images)
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or 0 in images.shape:
        raise InputError(
            f"images must be uint8 of shape (n, H, W) or (n, H, W, C), not {images.dtype} of {images.shape}"
        )
    if images.ndim == 4 and images.shape[1] in (1, 3) and images.shape[3] not in (1, 3):
        raise InputError(
            f"images of shape {images.shape} have their channels first; they are wanted last, (n, H, W, C): "
            "numpy.moveaxis(images, 1, -1)"
        )
    return images


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
    """Of the images that ``env``, from `make_factored`, `StoredImages` or a `Recording`, shows.

    Raises:
        InputError: It shows something else; the message says what, and which option gives images where one does.
    """
    shape = getattr(env, "shape", None)
    if isinstance(shape, ImageShape):
        return shape
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
