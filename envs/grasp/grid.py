"""Objects as voxels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .poses import Pose
from .solids import Array, Solid

SIDE = 0.28
"""m of the cube that stands on the middle of the table."""
LOW, HIGH = np.array([-SIDE / 2, -SIDE / 2, 0.0]), np.array([SIDE / 2, SIDE / 2, SIDE])
FINE = 4
"""Points a side of a voxel that are looked at: 2 mm apart at 32 voxels."""
LEAST = 0.2
"""Of a voxel that must be full: a half would lose the walls of cups, and any at all make everything a voxel wider."""


def occupancy(solid: Solid, pose: Pose, size: int = 32) -> NDArray[np.bool_]:
    """Which voxels of the cube are a fifth full of a solid: ``(size, size, size)``, in order x, y, z of the table."""
    fine = size * FINE
    corners = pose.outside(np.stack(np.meshgrid(*solid.bounds.T, indexing="ij"), -1).reshape(-1, 3))
    first, last = (
        np.clip(np.floor((corner - LOW) / SIDE * fine).astype(int) + k, 0, fine)
        for corner, k in ((corners.min(0), 0), (corners.max(0), 1))
    )
    axes: list[Array] = [
        low + (np.arange(a, b) + 0.5) / fine * SIDE for low, a, b in zip(LOW, first, last, strict=True)
    ]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    grid = np.zeros((fine,) * 3, bool)
    box = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
    grid[box] = solid.contains(pose.inside(points.reshape(-1, 3))).reshape(points.shape[:3])
    return np.asarray(grid.reshape(size, FINE, size, FINE, size, FINE).mean((1, 3, 5)) >= LEAST)
