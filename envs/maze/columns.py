"""The maze's factors: which there are, how to read them off states, and how to lay them out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ..core import Factor, Kind
from .levels import Levels
from .places import Places
from .state import DIFFICULTIES, MazeState


class Property(NamedTuple):
    """One property of all items of a kind."""

    name: str
    """As in ``"x"``; empty for what is a factor by itself"""
    kind: Kind
    size: int
    """How many values, from ``low``"""
    controllable: bool
    read: Callable[[MazeState], Tensor]
    """From states to int64 or bool ``(n, items)``"""
    low: float = 0
    high: float | None = None
    """None: ``low + size - 1``"""
    unit: str = ""


@dataclass(frozen=True)
class Group:
    """All items of a kind, as in ``goal0``, ``goal1``, or ``goal`` where there is one."""

    item: str
    count: int
    properties: tuple[Property, ...]

    def factors(self) -> Iterator[Factor]:
        """Item by item."""
        for i in range(self.count):
            item = name_of(self.item, i, self.count)
            for part in self.properties:
                high = part.low + part.size - 1 if part.high is None else part.high
                name = f"{item}.{part.name}" if part.name else item
                yield Factor(name, part.kind, part.low, high, part.size, part.unit, part.controllable)


@dataclass
class Contents:
    """How many items of each kind a maze has at most, and what can become of them."""

    agents: int
    npcs: int
    boxes: int
    goals: int
    switches: int
    doors: int
    enemies: int
    health: int
    cooldown: int
    colours: int
    hidden: bool
    visits: bool
    breadcrumbs: bool
    toggles: bool
    games: int
    task_sizes: tuple[int, ...]
    task_optional: bool


def name_of(item: str, i: int, count: int) -> str:
    """``goal`` where there is one goal, else ``goal0``, ``goal1``..."""
    return item if count == 1 else f"{item}{i}"


def groups_of(contents: Contents, levels: Levels, places: Places) -> tuple[Group, ...]:
    """All factors of a maze with these contents, in order."""
    c = contents
    fought = c.enemies > 0

    def spot(field: str, controllable: bool) -> tuple[Property, ...]:
        def part(axis: Tensor) -> Callable[[MazeState], Tensor]:
            return lambda state: torch.where(getattr(state, field) < 0, 0, axis[getattr(state, field).clamp(min=0)])

        x = Property("x", "ordinal", places.width, controllable, part(places.x), unit="tile")
        return x, Property("y", "ordinal", places.height, controllable, part(places.y), unit="tile")

    def of_units(first: int, last: int | None) -> tuple[Property, ...]:
        if not fought:
            return ()
        health = Property("health", "ordinal", c.health + 1, True, lambda state: state.health[:, first:last])
        pause = Property("cooldown", "ordinal", c.cooldown + 1, True, lambda state: state.cooldown[:, first:last])
        return (health, pause) if c.cooldown else (health,)

    def flag(name: str, field: str, wanted: bool, controllable: bool) -> tuple[Property, ...]:
        held = Property(name, "categorical", 2, controllable, lambda state: getattr(state, field))
        return (held,) if wanted else ()

    colour = Property("colour", "categorical", c.colours, c.toggles, lambda state: state.colour)
    groups = [
        *_of_level(contents, levels),
        Group("agent", c.agents, (*spot("agent", True), *of_units(0, c.agents))),
        Group("npc", c.npcs, spot("npc", False)),
        Group("box", c.boxes, spot("box", True)),
        Group(
            "goal", c.goals,
            (
                *spot("goal", False), *flag("shown", "shown", c.hidden, False),
                *flag("visited", "visited", c.visits, True),
            ),
        ),
        Group("switch", c.switches, (*spot("switch", False), colour)),
        Group("door", c.doors, (*spot("door", False), *flag("open", "open", c.toggles, True))),
        Group("enemy", c.enemies, (*spot("enemy", True), *of_units(c.agents, None))),
        Group("breadcrumb", places.count if c.breadcrumbs else 0, flag("", "crumbs", True, True)),
        *_of_task(contents),
    ]  # fmt: skip
    return tuple(group for group in groups if group.count)


def _of_level(contents: Contents, levels: Levels) -> list[Group]:
    graded, varied = levels.settings.graded, levels.varied
    first = levels.settings.first_level

    def alone(name: str, kind: Kind, size: int, read: Callable[[MazeState], Tensor], low: float = 0) -> Group:
        return Group(name, 1, (Property("", kind, size, False, lambda state: read(state)[:, None], low),))

    tenth = Property(
        "", "ordinal", DIFFICULTIES, False, lambda state: (state.difficulty / (DIFFICULTIES - 1))[:, None], 0, 1
    )
    groups = [alone("level", "categorical", levels.settings.levels, lambda state: state.level, first)] * varied
    groups += [Group("difficulty", 1, (tenth,))] * graded
    return groups + [alone("game", "categorical", contents.games, lambda state: state.game)] * (contents.games > 1)


def _of_task(contents: Contents) -> list[Group]:
    """The task's entries; where one may be missing, 0 says so and the others count from 1."""
    shift = int(contents.task_optional)

    def entry(k: int, size: int) -> Group:
        read = lambda state: state.task[:, k : k + 1] + shift  # noqa: E731
        name = name_of("task", k, len(contents.task_sizes))
        return Group(name, 1, (Property("", "categorical", size + shift, False, read),))

    return [entry(k, size) for k, size in enumerate(contents.task_sizes)]


def values_of(groups: Sequence[Group], state: MazeState) -> Tensor:
    """The values of all factors of these groups: float32 ``(n, K)``."""
    parts = [torch.stack([part.read(state).float() for part in group.properties], 2).flatten(1) for group in groups]
    return torch.cat(parts, 1)
