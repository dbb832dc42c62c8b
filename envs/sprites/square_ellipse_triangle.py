"""Squares, ellipses and triangles: the 267,021 distinct pictures of Peychev, Veličković & Liò 2017, section 3.1.1.

Three shapes in six sizes, 60 rotations and 16 x 16 places make 276,480 pictures of 64 x 64 binary pixels, some of which
are equal: a square looks the same after a quarter turn, sometimes moved by a pixel. The paper, "Quantifying the effects
of enforcing disentanglement on variational autoencoders", counts 267,021 pictures but doesn't tell how they are drawn;
its authors' code does (github.com/mpeychev/disentangled-autoencoders): a shape is drawn by Pillow, rotated with bicubic
filtering, moved by whole pixels and thresholded at one half. Drawn so (with Pillow 13), 89,007 squares, 89,693 ellipses
and 92,160 triangles are distinct; that code keeps as many of each shape as of squares, 3 x 89,007 = 267,021.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .patches import FRAME_PX

SHAPES = ("square", "ellipse", "triangle")
RADII_PX = tuple(range(8, 14))
"""Half a square's side, half an ellipse's length (which is about twice its width), a triangle's circumradius."""
ANGLES_DEG = tuple(range(0, 180, 3))
PLACES_PX = tuple(range(24, 40))
COLUMNS = ("shape", "x", "y", "radius", "angle")
SIZES = (len(SHAPES), len(PLACES_PX), len(PLACES_PX), len(RADII_PX), len(ANGLES_DEG))

_CANVAS_PX = 128


def factor_grid() -> NDArray[np.int64]:
    """Every combination, as indices of the grids: ``(276480, 5)``, columns `COLUMNS`, the last varying fastest."""
    return np.indices(SIZES).reshape(len(SIZES), -1).T


def distinct(rng: np.random.Generator | None = None) -> NDArray[np.int64]:
    """The combinations whose pictures differ; of those that look alike the first is kept. Takes about a second.

    Args:
        rng: To keep, as the paper does, no more of a shape than there are squares, drawn at random; None keeps all.

    Returns:
        ``(267021, 5)`` as in `factor_grid`; ``(270860, 5)`` without ``rng``.
    """
    grid = factor_grid()
    shape, x, y, radius, angle = grid.T
    outline, corner = _outlines()
    picture = (shape * len(RADII_PX) + radius) * len(ANGLES_DEG) + angle
    left, top = corner[picture, 0] + x, corner[picture, 1] + y
    look = (outline[picture] * FRAME_PX + left) * FRAME_PX + top
    first = np.sort(np.unique(look, return_index=True)[1])
    if rng is not None:
        kept = [first[shape[first] == k] for k in range(len(SHAPES))]
        most = len(kept[0])
        first = np.concatenate([np.sort(rng.permutation(rows)[:most]) for rows in kept])
    return grid[first]


def images(factors: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The pictures of these combinations.

    Args:
        factors: ``(n, 5)``, rows of `factor_grid`.

    Returns:
        0 or 255, ``(n, 64, 64, 1)``.
    """
    shape, x, y, radius, angle = factors.T
    most = len(PLACES_PX) - 1
    padded = np.pad(pictures(), ((0, 0), (most, 0), (most, 0)))
    windows = sliding_window_view(padded, (FRAME_PX, FRAME_PX), axis=(1, 2))
    picture = (shape * len(RADII_PX) + radius) * len(ANGLES_DEG) + angle
    found: NDArray[np.uint8] = windows[picture, most - y, most - x][..., None] * np.uint8(255)
    return found


@cache
def pictures() -> NDArray[np.bool_]:
    """Every shape, size and rotation at the first place, angles fastest: ``(1080, 64, 64)``; leave it as it is."""
    return np.stack([_draw(s, r, a) for s in SHAPES for r in RADII_PX for a in ANGLES_DEG])


def _draw(shape: str, radius: int, angle_deg: int) -> NDArray[np.bool_]:
    canvas = Image.new("L", (_CANVAS_PX, _CANVAS_PX), 0)
    draw, middle = ImageDraw.Draw(canvas), _CANVAS_PX // 2
    if shape == "triangle":
        directions = [math.radians(90 + 120 * k) for k in range(3)]
        points = [(middle + radius * math.cos(a), middle - radius * math.sin(a)) for a in directions]
        draw.polygon(points, fill=255)
    else:
        width = radius // 2 if shape == "ellipse" else radius
        box = [middle - width, middle - radius, middle + width, middle + radius]
        (draw.ellipse if shape == "ellipse" else draw.rectangle)(box, fill=255)
    turned = canvas.rotate(angle_deg, Image.Resampling.BICUBIC, expand=True)
    left, top = (size // 2 - PLACES_PX[0] for size in turned.size)
    return np.asarray(turned.crop((left, top, left + FRAME_PX, top + FRAME_PX))) >= 127.5


def _outlines() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each of the 1080 pictures the number of its outline, wherever that lies, and the x and y of its corner."""
    drawn = pictures()
    left, top = drawn.any(1).argmax(1), drawn.any(2).argmax(1)
    at_corner = [np.roll(picture, (-y, -x), (0, 1)) for picture, x, y in zip(drawn, left, top, strict=True)]
    packed = np.packbits(np.stack(at_corner).reshape(len(drawn), -1), axis=1)
    return np.unique(packed, axis=0, return_inverse=True)[1].reshape(-1), np.stack([left, top], 1)
