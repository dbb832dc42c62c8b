"""Solids that are unions of convex polyhedra, so that what is seen, what collides and what is inside are one thing.

Bodies of revolution are turned from a profile, in sectors where they are hollow; handles and spouts are tubes along a
path. Lengths are in m, z goes up, the body's axis is x = y = 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SIDES = 16
"""Sectors of a body of revolution."""
TUBE_SIDES = 8


class Level(NamedTuple):
    """A ring of a profile: at height z, matter from the inner radius (0: from the axis) to the outer one."""

    z: float
    outer: float
    inner: float = 0.0


@dataclass(frozen=True)
class Solid:
    """A union of convex polyhedra, and its surface.

    Args:
        parts: Corners of each polyhedron, ``(v, 3)``.
        vertices: Of the surface, ``(V, 3)``.
        faces: Its triangles, corners counter-clockwise seen from outside, ``(F, 3)``; a closed surface for each of the
            body and its tubes, which run into each other.
    """

    parts: tuple[Array, ...]
    vertices: Array
    faces: NDArray[np.int64]

    @cached_property
    def _hulls(self) -> list[Any]:
        """SciPy's hull of each part."""
        from scipy.spatial import ConvexHull

        return [ConvexHull(part) for part in self.parts]

    @cached_property
    def planes(self) -> list[Array]:
        """``a x + b <= 0`` for what is inside a part, ``a`` of length 1: ``(planes, 4)`` each."""
        return [np.unique(hull.equations.round(9), axis=0) for hull in self._hulls]

    @cached_property
    def volume(self) -> float:
        """m^3; what two parts share counts twice, which is little."""
        return float(sum(hull.volume for hull in self._hulls))

    @cached_property
    def enclosed(self) -> float:
        """m^3 inside of the surface, which parts that were found for it may exceed."""
        return float(self._six.sum() / 6)

    @cached_property
    def centroid(self) -> Array:
        """Centre of mass, m, ``(3,)``."""
        corners = self.vertices[self.faces].sum(1)
        found: Array = (self._six[:, None] * corners).sum(0) / (4 * self._six.sum())
        return found

    @property
    def _six(self) -> Array:
        """Six times the signed volume between each triangle and the origin, ``(F,)``."""
        a, b, c = (self.vertices[self.faces[:, k]] for k in range(3))
        found: Array = (a * np.cross(b, c)).sum(1)
        return found

    @property
    def bounds(self) -> Array:
        """Least and largest coordinates, ``(2, 3)``."""
        corners = np.concatenate(self.parts)
        return np.stack([corners.min(0), corners.max(0)])

    def contains(self, points: Array) -> NDArray[np.bool_]:
        """Whether points ``(N, 3)`` are inside or on the surface, exactly: ``(N,)``."""
        inside = np.zeros(len(points), bool)
        for part, planes in zip(self.parts, self.planes, strict=True):
            near = np.flatnonzero(((points >= part.min(0)) & (points <= part.max(0))).all(1) & ~inside)
            inside[near] = (points[near] @ planes[:, :3].T + planes[:, 3] <= 1e-9).all(1)
        return inside

    def occupancy(self, size: int, low: Array, high: Array) -> NDArray[np.bool_]:
        """Which voxels' centres are inside: ``(size, size, size)``, in order x, y, z, of the box from low to high."""
        axes = [a + (np.arange(size) + 0.5) / size * (b - a) for a, b in zip(low, high, strict=True)]
        points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
        return self.contains(points).reshape(size, size, size)

    def write_obj(self, path: str | Path, parts: bool = False) -> None:
        """Write a Wavefront OBJ: the surface, or each part as an object of its own, as PyBullet reads collisions."""
        lines: list[str] = []
        if not parts:
            lines += [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in self.vertices]
            lines += [f"f {a} {b} {c}" for a, b, c in self.faces + 1]
        count = 1
        for number, part in enumerate(self.parts if parts else ()):
            faces = hull_faces(part)
            lines += [f"o part{number}", *(f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in part)]
            lines += [f"f {a} {b} {c}" for a, b, c in faces + count]
            count += len(part)
        Path(path).write_text("\n".join(lines) + "\n")


def union(*solids: Solid) -> Solid:
    """All of them as one."""
    first = np.cumsum([0, *(len(solid.vertices) for solid in solids)])
    faces = [solid.faces + start for solid, start in zip(solids, first, strict=False)]
    parts = tuple(part for solid in solids for part in solid.parts)
    return Solid(parts, np.concatenate([solid.vertices for solid in solids]), np.concatenate(faces))


def turned(levels: Sequence[Level], sides: int = SIDES) -> Solid:
    """A body of revolution, straight between levels, of which two at one height make a step.

    Args:
        levels: From below; inner radii are 0 up to some level, and above 0 from there on.
        sides: Sectors.

    Raises:
        ValueError: Fewer than two levels, heights that fall, or walls without thickness.
    """
    rings = list(pairwise(levels))
    if not rings or any(b.z < a.z for a, b in rings) or any(not 0 <= one.inner < one.outer for one in levels):
        raise ValueError("levels must rise, at least two of them, and 0 <= inner < outer in each")
    turns = 2 * np.pi * np.arange(sides) / sides
    directions = np.stack([np.cos(turns), np.sin(turns)], 1)
    parts: list[Array] = []
    for low, high in rings:
        if high.z == low.z:
            continue
        if low.inner == high.inner == 0:
            parts.append(np.concatenate([_circle(directions, one.outer, one.z) for one in (low, high)]))
            continue
        for k in range(sides):
            pair = directions[[k, (k + 1) % sides]]
            corners = [_circle(pair, radius, one.z) for one in (low, high) for radius in (one.inner, one.outer)]
            parts.append(np.unique(np.concatenate(corners).round(12), axis=0))
    outline = [(one.outer, one.z) for one in levels]
    hollow = [(one.inner, one.z) for one in reversed(levels) if one.inner]
    floor = [one.z for one in levels if not one.inner][-1] if hollow and not levels[0].inner else levels[-1].z
    return Solid(tuple(parts), *_lathe([*outline, *hollow], levels[0].z, floor, directions, bool(levels[0].inner)))


def tube(path: Array, radii: Array, sides: int = TUBE_SIDES) -> Solid:
    """A tube, filled, along a path in a plane that holds the z axis.

    Args:
        path: Of its middle, ``(m, 3)``, with y = 0.
        radii: At each point, ``(m,)``.
        sides: Of its cross-section.
    """
    ahead = np.gradient(path, axis=0)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    across = np.stack([-ahead[:, 2], np.zeros(len(path)), ahead[:, 0]], 1)
    turns = 2 * np.pi * (np.arange(sides) + 0.5) / sides
    circle = np.cos(turns)[:, None, None] * across + np.sin(turns)[:, None, None] * np.array([0.0, 1.0, 0.0])
    rings = (path + radii[:, None] * circle).swapaxes(0, 1)
    parts = tuple(np.concatenate([one, other]) for one, other in pairwise(rings))
    faces = [_band(k * sides, (k + 1) * sides, sides) for k in range(len(path) - 1)]
    first, last = np.arange(sides), (len(path) - 1) * sides + np.arange(sides)
    faces += [_fan(first[::-1]), _fan(last)]
    solid = Solid(parts, rings.reshape(-1, 3), np.concatenate(faces))
    return solid if enclosed(solid) > 0 else Solid(parts, solid.vertices, solid.faces[:, ::-1])


def enclosed(solid: Solid) -> float:
    """Volume that the surface encloses, m^3, by the divergence theorem; below 0 where it is inside out."""
    a, b, c = (solid.vertices[solid.faces[:, k]] for k in range(3))
    return float((a * np.cross(b, c)).sum() / 6)


def hull_faces(corners: Array) -> NDArray[np.int64]:
    """Triangles ``(F, 3)`` of the convex hull of corners ``(v, 3)``, counter-clockwise seen from outside."""
    from scipy.spatial import ConvexHull

    hull = ConvexHull(corners)
    faces: NDArray[np.int64] = hull.simplices.astype(np.int64)
    a, b, c = (corners[faces[:, k]] for k in range(3))
    inwards = (np.cross(b - a, c - a) * hull.equations[:, :3]).sum(1) < 0
    faces[inwards] = faces[inwards][:, ::-1]
    return faces


def _circle(directions: Array, radius: float, z: float) -> Array:
    return np.concatenate([radius * directions, np.full((len(directions), 1), z)], 1)


def _lathe(
    outline: list[tuple[float, float]], bottom: float, floor: float, directions: Array, pierced: bool
) -> tuple[Array, Any]:
    """Surface of what is turned: rings along the outline, from the bottom's rim round to where it meets the axis."""
    sides = len(directions)
    rings = [_circle(directions, radius, z) for radius, z in outline]
    vertices = np.concatenate([*rings, [[0.0, 0.0, bottom], [0.0, 0.0, floor]]])
    faces = [_band(k * sides, (k + 1) * sides, sides) for k in range(len(rings) - 1)]
    last, middle = (len(rings) - 1) * sides, len(rings) * sides
    if pierced:
        faces.append(_band(last, 0, sides))
        return vertices[:-2], np.concatenate(faces)
    around = np.arange(sides)
    after = (around + 1) % sides
    faces.append(np.stack([np.full(sides, middle), after, around], 1))
    faces.append(np.stack([np.full(sides, middle + 1), last + around, last + after], 1))
    return vertices, np.concatenate(faces)


def _band(one: int, other: int, sides: int) -> NDArray[np.int64]:
    """Triangles between two rings of vertices, whose first ones have these numbers."""
    k = np.arange(sides)
    after = (k + 1) % sides
    return np.concatenate(
        [np.stack([one + k, one + after, other + after], 1), np.stack([one + k, other + after, other + k], 1)]
    )


def _fan(ring: NDArray[np.int64]) -> NDArray[np.int64]:
    """Triangles of a polygon, whose corners have these numbers."""
    return np.stack([np.full(len(ring) - 2, ring[0]), ring[1:-1], ring[2:]], 1)
