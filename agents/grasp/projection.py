"""What a grid of occupancy looks like: from cameras, and from the gripper (Yan et al. 2017, figure 1).

Both layers learn nothing and are differentiable: the grid, probabilities from 0 to 1, is read between voxels' middles
along rays; a ray stops in a place with the probability that the place is full and none before it was.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ...envs.grasp.camera import Camera
from ...envs.grasp.grid import HIGH, LOW

SAMPLES = 56
"""Along a camera's ray; 1 cm apart, which is a voxel of 32 a side."""
LEAST = 1e-5
"""Of emptiness, so that it has a logarithm."""
REACH = 0.28
"""m, half of the way on which a camera's rays are sampled, around what it looks at."""
LOCAL = ((-0.03, 0.03, 8), (-0.06, 0.06, 24), (-0.055, 0.03, 12))
"""Least, largest and number of places along the gripper's x, y and z axes, m: 5 to 9 mm apart, as voxels are."""


Pixels = tuple[slice, slice]
ALL: Pixels = (slice(None), slice(None))


class Projected(NamedTuple):
    """Views of a grid."""

    stops: Tensor
    """Probability that a ray stops at each depth, ``(..., S, h, w)``"""
    log_missed: Tensor
    """Logarithm of the probability that it stops nowhere, ``(..., h, w)``; it has a slope where that is next to 0"""
    full: Tensor
    """Occupancy along the rays, ``(..., S, h, w)``"""
    depths: Tensor
    """m along where the camera looks, ``(S,)``"""

    @property
    def depth(self) -> Tensor:
        """Mean depth of what is seen, m, ``(..., h, w)``; of rays that stop nowhere, the last of all."""
        return torch.einsum("...shw,s->...hw", self.stops, self.depths) + self.log_missed.exp() * self.depths[-1]


def read(occupancy: Tensor, points: Tensor) -> Tensor:
    """A grid ``(B, X, Y, Z)`` at points ``(B, ..., 3)`` in m, linearly between voxels, 0 outside: ``(B, ...)``."""
    scale, middle = 2 / points.new_tensor((HIGH - LOW).tolist()), points.new_tensor(((LOW + HIGH) / 2).tolist())
    places = points.flatten(1, -2) @ scale.diag().fliplr() - (scale * middle).flip(0)
    found = functional.grid_sample(occupancy[:, None], places[:, None, None], align_corners=False)
    return found.view(points.shape[:-1])


def project(occupancy: Tensor, azimuth: Tensor, elevation: Tensor, camera: Camera, pixels: Pixels = ALL) -> Projected:
    """What cameras see of grids: the global projection.

    Args:
        occupancy: ``(B, X, Y, Z)``, 0 to 1.
        azimuth: Of A cameras for each, rad, ``(B, A)``.
        elevation: Likewise.
        camera: All else of them.
        pixels: Rows and columns that rays are sent through.
    """
    eye, rays = _rays(azimuth, elevation, camera)
    rays = rays[:, :, pixels[0], pixels[1]]
    depths = (camera.distance + torch.linspace(-REACH, REACH, SAMPLES)).to(occupancy)
    points = eye[:, :, None, None, None] + depths[:, None, None, None] * rays[:, :, None]
    full = read(occupancy, points).clamp_max(1 - LEAST)
    empty = torch.log1p(-full).cumsum(2)
    before = torch.cat([torch.zeros_like(full[:, :, :1]), empty[:, :, :-1]], 2)
    return Projected(full * before.exp(), empty[:, :, -1], full, depths)


def _rays(azimuth: Tensor, elevation: Tensor, camera: Camera) -> tuple[Tensor, Tensor]:
    """Where cameras are, ``(B, A, 3)``, and steps of 1 m of depth along each pixel's ray, ``(B, A, h, w, 3)``.

    A pixel shows what is at its upper left corner, as PyBullet's renderer has it.
    """
    right, up, out = axes_of(azimuth, elevation).unbind(-2)
    target = torch.tensor([0, 0, camera.height], device=azimuth.device)
    across = (torch.arange(camera.size, device=azimuth.device) - camera.size / 2) / camera.focal_length
    x, y = across[:, None], -across[:, None, None]
    along, upwards, ahead = (axis[:, :, None, None] for axis in (right, up, out))
    return target + camera.distance * out, x * along + y * upwards - ahead


def axes_of(azimuth: Tensor, elevation: Tensor) -> Tensor:
    """To a camera's right, up, and towards it, of angles ``(...)`` in rad: rows of ``(..., 3, 3)``."""
    ca, sa, ce, se = azimuth.cos(), azimuth.sin(), elevation.cos(), elevation.sin()
    out = torch.stack([ce * ca, ce * sa, se], -1)
    right = torch.stack([-sa, ca, torch.zeros_like(sa)], -1)
    return torch.stack([right, torch.linalg.cross(out, right), out], -2)


def look_up(depth: Tensor, axes: Tensor, points: Tensor, camera: Camera, mode: str) -> tuple[Tensor, Tensor]:
    """How deep points are for cameras, and the surface on their rays.

    Args:
        depth: What the cameras measured, m, ``(B, H, W)``.
        axes: Of the cameras, see `axes_of`, ``(B, 3, 3)``.
        points: m, ``(B, P, 3)``, or ``(P, 3)``, the same for all.
        camera: All else of them.
        mode: Between pixels: ``bilinear`` or ``nearest``.

    Returns:
        Both in m along where the camera looks, ``(B, P)``.
    """
    scale = 2 * camera.focal_length / camera.size
    onto = axes * axes.new_tensor([scale, -scale, 1.0])[:, None]
    x, y, out = (onto @ (points - points.new_tensor([0, 0, camera.height])).mT).unbind(-2)
    ahead = camera.distance - out
    places = torch.stack([x / ahead, y / ahead], -1) + 1 / camera.size
    seen = functional.grid_sample(
        depth[:, None], places[:, None], mode=mode, align_corners=False, padding_mode="border"
    )
    return ahead, seen[:, 0, 0]


def local_points(position: Tensor, rotation: Tensor) -> Tensor:
    """Places that the gripper meets: `LOCAL` in its frame, across its way, from behind the palm on.

    Args:
        position: Of G grippers for each of B grids, m, ``(B, G, 3)``.
        rotation: Their axes as columns, ``(B, G, 3, 3)``.

    Returns:
        m, ``(B, G, z, y, x, 3)``; a grid read there (`read`) is the local projection, slice by slice.
    """
    axes = [torch.linspace(*ends).to(position) for ends in LOCAL]
    z, y, x = torch.meshgrid(*axes[::-1], indexing="ij")
    box = torch.stack([x, y, z], -1).view(-1, 3)
    points = position[:, :, None] + box @ rotation.mT
    return points.view(*position.shape[:2], *z.shape, 3)


def seen_along(slices: Tensor) -> Tensor:
    """Depth and silhouette of what the gripper meets, as the paper has it: ``(B, G, 2, y, x)`` of slices."""
    empty = torch.cat([torch.ones_like(slices[:, :, :1]), (1 - slices).cumprod(2)], 2)
    depths = torch.linspace(0, 1, slices.shape[2], device=slices.device)
    depth = torch.einsum("bgzyx,z->bgyx", slices * empty[:, :, :-1], depths) + empty[:, :, -1]
    return torch.stack([depth, 1 - empty[:, :, -1]], 2)
