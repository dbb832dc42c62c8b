"""Triangles to pixels, many images at a time: a z-buffer as a torch program."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

NOTHING = -1
LEVELS = 2**40
"""Of inverse depth, in the keys that pixels keep the largest of."""


SLACK = 1e-4
"""Square pixels by which a pixel may be outside, so that rounding opens no cracks between triangles."""


class Seen(NamedTuple):
    """Triangles that face the eye."""

    row: Tensor
    """Image of each, int64 ``(T,)``"""
    face: Tensor
    """Number of each, int64 ``(T,)``"""
    corners: Tensor
    """Where they are, x and y in pixels, ``(T, 3, 2)``"""
    nearness: Tensor
    """Inverse depth there, ``(T, 3)``"""
    area: Tensor
    """Twice their area, square pixels, ``(T,)``"""


def rasterise(points: Tensor, depth: Tensor, faces: Tensor, size: int) -> Tensor:
    """Which triangle is seen in the middle of each pixel.

    Args:
        points: Of all vertices, x to the right and y down, in pixels: ``(B, V, 2)``.
        depth: Along where the camera looks, above 0: ``(B, V)``.
        faces: Vertices of triangles, counter-clockwise seen from outside: int64 ``(F, 3)``.
        size: Of the images.

    Returns:
        Numbers of triangles, int64 ``(B, size, size)``; -1 where there is none.
    """
    seen = _facing(points, 1 / depth, faces)
    nearest = torch.full((len(points) * size * size,), NOTHING, dtype=torch.int64, device=points.device)
    scale = LEVELS * depth.amin(1)[seen.row].double()
    first = seen.corners.amin(1).sub(0.5).ceil().clamp(0, size)
    last = seen.corners.amax(1).sub(0.5).floor().clamp(-1, size - 1)
    extent = (last - first).amax(1).long() + 1
    width = 1
    while width < 2 * size:
        among = torch.nonzero((extent > width // 2) & (extent <= width))[:, 0]
        if len(among):
            _fill(nearest, Seen(*(part[among] for part in seen)), first[among], scale[among], width, size, len(faces))
        width *= 2
    drawn = torch.where(nearest >= 0, nearest % len(faces), NOTHING)
    return drawn.view(len(points), size, size)


def _facing(points: Tensor, nearness: Tensor, faces: Tensor) -> Seen:
    corners = points[:, faces]
    ab, ac = corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0]
    area = ab[..., 1] * ac[..., 0] - ab[..., 0] * ac[..., 1]  # y goes down
    row, face = torch.nonzero(area > 0, as_tuple=True)
    return Seen(row, face, corners[row, face], nearness[:, faces][row, face], area[row, face])


def _fill(nearest: Tensor, seen: Seen, first: Tensor, scale: Tensor, width: int, size: int, faces: int) -> None:
    """Offer each pixel in a square of ``width`` from ``first`` on, ``(T, 2)``, the triangle that it is in.

    What lies across from a corner of a triangle, an edge, is a linear function of x and y that is 0 on it and the
    triangle's area in the corner: inside all three are above 0.
    """
    corners = seen.corners - (first[:, None] + 0.5)
    ahead, behind = corners.roll(-1, 1), corners.roll(1, 1)
    slope = torch.stack([behind[..., 1] - ahead[..., 1], ahead[..., 0] - behind[..., 0]], 2)  # (T, 3, 2)
    offset = -(slope * ahead).sum(2)
    steps = torch.arange(width, device=first.device, dtype=torch.float32)
    along, down = (slope[..., axis, None] * steps for axis in (0, 1))
    down += offset[..., None]
    least = along[:, 0, None, :] + down[:, 0, :, None]
    for k in (1, 2):
        torch.minimum(least, along[:, k, None, :] + down[:, k, :, None], out=least)
    which, y, x = torch.nonzero(least >= -SLACK, as_tuple=True)
    shares = (along[which, :, x] + down[which, :, y]) / seen.area[which, None]
    level = (scale[which] * (shares * seen.nearness[which]).sum(1)).long()
    x, y = (place + first[which, axis].long() for axis, place in enumerate((x, y)))
    here = (x < size) & (y < size)
    where = (seen.row[which] * size + y) * size + x
    nearest.scatter_reduce_(0, where[here], (level * faces + seen.face[which])[here], "amax")
