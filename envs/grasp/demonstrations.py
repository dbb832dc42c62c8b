"""Grasps that work, and others near them that may not: what a learner is shown.

As in *Learning 6-DOF Grasping Interaction* (Yan et al. 2017), each demonstration is disturbed, and half of what it
becomes are successes. People gave the demonstrations there, in virtual reality; here `antipodal` proposes, and those
that hold in the simulator are kept.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ...errors import InputError
from .antipodal import antipodal
from .poses import Pose
from .scene import Result, Scene, Thing

RESULTS: tuple[Result, ...] = get_args(Result)
DEMONSTRATIONS = 15
"""An object; the paper has 10 to 20."""
PROPOSED = 4
"""Grasps that are tried for each demonstration, at most."""
OFF, TURNED = 0.014, 0.3
"""Largest standard deviations of what is added, m along each axis and rad round it."""
ROUNDED = 0.01
"""By which the length of a quaternion that was written down may be off 1."""
ROUNDS = 4
"""Attempts for each that is wanted, at most, until half of them are successes."""


class Trials(NamedTuple):
    """Attempts on one object, in its own frame."""

    grasps: Pose
    """``(N, ...)``"""
    result: NDArray[np.int8]
    """Places in `RESULTS`, ``(N,)``; 0 is success."""
    demonstration: NDArray[np.int16]
    """Which one each comes from, ``(N,)``"""


def demonstrations(scene: Scene, thing: Thing, rng: np.random.Generator, count: int = DEMONSTRATIONS) -> Pose:
    """At most ``count`` grasps of an object that hold, in its own frame.

    Raises:
        ValueError: There are none: nothing of it fits into the gripper, or can be reached.
    """
    proposed = antipodal(thing.solid, PROPOSED * count, rng)
    held: list[int] = []
    for k in range(len(proposed.position)):
        if len(held) == count:
            break
        if scene.attempt(thing, proposed.row(k)).success:
            held.append(k)
    if not held:
        raise ValueError(
            f"no grasp of {thing.name} holds: is any part of it less than 7.4 cm thick, 2 cm above the table, and free?"
        )
    return Pose(proposed.position[held], proposed.rotation[held])


def read_demonstrations(path: str | Path) -> dict[str, Pose]:
    """Grasps that somebody gave, from a JSON file: objects' names, and for each a list of poses in its own frame.

    A pose is that of the gripper as it closes: x, y, z in m and a quaternion x, y, z, w.

    Raises:
        InputError: No such file, not JSON, or something that is no list of poses.
    """
    try:
        given = json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path} can't be read: {error}") from None
    if not isinstance(given, dict) or not given:
        raise InputError(f"{path} must be an object of JSON, from objects' names to lists of poses")
    found = {}
    for name, rows in given.items():
        try:
            poses = np.array(rows, float)
        except (TypeError, ValueError):
            poses = np.zeros(0)
        if poses.ndim != 2 or poses.shape[1] != 7 or not len(poses) or not np.isfinite(poses).all():
            raise InputError(f"{path}: {name} must have a list of poses, 7 numbers each: x, y, z and a quaternion")
        lengths = np.linalg.norm(poses[:, 3:], axis=1, keepdims=True)
        if (np.abs(lengths - 1) > ROUNDED).any():
            raise InputError(f"{path}: {name} has a quaternion whose length isn't 1")
        found[name] = Pose(poses[:, :3], poses[:, 3:] / lengths)
    return found


def trials(scene: Scene, thing: Thing, where: Pose, shown: Pose, count: int, rng: np.random.Generator) -> Trials:
    """Disturbed demonstrations, tried out until half of ``count`` have held and half have not, or nearly.

    Args:
        scene: The simulator.
        thing: The object.
        where: It stands.
        shown: The demonstrations, in the object's frame.
        count: How many are wanted.
        rng: Of what is added.
    """
    quota = [count - count // 2, count // 2]
    found: list[list[tuple[Pose, int, int]]] = [[], []]
    spare: list[tuple[Pose, int, int]] = []
    for _ in range(ROUNDS * count):
        which = int(rng.integers(len(shown.position)))
        grasp = disturbed(shown.row(which), rng)
        result = RESULTS.index(scene.attempt(thing, grasp.after(where), where).result)
        side = int(result == 0)
        if len(found[side]) < quota[side]:
            found[side].append((grasp, result, which))
        else:
            spare.append((grasp, result, which))
        if all(len(rows) == wanted for rows, wanted in zip(found, quota, strict=True)):
            break
    rows = (found[0] + found[1] + spare)[:count]
    grasps, results, origins = zip(*(rows[k] for k in rng.permutation(len(rows))), strict=True)
    return Trials(
        Pose(*(np.stack(parts) for parts in zip(*grasps, strict=True))),
        np.array(results, np.int8),
        np.array(origins, np.int16),
    )


def disturbed(grasp: Pose, rng: np.random.Generator) -> Pose:
    """A grasp moved and turned, by much or by little."""
    share = rng.random()
    turn = Rotation.from_quat(grasp.rotation) * Rotation.from_rotvec(share * TURNED * rng.normal(size=3))
    return Pose(grasp.position + share * OFF * rng.normal(size=3), turn.as_quat())
