"""One object, looked at from all sides, in all colours: a still world for representations (Eastwood & Williams 2018).

Factors and their ranges are those of *A Framework for the Quantitative Evaluation of Disentangled Representations*,
appendix A.1, and so is the gap: red objects seen from above, which a learner never sees and is tested on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ...errors import InputError, UnknownNameError
from ..core import Factor, World, fixed_factors
from ..streams import Streams
from .objects import CATEGORIES, Shape, things
from .raster import NOTHING, rasterise

FILLS = 0.46
"""Of an image's size, how far the object reaches from the middle at most."""
DISTANCE = 4.0
"""Of the camera, in radii of the object."""
LIGHT = (0.5, 0.35, 0.79)
"""Where light comes from, whichever way the object is looked at."""
DARKEST = 0.3
"""Of a colour, where no light falls."""
MARGIN = 0.15
"""By which red exceeds green and blue in the gap."""
SPLITS = ("all", "train", "gap")
TRIES = 24
"""Colours that are drawn outside of the gap until one is there: .2 to that power is nothing."""
AROUND, OVER, TINT = 0.2, 0.1, 0.1
"""What an action changes: rad, rad, and of a colour."""
_COLOURS = ("red", "green", "blue")


class View(NamedTuple):
    """Where the object is seen from, and its colour."""

    values: Tensor
    """The factors, float32 ``(n, 5)``"""


class Objects(World[View]):
    """A teapot, or another object, on black, seen from somewhere above; actions go round it and dye it.

    Light comes from one side of the object. Edges are not smoothed: a pixel has the colour of its middle.

    Args:
        object: A category, which stands for its middling shape; a name as in ``mug07``; or a mesh file.
        size: Of the images, pixels.
        split: ``"all"``; ``"train"``, whose fresh states are not in the gap; or ``"gap"``, whose are.
        device: Where the tensors live.

    Raises:
        InputError: No such object or split.
    """

    action_names = ("left", "right", "up", "down", *(f"{way} {name}" for name in _COLOURS for way in ("more", "less")))
    object_names = ("object",)
    factors = (
        Factor("object.azimuth", "cyclic", 0.0, 2 * math.pi, None, "rad", True),
        Factor("object.elevation", "continuous", 0.0, math.pi / 2, None, "rad", True),
        *(Factor(f"object.{name}", "continuous", 0.0, 1.0, None, "", True) for name in _COLOURS),
    )
    action_space = spaces.Discrete(len(action_names))

    def __init__(
        self,
        object: str = "teapot",
        size: int = 64,
        split: Literal["all", "train", "gap"] = "all",
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(device)
        if split not in SPLITS:
            raise UnknownNameError("split", split, SPLITS)
        if size < 1:
            raise InputError(f"size must be at least 1, not {size}")
        self.split, self.size = split, size
        self.observation_space = spaces.Box(0, 255, (size, size, 3), np.uint8)
        solid = (Shape(object, (0.5,) * 4) if object in CATEGORIES else things(object)[0]).solid
        vertices = torch.as_tensor(solid.vertices - solid.bounds.mean(0), dtype=torch.float32)
        self._vertices = (vertices / vertices.norm(dim=1).max()).to(self.device)
        self._faces = torch.as_tensor(solid.faces, dtype=torch.int64, device=self.device)
        a, b, c = self._vertices[self._faces].unbind(1)
        normal = torch.nn.functional.normalize(torch.linalg.cross(b - a, c - a), dim=1)
        light = torch.tensor(LIGHT, device=self.device) / math.hypot(*LIGHT)
        self._shade = torch.cat([DARKEST + (1 - DARKEST) * (normal @ light).clamp_min(0), light.new_zeros(1)])
        signs = torch.eye(5, device=self.device).repeat_interleave(2, 0) * torch.tensor([1.0, -1.0] * 5)[:, None].to(
            light
        )
        self._effect = signs * torch.tensor([AROUND, OVER, TINT, TINT, TINT], device=self.device)

    def reset(self, n: int, rng: Streams, options: Mapping[str, Any] | None = None) -> View:
        """Fresh states, uniform in all factors but for the gap."""
        fixed = fixed_factors(self, n, options)
        shares = rng.uniform(2)
        values = torch.cat(
            [shares * torch.tensor([2 * math.pi, math.pi / 2], device=self.device), self._dyed(shares[:, 1], rng)], 1
        )
        if self.split == "gap":
            values[:, 1] = math.pi / 4 * (1 + shares[:, 1])
        for k, factor in enumerate(self.factors):
            values[:, k] = fixed.get(factor.name, values[:, k])
        return View(values)

    def _dyed(self, height: Tensor, rng: Streams) -> Tensor:
        """Colours ``(n, 3)`` for shares ``(n,)`` of the elevation."""
        if self.split == "all":
            return rng.uniform(3)
        if self.split == "gap":
            drawn = rng.uniform(3)
            red = MARGIN + (1 - MARGIN) * drawn[:, :1] ** (1 / 3)
            return torch.cat([red, drawn[:, 1:] * (red - MARGIN)], 1)
        tries = rng.uniform(3 * TRIES).view(-1, TRIES, 3)
        allowed = ~is_red(tries) | (height <= 0.5)[:, None]
        return tries[torch.arange(len(tries), device=self.device), allowed.int().argmax(1)]

    def step(self, state: View, action: Tensor, rng: Streams) -> tuple[View, Tensor, Tensor]:
        """Go round, up or down, or dye; what can't go further stays. Deterministic, without reward or end."""
        values = state.values + self._effect[action]
        values[:, 0] %= 2 * math.pi
        values[:, 1] = values[:, 1].clamp(0, math.pi / 2)
        values[:, 2:] = values[:, 2:].clamp(0, 1)
        nothing = torch.zeros(len(action), device=self.device)
        return View(values), nothing, nothing > 0

    def observe(self, state: View) -> Tensor:
        """uint8 ``(n, size, size, 3)``."""
        shade = self._shade[self._drawn(state)]
        return (shade[..., None] * (255 * state.values[:, None, None, 2:]) + 0.5).to(torch.uint8)

    def get_masks(self, state: View) -> Tensor:
        """Bool ``(n, 1, size, size)``: where the object is."""
        return (self._drawn(state) != NOTHING)[:, None]

    def _drawn(self, state: View) -> Tensor:
        """Which triangle each pixel shows, int64 ``(n, size, size)``."""
        azimuth, elevation = state.values[:, 0], state.values[:, 1]
        (ca, sa), (ce, se) = ((angle.cos(), angle.sin()) for angle in (azimuth, elevation))
        right = torch.stack([-sa, ca, torch.zeros_like(sa)], 1)
        out = torch.stack([ce * ca, ce * sa, se], 1)
        axes = torch.stack([right, -torch.linalg.cross(out, right), -out], 2)
        seen = self._vertices @ axes
        depth = seen[..., 2] + DISTANCE
        focal = FILLS * self.size * math.sqrt(DISTANCE**2 - 1)
        points = self.size / 2 + focal * seen[..., :2] / depth[..., None]
        return rasterise(points, depth, self._faces, self.size)

    def get_factors(self, state: View) -> Tensor:
        """float32 ``(n, 5)``: azimuth and elevation in rad, red, green, blue."""
        return state.values.clone()

    def set_factors(self, values: Tensor) -> View:
        """States with these values; every combination is possible."""
        return View(self.check_factors(values))


def is_red(colours: Tensor) -> Tensor:
    """Whether colours ``(..., 3)`` are those of the gap."""
    red, green, blue = colours.unbind(-1)
    return (red > green + MARGIN) & (red > blue + MARGIN)


def in_gap(values: Tensor) -> Tensor:
    """Whether factors ``(..., 5)`` are in the gap: red, and seen from more than 45 degrees above."""
    return is_red(values[..., 2:]) & (values[..., 1] > math.pi / 4)
