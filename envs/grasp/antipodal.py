"""Grasps to try: two points of a surface that face each other, between which the gripper fits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .gripper import OPENING, is_free
from .poses import Pose, framed
from .solids import Array, Solid

STEEPEST = 0.9
"""Of how well a surface faces the line between the two points: the least cosine, 26 degrees away."""
CLEARANCE = 0.006
"""m of the opening that what is held leaves at least."""


def surface(solid: Solid, count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Points drawn evenly from the surface, and the way out there: ``(count, 3)`` both.

    Points inside of another part, as where a handle runs into a wall, are left out, so there may be fewer.
    """
    a, b, c = (solid.vertices[solid.faces[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    area = np.linalg.norm(normal, axis=1)
    drawn = rng.choice(len(area), count, p=area / area.sum())
    u, v = np.sort(rng.random((2, count)), axis=0)[:, :, None]
    points = u * a[drawn] + (v - u) * b[drawn] + (1 - v) * c[drawn]
    out = normal[drawn] / area[drawn, None]
    outside = ~solid.contains(points + 1e-4 * out)
    return points[outside], out[outside]


def antipodal(solid: Solid, count: int, rng: np.random.Generator, rounds: int = 10) -> Pose:
    """At most ``count`` grasps of a solid that stands on the table, as it has them; their way there is free.

    From points of the surface, lines go inwards, somewhat askew, and out again where the surface faces them; of a
    hollow thing that is either side of the wall as well as the far side. The gripper closes along such a line, and
    comes from any side.

    Args:
        solid: What is to be grasped.
        count: How many are wanted.
        rng: What draws them.
        rounds: Of 256 lines each, after which less has to do.
    """
    obstacle, found = surface(solid, 3000, rng)[0], []
    for _ in range(rounds):
        grasps = _candidates(solid, rng)
        free = np.flatnonzero(is_free(grasps, obstacle))
        found.append(Pose(grasps.position[free], grasps.rotation[free]))
        if sum(len(one.position) for one in found) >= count:
            break
    return Pose(*(np.concatenate(parts)[:count] for parts in zip(*found, strict=True)))


def _candidates(solid: Solid, rng: np.random.Generator) -> Pose:
    """Grasps between two points that face each other, in any order."""
    points, out = surface(solid, 256, rng)
    ahead = _unit(-out + 0.2 * rng.normal(size=out.shape))
    lengths, facing = _exits(solid, points, ahead)
    good = (facing > STEEPEST) & (lengths < OPENING - CLEARANCE) & ((ahead * -out).sum(1) > STEEPEST)[:, None]
    rows, columns = rng.permutation(np.argwhere(good)).T
    y = ahead[rows]
    z = _unit(np.cross(y, rng.normal(size=y.shape)))
    return framed(points[rows] + lengths[rows, columns, None] / 2 * y, y, z)


def _exits(solid: Solid, origins: Array, ahead: Array, most: int = 4) -> tuple[Array, Array]:
    """Where lines leave the solid: lengths and how well the surface faces them there, ``(N, most)``, padded by inf."""
    enter, leave, facing = _crossings(solid, origins, ahead)
    order = np.argsort(enter, axis=1)
    enter, leave, facing = (np.take_along_axis(one, order, 1) for one in (enter, leave, facing))
    reached = np.maximum.accumulate(np.where(np.isfinite(enter), leave, -np.inf), axis=1)
    following = np.concatenate([enter[:, 1:], np.full((len(enter), 1), np.inf)], 1)
    last = np.isfinite(enter) & (following > reached + 1e-6) & (reached > 1e-4)
    outermost = np.isclose(leave[:, None, :], reached[:, :, None]).argmax(2)
    faced = np.take_along_axis(facing, outermost, 1)
    found, cosines = np.where(last, reached, np.inf), np.where(last, faced, 0.0)
    order = np.argsort(found, axis=1)[:, :most]
    return np.take_along_axis(found, order, 1), np.take_along_axis(cosines, order, 1)


def _crossings(solid: Solid, origins: Array, ahead: Array) -> tuple[Array, Array, Array]:
    """Where lines enter and leave each part, and how well its surface faces them where they leave: ``(N, parts)``.

    Those that miss a part have inf for all.
    """
    shape = len(origins), len(solid.parts)
    enter, leave, facing = np.full(shape, np.inf), np.full(shape, np.inf), np.zeros(shape)
    for k, planes in enumerate(solid.planes):
        speed, away = ahead @ planes[:, :3].T, origins @ planes[:, :3].T + planes[:, 3]
        with np.errstate(divide="ignore", invalid="ignore"):
            time = -away / speed
        begin = np.where(speed < -1e-9, time, -np.inf).max(1)
        ends = np.where(speed > 1e-9, time, np.inf)
        last = ends.argmin(1)
        end = ends[np.arange(len(ends)), last]
        hit = (begin < end) & (end > 0) & ~((np.abs(speed) <= 1e-9) & (away > 0)).any(1)
        enter[hit, k], leave[hit, k] = begin[hit], end[hit]
        facing[hit, k] = speed[np.arange(len(ends)), last][hit]
    return enter, leave, facing


def _unit(vectors: Array) -> Array:
    found: NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return found
