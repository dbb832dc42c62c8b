"""What a sprite has: its properties, their grids, and the actions that change them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ..core import Factor, Kind

Colour = Literal["white", "rgb", "palette"]
COLOURS: dict[str, tuple[str, ...]] = {"white": (), "rgb": ("red", "green", "blue"), "palette": ("colour",)}

SHAPES = ("square", "ellipse", "heart")
PALETTE = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0))
"""Red, green, blue, yellow."""


@dataclass(frozen=True)
class Property:
    """One property of a sprite, on a grid of ``size`` values from ``low`` to ``high``.

    Args:
        name: As in ``"x"``.
        kind: Of its factor.
        low: Smallest value, in ``unit``.
        high: Largest value, in ``unit``.
        size: Number of values, evenly spaced.
        unit: As in ``"rad"``.
        period: After so many values it begins anew; 0 for a property that stops at its ends.
    """

    name: str
    kind: Kind
    low: float
    high: float
    size: int
    unit: str = ""
    period: int = 0

    @property
    def values(self) -> Tensor:
        """The grid: float32 ``(size,)``."""
        return torch.linspace(self.low, self.high, self.size, dtype=torch.float64).float()

    def factor(self, sprite: str, controllable: bool) -> Factor:
        """The property of this sprite as a factor."""
        return Factor(f"{sprite}.{self.name}", self.kind, self.low, self.high, self.size, self.unit, controllable)


_ALL = (
    Property("present", "categorical", 0, 1, 2, period=2),
    Property("shape", "categorical", 0, 2, 3, period=3),
    Property("scale", "ordinal", 0.5, 1, 6),
    # As in dSprites both ends are there and look alike, so that a full turn is one value shorter than the grid.
    Property("orientation", "cyclic", 0, 2 * math.pi, 40, "rad", period=39),
    Property("x", "ordinal", 0, 1, 32),
    Property("y", "ordinal", 0, 1, 32),
    Property("red", "ordinal", 0.5, 1, 16),
    Property("green", "ordinal", 0.5, 1, 16),
    Property("blue", "ordinal", 0.5, 1, 16),
    Property("colour", "categorical", 0, len(PALETTE) - 1, len(PALETTE), period=len(PALETTE)),
)

MOVES = (("left", "x", -1), ("right", "x", 1), ("up", "y", -1), ("down", "y", 1))
"""Name, property and change on its grid; moves along x and y are multiplied by the world's stride."""

CHANGES = (
    ("turn", "orientation", 1),
    ("turn back", "orientation", -1),
    ("grow", "scale", 1),
    ("shrink", "scale", -1),
    ("next shape", "shape", 1),
    ("next colour", "colour", 1),
    *((f"{name} {word}", name, by) for name in ("red", "green", "blue") for word, by in (("up", 1), ("down", -1))),
    ("show or hide", "present", 1),
)


_HALF_SIZE = {
    "scale": Property("scale", "ordinal", 0.25, 0.5, 6),
    "x": Property("x", "ordinal", 0, 1, 48),
    "y": Property("y", "ordinal", 0, 1, 48),
}


def properties(colour: Colour, optional: bool = False, half_size: bool = False) -> tuple[Property, ...]:
    """The properties of sprites that are coloured so, may be absent (``optional``), or are half as large."""
    left_out = {name for kind, names in COLOURS.items() if kind != colour for name in names}
    held = tuple(p for p in _ALL if p.name not in left_out and (optional or p.name != "present"))
    return tuple(_HALF_SIZE.get(p.name, p) for p in held) if half_size else held


def change(index: Tensor, by: Tensor, held: tuple[Property, ...]) -> Tensor:
    """Grid indices after a change: periodic properties begin anew, the others stop at their ends.

    Args:
        index: int64 ``(n, N, F)``.
        by: int64 ``(n, N, F)``.
        held: The F properties.
    """
    last = torch.tensor([p.size - 1 for p in held], device=index.device)
    period = torch.tensor([p.period for p in held], device=index.device)
    moved = index + by
    turned = moved - period * (moved > last).long() + period * (moved < 0).long()
    return torch.minimum(turned.clamp(min=0), last)
