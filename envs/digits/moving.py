"""Two handwritten digits that bounce in a frame: moving MNIST, each digit on a colour plane of its own.

As in Whitney and Fergus 2019, *Disentangling video with independent prediction*, appendix C: one digit is red and the
other green; they start anywhere with any velocity, move deterministically and don't affect each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ..core import Factor, World, fixed_factors
from ..streams import Streams
from .data import load
from .grid import OBJECTS, check_image_size
from .sheet import Sheet


class DigitsMovingState(NamedTuple):
    """How the two digits move, and what they look like."""

    place: Tensor
    """float32 ``(n, 2, 2)``: digit, then x and y of its left upper corner, px"""
    velocity: Tensor
    """float32 ``(n, 2, 2)``: digit, then along x and y, px a step"""
    look: Tensor
    """int64 ``(n, 2, 2)``: digit, then its number 0 .. 9 and its style"""


class DigitsMoving(World[DigitsMovingState]):
    """Two digits bouncing between the image's edges; nothing can be done but to watch.

    Pictures show a digit at the nearest whole pixel. Each episode draws places, velocities and digits.
    ``info["digits"]`` says where the digits are from, "mnist" or "sklearn".

    Args:
        max_speed: Each velocity is uniform in +- ``max_speed`` along both axes, px a step (above 0, at most 9/16 of
            the image's size, the room that a digit has).
        styles: Handwritten exemplars of each of the ten digits (1 .. 174, with MNIST 1 .. 892 or more).
        image_size: Height and width of the observation in pixels (16 .. 512); a digit is 7/16 of it wide.
        device: Where the tensors live.

    Raises:
        ValueError: An option out of range, or damaged files of digits.
    """

    def __init__(
        self, max_speed: float = 4.0, styles: int = 50, image_size: int = 64, device: torch.device | str = "cpu"
    ) -> None:
        super().__init__(device)
        self.digit_size = check_image_size(image_size) * 7 // 16
        self.room = float(image_size - self.digit_size)
        if not 0 < max_speed <= self.room:
            raise ValueError(f"max_speed must be above 0 and at most {self.room:g} px a step, not {max_speed}")
        self.max_speed, self.styles = max_speed, styles
        digits = load()
        self.source = digits.source
        self._sheet = Sheet(digits.exemplars(styles, self.digit_size).flatten(0, 1).to(self.device), image_size, 3)
        self.factors = tuple(factor for item in OBJECTS for factor in self._factors_of(item))
        self._low = torch.tensor([factor.low for factor in self.factors], device=self.device)
        self._high = torch.tensor(
            [factor.high + (factor.size is not None) for factor in self.factors], device=self.device
        )
        self.observation_space = spaces.Box(0, 255, self._sheet.shape, np.uint8)
        self.action_space = spaces.Discrete(1)
        self.action_names = ("watch",)
        self.object_names = OBJECTS

    def _factors_of(self, item: str) -> list[Factor]:
        moving = [("x", 0.0, self.room), ("y", 0.0, self.room)]
        moving += [(f"{axis}_speed", -self.max_speed, self.max_speed) for axis in "xy"]
        looks = [("digit", 10), ("style", self.styles)]
        return [
            *(Factor(f"{item}.{name}", "continuous", low, high, None, "px", False) for name, low, high in moving),
            *(Factor(f"{item}.{name}", "categorical", 0, n - 1, n, "", False) for name, n in looks),
        ]

    def reset(self, n: int, rng: Streams, options: Mapping[str, Any] | None = None) -> DigitsMovingState:
        """Fresh states: all factors drawn independently and uniformly."""
        fixed = fixed_factors(self, n, options)
        drawn = self._low + (self._high - self._low) * rng.uniform(len(self.factors))
        for k, factor in enumerate(self.factors):
            if factor.name in fixed:
                drawn[:, k] = fixed[factor.name]
            elif factor.size is not None:
                drawn[:, k] = drawn[:, k].floor()
        return _state(drawn)

    def step(self, state: DigitsMovingState, action: Tensor, rng: Streams) -> tuple[DigitsMovingState, Tensor, Tensor]:
        """Every digit moves by its velocity, reflected where it would leave the image; deterministic."""
        ahead = state.place + state.velocity
        place = self.room - (self.room - ahead.abs()).abs()
        bounced = (ahead < 0) | (ahead > self.room)
        velocity = torch.where(bounced, -state.velocity, state.velocity)
        nothing = torch.zeros(len(place), device=self.device)
        return state._replace(place=place, velocity=velocity), nothing, nothing > 0

    def _pasted(self, state: DigitsMovingState, item: int) -> tuple[Tensor, Tensor, Tensor, int]:
        """The number, x and y in pixels of one digit's picture, int64 ``(n,)`` each, and its channel."""
        x, y = state.place[:, item].round().long().T
        digit, style = state.look[:, item].T
        return digit * self.styles + style, x, y, item

    def observe(self, state: DigitsMovingState) -> Tensor:
        """uint8 ``(n, image_size, image_size, 3)``: the first digit red, the second green."""
        return self._sheet.overlay(self._sheet.images(*self._pasted(state, 0)), *self._pasted(state, 1))

    def get_masks(self, state: DigitsMovingState) -> Tensor:
        """Bool ``(n, 2, image_size, image_size)``: each digit's ink."""
        return torch.stack([self._sheet.images(*self._pasted(state, item))[..., item] > 0 for item in (0, 1)], 1)

    def get_info(self, state: DigitsMovingState) -> dict[str, Any]:
        """``digits``: where they are from."""
        return {"digits": self.source}

    def get_factors(self, state: DigitsMovingState) -> Tensor:
        """float32 ``(n, 12)``: place, velocity, digit and style of the first and of the second."""
        return torch.cat([state.place, state.velocity, state.look.float()], 2).flatten(1)

    def set_factors(self, values: Tensor) -> DigitsMovingState:
        """States with these values."""
        return _state(self.check_factors(values))


def _state(values: Tensor) -> DigitsMovingState:
    parts = values.view(-1, 2, 6)
    return DigitsMovingState(parts[..., :2].clone(), parts[..., 2:4].clone(), parts[..., 4:].round().long())


class Videos(NamedTuple):
    """Films of a world, and the factors in each of their frames."""

    images: Tensor
    """uint8 ``(n, frames, image_size, image_size, 3)``"""
    factors: Tensor
    """float32 ``(n, frames, K)``"""


def videos(world: DigitsMoving, n: int, frames: int, rng: Streams) -> Videos:
    """``n`` films of ``frames`` frames, each from a fresh state.

    Args:
        world: What is filmed.
        n: How many; as many as there are streams.
        frames: At least 1.
        rng: One stream per film.
    """
    state = world.reset(n, rng)
    watch = torch.zeros(n, dtype=torch.int64, device=world.device)
    seen, values = [world.observe(state)], [world.get_factors(state)]
    for _ in range(frames - 1):
        state, _, _ = world.step(state, watch, rng)
        seen.append(world.observe(state))
        values.append(world.get_factors(state))
    return Videos(torch.stack(seen, 1), torch.stack(values, 1))
