"""A camera that circles the middle of the table, or looks along the gripper."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .poses import Pose, framed
from .solids import Array

ELEVATIONS = tuple(math.radians(degrees) for degrees in (15, 30, 45, 60))
"""Those of Yan et al. 2017, rad: 15 and 45 degrees to learn from, 30 and 60 to be tested on besides."""
NEAR, FAR = 0.05, 2.0
"""m"""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera with square pixels, upright, that looks at a point above the middle of the table.

    Args:
        azimuth: Where it stands, rad round the vertical axis from x.
        elevation: The same, rad above the table.
        distance: From what it looks at, m.
        height: Of what it looks at, m.
        angle: Of view, rad.
        size: Of its images, pixels.
    """

    azimuth: float = 0.0
    elevation: float = ELEVATIONS[2]
    distance: float = 0.7
    height: float = 0.08
    angle: float = 0.45
    size: int = 64

    @property
    def pose(self) -> Pose:
        """Where it is: x is to the right in its images, y up, and it looks along -z."""
        out = np.array(
            [
                math.cos(self.elevation) * math.cos(self.azimuth),
                math.cos(self.elevation) * math.sin(self.azimuth),
                math.sin(self.elevation),
            ]
        )
        right = np.array([-math.sin(self.azimuth), math.cos(self.azimuth), 0.0])
        return framed(np.array([0, 0, self.height]) + self.distance * out, np.cross(out, right), out)

    @property
    def focal_length(self) -> float:
        """In pixels."""
        return self.size / (2 * math.tan(self.angle / 2))


class View(NamedTuple):
    """What a camera sees."""

    rgb: NDArray[np.uint8]
    """``(H, W, 3)``"""
    depth: NDArray[np.float32]
    """m along where the camera looks, ``(H, W)``"""
    object_mask: NDArray[np.bool_]
    """``(H, W)``"""
    gripper_mask: NDArray[np.bool_]
    """``(H, W)``"""


def projection(angle: float, near: float = NEAR, far: float = FAR) -> list[float]:
    """OpenGL's matrix, by columns."""
    f = 1 / math.tan(angle / 2)
    return [f, 0, 0, 0, 0, f, 0, 0, 0, 0, -(far + near) / (far - near), -1, 0, 0, -2 * far * near / (far - near), 0]


def looking(pose: Pose) -> list[float]:
    """OpenGL's matrix of where a camera is, by columns."""
    whole = np.eye(4)
    whole[:3, :3], whole[:3, 3] = pose.matrix.T, -pose.matrix.T @ pose.position
    columns: list[float] = whole.T.ravel().tolist()
    return columns


def metres(buffer: Array, near: float = NEAR, far: float = FAR) -> NDArray[np.float32]:
    """A depth buffer's values, from 0 to 1, as distances along where the camera looks."""
    return (far * near / (far - (far - near) * buffer)).astype(np.float32)
