"""The parallel-jaw gripper of ``assets/gripper.urdf``: what space it takes, and where that is free.

Its frame's origin is between the pads, 1 cm behind the fingertips; it comes along z and closes along y, from 8 cm.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .poses import Pose
from .solids import Array

OPENING = 0.08
"""m between the pads at most."""
APPROACH = 0.05
"""m that the gripper comes along its z axis before it closes."""
FINGER = np.array([[-0.01, 0.04, -0.04], [0.01, 0.05, 0.01]])
"""Least and largest corner of one open finger, m; the other mirrors it."""
PALM = np.array([[-0.015, -0.06, -0.08], [0.015, 0.06, -0.04]])


def filled(way: float = APPROACH) -> Array:
    """Boxes that both fingers and the palm fill on their way to a pose, in its frame: corners ``(3, 2, 3)``, m."""
    boxes: Array = np.stack([FINGER, np.sort(FINGER * [1, -1, 1], axis=0), PALM])
    boxes[:, 0, 2] -= way
    return boxes


def is_free(grasps: Pose, points: Array, margin: float = 0.001) -> NDArray[np.bool_]:
    """Whether the open gripper comes to grasps without touching the table or any of the points: ``(N,)``.

    It is exact but for what lies between the points.

    Args:
        grasps: Poses ``(N, ...)``.
        points: Of surfaces, ``(M, 3)``.
        margin: To be kept, m.
    """
    local = grasps.inside(points)[:, :, None]
    boxes, axes = filled() + np.array([[-margin], [margin]]), grasps.matrix
    touched = ((local > boxes[:, 0]) & (local < boxes[:, 1])).all(-1).any((1, 2))
    under = grasps.position[:, 2] + (axes[:, 2] @ _corners(boxes).T).min(1)
    free: NDArray[np.bool_] = ~touched & (under > 0)
    return free


def lowest(pose: Pose) -> float:
    """Height in m of the open gripper's lowest point."""
    return float(pose.outside(_corners(filled(0.0)))[:, 2].min())


def _corners(boxes: Array) -> Array:
    """All corners of boxes ``(B, 2, 3)``: ``(8 B, 3)``."""
    return np.concatenate([np.stack(np.meshgrid(*box.T, indexing="ij"), -1).reshape(-1, 3) for box in boxes])
