"""Positions and rotations of rigid bodies, one or many at a time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation

from .solids import Array

SPREAD = 0.03
"""m off the table's middle, either way, that objects stand at most."""


class Pose(NamedTuple):
    """Where a body is, or where many are."""

    position: Array
    """m, ``(3,)`` or ``(N, 3)``"""
    rotation: Array
    """A quaternion x, y, z, w of length 1, ``(4,)`` or ``(N, 4)``"""

    @property
    def matrix(self) -> Array:
        """The rotation, ``(3, 3)`` or ``(N, 3, 3)``; its columns are the body's axes."""
        found: Array = Rotation.from_quat(self.rotation).as_matrix()
        return found

    def row(self, k: int) -> Pose:
        """The k-th of many."""
        return Pose(self.position[k], self.rotation[k])

    def along(self, metres: float) -> Pose:
        """Moved along its own z axis."""
        return Pose(self.position + metres * self.matrix[..., 2], self.rotation)

    def inside(self, points: Array) -> Array:
        """Points ``(M, 3)`` of the world as the body has them: ``(M, 3)`` or ``(N, M, 3)``."""
        found: Array = (points - self.position[..., None, :]) @ self.matrix
        return found

    def outside(self, points: Array) -> Array:
        """Points ``(M, 3)`` of the body in the world, ``(M, 3)``; of one body."""
        found: Array = points @ self.matrix.T + self.position
        return found

    def after(self, first: Pose) -> Pose:
        """What this pose, itself seen from a frame at ``first``, is in the world."""
        turn = Rotation.from_quat(first.rotation)
        moved: Array = turn.apply(self.position) + first.position
        return Pose(moved, (turn * Rotation.from_quat(self.rotation)).as_quat())

    def turned(self, angle: float) -> Pose:
        """The whole scene turned round the vertical axis by an angle in rad."""
        return self.after(standing(yaw=angle))


def standing(x: float = 0.0, y: float = 0.0, yaw: float = 0.0) -> Pose:
    """Upright on the table, turned by ``yaw`` rad round the vertical axis."""
    return Pose(np.array([x, y, 0.0]), np.array([0.0, 0.0, np.sin(yaw / 2), np.cos(yaw / 2)]))


def anywhere(rng: np.random.Generator) -> Pose:
    """Upright within `SPREAD` of the table's middle, turned in any way."""
    x, y, share = rng.uniform(-1, 1, 3).tolist()
    return standing(SPREAD * x, SPREAD * y, np.pi * share)


def framed(position: ArrayLike, y: Array, z: Array) -> Pose:
    """A pose whose y and z axes, ``(..., 3)``, point along these; they are of length 1 and at right angles."""
    axes = np.stack([np.cross(y, z), y, z], -1)
    return Pose(np.asarray(position, float), Rotation.from_matrix(axes).as_quat())
