"""101 objects in seven categories, each made of four parameters (Yan et al. 2017, *6-DOF Grasping*, has as many).

Sizes are such that a gripper that opens by 8 cm can hold each somewhere: round a bottle, over a bowl's rim, through a
mug's handle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import InputError, UnknownNameError
from .scene import Thing
from .solids import Array, Level, Solid, tube, turned, union

PARAMETERS = ("width", "height", "curve", "detail")
"""Each from 0 to 1; what they mean is up to the category."""
COUNTS = {"bottle": 15, "bowl": 15, "cup": 15, "plate": 14, "mug": 14, "sugarbowl": 14, "teapot": 14}
CATEGORIES = tuple(COUNTS)
NOVEL_EACH = 3
"""Instances of a category, its last ones, that no learner sees."""
SEED = 101
WALL_DENSITY, FILLED_DENSITY = 1500.0, 300.0
"""kg/m^3, of what is hollow, as stoneware nearly, and of what stands for a hollow thing and is filled here."""


class Instance(NamedTuple):
    """One of the objects."""

    name: str
    """As in ``mug07``."""
    category: str
    parameters: tuple[float, float, float, float]
    novel: bool

    @property
    def solid(self) -> Solid:
        """Its shape."""
        return _made(self.category, self.parameters)

    @property
    def mass(self) -> float:
        """In kg."""
        return mass(self.category, self.solid)

    @property
    def friction(self) -> float:
        """Of its surface: 0.4 (glazed) to 0.8 (rough)."""
        return 0.4 + 0.4 * float(np.random.default_rng([SEED, 1, *self.name.encode()]).random())


def make(category: str, parameters: Sequence[float]) -> Solid:
    """An object, standing on z = 0 around the z axis.

    Args:
        category: One of `CATEGORIES`.
        parameters: `PARAMETERS`, each from 0 to 1.

    Raises:
        ValueError: An unknown category, or parameters that are not four numbers from 0 to 1.
    """
    if category not in MAKERS:
        raise ValueError(f"unknown category {category!r}; known: {', '.join(MAKERS)}")
    if len(parameters) != len(PARAMETERS) or not all(0 <= value <= 1 for value in parameters):
        raise ValueError(f"{category} takes {', '.join(PARAMETERS)}, each from 0 to 1, not {tuple(parameters)}")
    return MAKERS[category](*parameters)


@cache
def _made(category: str, parameters: tuple[float, ...]) -> Solid:
    return make(category, parameters)


def mass(category: str, solid: Solid) -> float:
    """In kg, of an object of that category."""
    return solid.volume * (WALL_DENSITY if category in ("bowl", "cup", "plate", "mug") else FILLED_DENSITY)


def bottle(width: float, height: float, curve: float, detail: float) -> Solid:
    """Filled; 4.4 to 7 cm wide and 12 to 22 cm high. The curve lowers its shoulder, the detail widens its neck."""
    radius, top = 0.022 + 0.013 * width, 0.12 + 0.1 * height
    neck = radius * (0.3 + 0.25 * detail)
    shoulder, throat = top * (0.75 - 0.25 * curve), top * (0.85 - 0.1 * curve)
    levels = [Level(0, 0.92 * radius), Level(0.02 * top, radius), Level(shoulder, radius), Level(throat, neck)]
    lip = [Level(0.93 * top, neck), Level(0.93 * top, 1.15 * neck), Level(top, 1.15 * neck)]
    return turned([*levels, *lip])


def bowl(width: float, height: float, curve: float, detail: float) -> Solid:
    """Open; 10 to 16 cm wide, 4 to 7 cm high. The curve rounds its side, the detail thickens its wall (3 to 6 mm)."""
    radius, top, wall = 0.05 + 0.03 * width, 0.04 + 0.03 * height, 0.003 + 0.003 * detail
    bend = 1 - 0.6 * curve
    return _vessel(top, wall, lambda share: radius * (0.45 + 0.55 * share**bend), steps=4)


def cup(width: float, height: float, curve: float, detail: float) -> Solid:
    """Open; 6 to 7.6 cm wide, 7 to 12 cm high. The curve narrows its foot, the detail thickens its wall (to 5 mm)."""
    radius, top, wall = 0.03 + 0.008 * width, 0.07 + 0.05 * height, 0.0025 + 0.0025 * detail
    return _vessel(top, wall, lambda share: radius * (1 - 0.35 * curve * (1 - share)), steps=2)


def plate(width: float, height: float, curve: float, detail: float) -> Solid:
    """14 to 20 cm wide, 2.8 to 4.4 cm high. The curve widens its flat middle, the detail thickens it (4 to 7 mm)."""
    radius, top, thick = 0.07 + 0.03 * width, 0.028 + 0.016 * height, 0.004 + 0.003 * detail
    flat = radius * (0.82 + 0.1 * curve)
    foot = Level(0, flat), Level(thick, flat + 0.3 * (radius - flat))
    return turned([*foot, Level(thick, foot[1].outer, flat), Level(top, radius, radius - 0.003 - 0.3 * thick)])


def mug(width: float, height: float, curve: float, detail: float) -> Solid:
    """A cup of 6 to 8 cm and a handle that stands out by 2.8 (curve) to 4.3 cm, 8 to 12 mm thick (detail)."""
    radius, top = 0.03 + 0.01 * width, 0.075 + 0.03 * height
    body = _vessel(top, 0.004, lambda share: radius * (0.94 + 0.06 * share), steps=2)
    return union(body, _handle(radius, 0.2 * top, 0.85 * top, 0.028 + 0.015 * curve, 0.004 + 0.002 * detail))


def sugarbowl(width: float, height: float, curve: float, detail: float) -> Solid:
    """Filled, with a knob and two small handles; 7 to 10 cm wide, 6 to 10 cm high; the curve fattens its belly."""
    radius, top = 0.035 + 0.015 * width, 0.06 + 0.04 * height
    body = _belly(radius, 0.8 * top, 0.55 + 0.25 * (1 - curve), knob=0.2 * top, thick=0.007 + 0.004 * detail)
    reach, thick = 0.022, 0.0035 + 0.0015 * detail
    one = _handle(0.95 * radius, 0.25 * top, 0.6 * top, reach, thick)
    return union(body, one, _other_side(one))


def teapot(width: float, height: float, curve: float, detail: float) -> Solid:
    """Filled, with a knob, a handle and a spout; 8 to 12 cm wide without these, 9 to 14 cm high."""
    radius, top = 0.04 + 0.02 * width, 0.09 + 0.05 * height
    body = _belly(radius, 0.85 * top, 0.5 + 0.3 * (1 - curve), knob=0.15 * top, thick=0.008 + 0.005 * detail)
    handle = _handle(0.93 * radius, 0.18 * top, 0.7 * top, 0.032 + 0.01 * curve, 0.0045 + 0.002 * detail)
    tip = np.array([-(radius + 0.035 + 0.02 * detail), 0, 0.8 * top])
    path = np.array([[-0.7 * radius, 0, 0.25 * top], [-(radius + 0.012), 0, 0.42 * top], tip])
    return union(body, handle, tube(path, np.array([0.016, 0.011, 0.006])))


MAKERS: dict[str, Callable[[float, float, float, float], Solid]] = {
    "bottle": bottle, "bowl": bowl, "cup": cup, "plate": plate, "mug": mug, "sugarbowl": sugarbowl, "teapot": teapot,
}  # fmt: skip


def _vessel(top: float, wall: float, radius: Callable[[float], float], steps: int) -> Solid:
    """Something open above, with a floor and walls of one thickness; the outer radius is a function of the height."""
    heights = [wall + (top - wall) * k / steps for k in range(steps + 1)]
    side = [Level(z, radius(z / top), radius(z / top) - wall) for z in heights]
    return turned([Level(0, radius(0)), Level(wall, radius(wall / top)), *side])


def _belly(radius: float, top: float, ends: float, knob: float, thick: float) -> Solid:
    """Something closed and round, whose ends have that share of the radius, with a knob on it."""
    shares = np.linspace(0, 1, 7)
    swell = ends + (1 - ends) * np.sin(np.pi * shares)
    side = [Level(share * top, radius * out) for share, out in zip(shares.tolist(), swell.tolist(), strict=True)]
    stem = [Level(top, 0.5 * thick), Level(top + 0.3 * knob, 0.5 * thick)]
    return turned([*side, *stem, Level(top + 0.5 * knob, thick), Level(top + knob, 0.7 * thick)])


def _handle(radius: float, low: float, high: float, reach: float, thick: float) -> Solid:
    """Half a ring that stands out in the direction of x, from a wall of that radius."""
    turns = np.linspace(-np.pi / 2, np.pi / 2, 9)
    middle, half = (low + high) / 2, (high - low) / 2
    path = np.stack([radius - 0.003 + reach * np.cos(turns), 0 * turns, middle + half * np.sin(turns)], 1)
    return tube(path, np.full(len(turns), thick))


def _other_side(solid: Solid) -> Solid:
    """Turned by half a circle round the z axis."""
    turn: Array = np.array([-1.0, -1.0, 1.0])
    return Solid(tuple(part * turn for part in solid.parts), solid.vertices * turn, solid.faces)


@dataclass(frozen=True)
class Shape:
    """An object of any parameters."""

    category: str
    parameters: tuple[float, ...]

    @property
    def name(self) -> str:
        """Its category and parameters."""
        return f"{self.category} {self.parameters}"

    @cached_property
    def solid(self) -> Solid:
        """Its shape."""
        return make(self.category, self.parameters)

    @property
    def mass(self) -> float:
        """In kg."""
        return mass(self.category, self.solid)

    @property
    def friction(self) -> float:
        """Of its surface."""
        return 0.6


def instances() -> list[Instance]:
    """All 101, always the same."""
    found = []
    for place, (category, count) in enumerate(COUNTS.items()):
        drawn = np.random.default_rng([SEED, 0, place]).random((count, len(PARAMETERS))).round(3)
        for number, row in enumerate(drawn.tolist()):
            found.append(Instance(f"{category}{number:02d}", category, tuple(row), number >= count - NOVEL_EACH))
    return found


TRAINING = tuple(one.name for one in instances() if not one.novel)
NOVEL = tuple(one.name for one in instances() if one.novel)
SETS = {"train": TRAINING, "novel": NOVEL, "all": TRAINING + NOVEL}


def things(asked: str) -> Sequence[Thing]:
    """Objects by names with commas between them.

    Args:
        asked: Of `SETS`, categories, ``train:cup`` or ``novel:cup`` (of a category), objects' own names, ``pybullet``,
            files of meshes, or folders of such; where a name is a folder's as well, ``./NAME`` is the folder.

    Raises:
        InputError: Nothing answers to it, or a folder holds none.
    """
    known = {one.name: one for one in instances()}
    named: dict[str, Sequence[str]] = {**SETS, **{name: (name,) for name in known}}
    for kind in CATEGORIES:
        named[kind] = tuple(name for name in known if known[name].category == kind)
        named |= {
            f"{group}:{kind}": [name for name in named[kind] if name in SETS[group]] for group in ("train", "novel")
        }
    found: list[Thing] = []
    words = [word.strip() for word in asked.split(",") if word.strip()]
    if not words:
        raise InputError(f"{asked!r} names no objects")
    for word in words:
        found += [known[name] for name in named[word]] if word in named else _from_files(word, list(named))
    return found


def _from_files(word: str, known: list[str]) -> Sequence[Thing]:
    from .meshes import SUFFIXES, Mesh, bundled, read_folder

    if word == "pybullet":
        return bundled()
    if Path(word).is_dir():
        return read_folder(Path(word))
    if Path(word).is_file() and Path(word).suffix.lower() in SUFFIXES:
        return [Mesh(Path(word))]
    if "/" in word or Path(word).suffix.lower() in SUFFIXES:
        raise InputError(f"{word}: there is no such folder, nor a mesh ({', '.join(SUFFIXES)})")
    listed = "unbraid list objects shows those there are, and folders and files of meshes (.obj, .stl, .urdf) are taken"
    raise UnknownNameError("object", word, [*known, "pybullet"], listed)
