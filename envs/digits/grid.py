"""Two handwritten digits on a grid, each moved by four actions: the gridworld of Thomas et al. 2018, appendix B.1.

*Disentangling the independently controllable factors of variation by interacting with the world* (arXiv:1802.09484).
The first digit is always odd and the second always even, so that they can be told apart.
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
from .sheet import Sheet

OBJECTS = ("first", "second")
MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1))


class DigitsGridState(NamedTuple):
    """Where the two digits are, and what they look like."""

    place: Tensor
    """int64 ``(n, 2, 2)``: digit, then x and y, in tiles"""
    look: Tensor
    """int64 ``(n, 2, 2)``: digit, then its number (0 .. 4 for 1, 3, 5, 7, 9 or 0, 2, 4, 6, 8) and its style"""


class DigitsGrid(World[DigitsGridState]):
    """An odd and an even digit; an action moves one of them by a tile. No task and no end.

    At the grid's edge a digit stays. Digits don't bar each other's way; where they overlap, the brighter pixel is seen.
    Each episode draws places and digits. ``info["digits"]`` says where the digits are from, "mnist" or "sklearn".

    Args:
        grid: Places along each axis, evenly spaced from edge to edge (2 .. 9/16 of the image's size in pixels). A digit
            is 7/16 of the image wide, so digits at neighbouring places overlap.
        styles: Handwritten exemplars of each of the ten digits (1 .. 174, with MNIST 1 .. 892 or more).
        image_size: Height and width of the observation in pixels (16 .. 512).
        device: Where the tensors live.

    Raises:
        ValueError: An option out of range, or damaged files of digits.
    """

    def __init__(
        self, grid: int = 8, styles: int = 50, image_size: int = 64, device: torch.device | str = "cpu"
    ) -> None:
        super().__init__(device)
        self.digit_size = check_image_size(image_size) * 7 // 16
        room = image_size - self.digit_size
        if not 2 <= grid <= room:
            raise ValueError(f"grid must be 2 .. {room} for an image_size of {image_size}, not {grid}")
        self.grid, self.styles = grid, styles
        digits = load()
        self.source = digits.source
        pictures = digits.exemplars(styles, self.digit_size).flatten(0, 1).to(self.device)
        self._sheet = Sheet(pictures, image_size, 1)
        self._pixels = (torch.arange(grid, device=self.device) * room / (grid - 1)).round().long()
        moves = torch.tensor(MOVES, device=self.device)
        self._moves = torch.stack([torch.stack([moves, 0 * moves], 1), torch.stack([0 * moves, moves], 1)]).flatten(
            0, 1
        )
        self.factors = tuple(factor for item in OBJECTS for factor in self._factors_of(item))
        self._sizes = torch.tensor([factor.size for factor in self.factors], device=self.device)
        self.observation_space = spaces.Box(0, 255, self._sheet.shape, np.uint8)
        self.action_space = spaces.Discrete(8)
        self.action_names = tuple(f"{item} {way}" for item in OBJECTS for way in ("left", "right", "up", "down"))
        self.object_names = OBJECTS

    def _factors_of(self, item: str) -> list[Factor]:
        places = [Factor(f"{item}.{axis}", "ordinal", 0, self.grid - 1, self.grid, "tile", True) for axis in "xy"]
        looks = [("digit", 5), ("style", self.styles)]
        return places + [Factor(f"{item}.{name}", "categorical", 0, n - 1, n, "", False) for name, n in looks]

    def reset(self, n: int, rng: Streams, options: Mapping[str, Any] | None = None) -> DigitsGridState:
        """Fresh states: all factors drawn independently, each value equally likely."""
        fixed = fixed_factors(self, n, options)
        drawn = (rng.uniform(len(self.factors)) * self._sizes).long()
        for k, factor in enumerate(self.factors):
            if factor.name in fixed:
                drawn[:, k] = fixed[factor.name].round().long()
        return _state(drawn)

    def step(self, state: DigitsGridState, action: Tensor, rng: Streams) -> tuple[DigitsGridState, Tensor, Tensor]:
        """Move one digit; deterministic."""
        place = (state.place + self._moves[action]).clamp(0, self.grid - 1)
        nothing = torch.zeros(len(place), device=self.device)
        return state._replace(place=place), nothing, nothing > 0

    def _pasted(self, state: DigitsGridState, item: int) -> tuple[Tensor, Tensor, Tensor]:
        """The number, x and y in pixels of one digit's picture: int64 ``(n,)`` each."""
        x, y = self._pixels[state.place[:, item]].T
        digit, style = state.look[:, item].T
        return (2 * digit + 1 - item) * self.styles + style, x, y

    def observe(self, state: DigitsGridState) -> Tensor:
        """uint8 ``(n, image_size, image_size, 1)``."""
        return self._sheet.overlay(self._sheet.images(*self._pasted(state, 0)), *self._pasted(state, 1))

    def get_masks(self, state: DigitsGridState) -> Tensor:
        """Bool ``(n, 2, image_size, image_size)``: each digit's ink."""
        return torch.stack([self._sheet.images(*self._pasted(state, item))[..., 0] > 0 for item in (0, 1)], 1)

    def get_info(self, state: DigitsGridState) -> dict[str, Any]:
        """``digits``: where they are from."""
        return {"digits": self.source}

    def get_factors(self, state: DigitsGridState) -> Tensor:
        """float32 ``(n, 8)``: x to the right and y down, digit and style, of the first and of the second."""
        return torch.cat([state.place, state.look], 2).flatten(1).float()

    def set_factors(self, values: Tensor) -> DigitsGridState:
        """States with these values."""
        return _state(self.check_factors(values).round().long())


def _state(values: Tensor) -> DigitsGridState:
    parts = values.view(-1, 2, 4)
    return DigitsGridState(parts[..., :2].clone(), parts[..., 2:].clone())


def check_image_size(image_size: int) -> int:
    """The size itself; `ValueError` unless it is 16 .. 512."""
    if not 16 <= image_size <= 512:
        raise ValueError(f"image_size must be 16 .. 512 px, not {image_size}")
    return image_size
