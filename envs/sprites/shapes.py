"""The outlines of sprites, and how much of each pixel they cover."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor

FULL = 64
"""The coverage of a pixel that lies wholly inside; pixels are sampled at 8 x 8 points."""

_OVERSAMPLING = 8


def _square(u: Tensor, v: Tensor) -> Tensor:
    return torch.maximum(u.abs(), v.abs()) <= 10.4


def _ellipse(u: Tensor, v: Tensor) -> Tensor:
    return (u / 14.0).square() + (v / 8.5).square() <= 1.0


def _heart(u: Tensor, v: Tensor) -> Tensor:
    """A square on its corner, and a disc on each of its two upper sides; turned about the enclosing circle's centre."""
    side, lift = 15.6, 2.9
    v = v - lift
    lobe = side / math.sqrt(8.0)
    body = u.abs() + v.abs() <= side / math.sqrt(2.0)
    return body | ((u.abs() - lobe).square() + (v + lobe).square() <= (side / 2) ** 2)


def _disc(u: Tensor, v: Tensor) -> Tensor:
    return u.square() + v.square() <= 10.0**2


OUTLINES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "square": _square,
    "ellipse": _ellipse,
    "heart": _heart,
    "disc": _disc,
}
"""Whether points (u to the right, v down, in pixels at scale 1) are inside; all lie within 15 px of (0, 0)."""


@cache
def coverage(shapes: Sequence[str], scales: Sequence[float], angles_rad: Sequence[float], side_px: int) -> Tensor:
    """How much of each pixel every variant covers, centred on the pixel ``side_px // 2``; cached, so leave it as it is.

    Args:
        shapes: Names of `OUTLINES`.
        scales: Factors of size.
        angles_rad: Turns, clockwise as seen.
        side_px: Height and width of the pictures in pixels.

    Returns:
        uint8 ``(len(shapes) * len(scales) * len(angles_rad), side_px, side_px)``, 0 .. `FULL`, angles fastest.
    """
    axis = (torch.arange(side_px * _OVERSAMPLING) + 0.5) / _OVERSAMPLING - (side_px // 2 + 0.5)
    angle = torch.tensor(angles_rad, dtype=torch.float64)[:, None, None]
    cos, sin = angle.cos().float(), angle.sin().float()
    u, v = cos * axis + sin * axis[:, None], cos * axis[:, None] - sin * axis
    pictures = [_count(OUTLINES[shape](u / scale, v / scale), side_px) for shape in shapes for scale in scales]
    return torch.cat(pictures)


def _count(inside: Tensor, side_px: int) -> Tensor:
    """Sample points inside each pixel: uint8 ``(n, side_px, side_px)``."""
    cells = inside.view(-1, side_px, _OVERSAMPLING, side_px, _OVERSAMPLING)
    return cells.sum(2, dtype=torch.uint8).sum(3, dtype=torch.uint8)
