"""Squares, ellipses and triangles as a world: the factors of Peychev, Veličković & Liò 2017, section 3.1.1.

The pictures are those of `unbraid.envs.sprites.square_ellipse_triangle`, which tells how they are drawn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ..core import World, fixed_factors
from ..streams import Streams
from .patches import FRAME_PX
from .properties import MOVES, Property, change
from .square_ellipse_triangle import ANGLES_DEG, PLACES_PX, RADII_PX, SHAPES, pictures

PROPERTIES = (
    Property("shape", "categorical", 0, len(SHAPES) - 1, len(SHAPES), period=len(SHAPES)),
    Property("scale", "ordinal", RADII_PX[0], RADII_PX[-1], len(RADII_PX), "px"),
    Property("rotation", "ordinal", 0, math.radians(ANGLES_DEG[-1]), len(ANGLES_DEG), "rad"),
    Property("x", "ordinal", PLACES_PX[0], PLACES_PX[-1], len(PLACES_PX), "px"),
    Property("y", "ordinal", PLACES_PX[0], PLACES_PX[-1], len(PLACES_PX), "px"),
)

_ACTIONS = (
    *MOVES,
    ("turn", "rotation", 1),
    ("turn back", "rotation", -1),
    ("grow", "scale", 1),
    ("shrink", "scale", -1),
    ("next shape", "shape", 1),
)
_FRAME = FRAME_PX**2


class TriangleState(NamedTuple):
    """What the shape is, and where."""

    indices: Tensor
    """Indices of the grids of `PROPERTIES`, int64 ``(n, 5)``."""


class SquareEllipseTriangle(World[TriangleState]):
    """A white square, ellipse or triangle that moves, turns, grows and changes, one step of one factor per action.

    Shapes are square, ellipse, triangle, in this order. Scale is half a square's side, half an ellipse's length or a
    triangle's circumradius, 8 .. 13 px; x (to the right) and y (down) are the pixel of the centre, 24 .. 39. Rotation
    is against the clock, 0 to 177 degrees in steps of 3. Half a turn leaves squares and ellipses as they are, but not
    triangles, so that turning stops at both ends, as moving and growing do; after the triangle comes the square.

    Fresh states are uniform and independent in all factors. `factor_grid` of `square_ellipse_triangle` holds the same
    combinations in another order of columns: ``factor_grid()[:, [0, 3, 4, 1, 2]]`` are rows of `TriangleState.indices`.

    Args:
        device: Where the tensors live.
    """

    action_names = tuple(name for name, _, _ in _ACTIONS)
    object_names = ("agent",)
    factors = tuple(held.factor("agent", True) for held in PROPERTIES)
    observation_space = spaces.Box(0, 255, (FRAME_PX, FRAME_PX, 1), np.uint8)
    action_space = spaces.Discrete(len(_ACTIONS))

    def __init__(self, device: torch.device | str = "cpu") -> None:
        super().__init__(device)
        effect = [[by if held.name == of else 0 for held in PROPERTIES] for _, of, by in _ACTIONS]
        self._effect = torch.tensor(effect, device=self.device)
        grids = [(held.low, held.high, held.size - 1) for held in PROPERTIES]
        self._low, high, last = torch.tensor(grids, dtype=torch.float64, device=self.device).unbind(1)
        self._step = (high - self._low) / last
        table = _table().to(self.device)
        self._windows = table.as_strided((len(table) - _FRAME + 1, _FRAME), (1, 1))

    def reset(self, n: int, rng: Streams, options: Mapping[str, Any] | None = None) -> TriangleState:
        """Fresh states, every factor uniform over its grid."""
        fixed = fixed_factors(self, n, options)
        values = self.get_factors(TriangleState(torch.cat([rng.integers(held.size) for held in PROPERTIES], 1)))
        for k, factor in enumerate(self.factors):
            values[:, k] = fixed.get(factor.name, values[:, k])
        return self._nearest(values)

    def step(self, state: TriangleState, action: Tensor, rng: Streams) -> tuple[TriangleState, Tensor, Tensor]:
        """Change one factor by one value; deterministic, without reward or end."""
        nothing = torch.zeros(len(action), device=self.device)
        return TriangleState(change(state.indices, self._effect[action], PROPERTIES)), nothing, nothing > 0

    def observe(self, state: TriangleState) -> Tensor:
        """uint8 ``(n, 64, 64, 1)``, 0 or 255."""
        shape, scale, rotation, x, y = state.indices.unbind(1)
        picture = (shape * len(RADII_PX) + scale) * len(ANGLES_DEG) + rotation
        first = (picture + 1) * _FRAME - y * FRAME_PX - x
        return self._windows.index_select(0, first).view(-1, FRAME_PX, FRAME_PX, 1)

    def get_masks(self, state: TriangleState) -> Tensor:
        """Bool ``(n, 1, 64, 64)``: every white pixel."""
        return self.observe(state).permute(0, 3, 1, 2) > 0

    def get_factors(self, state: TriangleState) -> Tensor:
        """float32 ``(n, 5)``: shape, scale in px, rotation in rad, x and y in px."""
        return (self._low + self._step * state.indices).float()

    def set_factors(self, values: Tensor) -> TriangleState:
        """States with these values; every combination is possible."""
        return self._nearest(self.check_factors(values))

    def _nearest(self, values: Tensor) -> TriangleState:
        return TriangleState(((values - self._low) / self._step).round().long())


@cache
def _table() -> Tensor:
    """A black frame, then every picture at the first place, row by row: uint8 ``(1081 * 4096,)``.

    There is black all around each shape, so that the 4096 bytes that begin ``64 y + x`` bytes before a picture are the
    same picture moved x to the right and y down: to draw is to copy.
    """
    frames = torch.from_numpy(pictures()).flatten().to(torch.uint8) * 255
    return torch.cat([torch.zeros(_FRAME, dtype=torch.uint8), frames])
