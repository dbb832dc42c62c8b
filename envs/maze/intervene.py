"""Mazes from factor values, and the reasons why there can be none."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .columns import name_of
from .levels import Plan
from .spawn import Spawn
from .state import BLOCK, DIFFICULTIES, MazeState

FIXTURES = ("goal", "switch", "door")
BODIES = ("agent", "box", "enemy")

Values = dict[tuple[str, str], Tensor]
"""int64 ``(n, items)`` by item and property."""


class Intervene:
    """Turns factor values into states.

    Args:
        spawn: How mazes of this kind are put together.
    """

    def __init__(self, spawn: Spawn) -> None:
        self.spawn, self.places = spawn, spawn.places

    def states(self, values: Tensor) -> MazeState:
        """States with these values, float32 ``(n, K)``, each in its factor's range.

        Raises:
            ValueError: Values that can't be together.
        """
        found = self._split(values)
        none = torch.zeros((len(values), 1), dtype=torch.int64, device=values.device)
        level = found.get(("level", ""), none)[:, 0]
        difficulty = found.get(("difficulty", ""), none + (DIFFICULTIES - 1))[:, 0]
        game = found.get(("game", ""), none)[:, 0]
        plan = self.spawn.levels.plan(level, difficulty, game)
        state = self.spawn.empty(plan, level, difficulty, game)
        state = self._with_places(state, plan, found)
        state = self._with_task(state, found)
        self._check_ground(state, plan)
        self._check_apart(state, FIXTURES)
        self._check_apart(state, BODIES)
        return state

    def _split(self, values: Tensor) -> Values:
        found: Values = {}
        start = 0
        for group in self.spawn.groups:
            width = len(group.properties)
            block = values[:, start : start + group.count * width].view(len(values), group.count, width)
            for k, part in enumerate(group.properties):
                steps = 1.0 if part.high is None else (part.size - 1) / (part.high - part.low)
                found[group.item, part.name] = (block[:, :, k] * steps).round().long()
            start += group.count * width
        return found

    def _with_places(self, state: MazeState, plan: Plan, found: Values) -> MazeState:
        counts = self.spawn.counts(plan, state.game)
        new: dict[str, Tensor] = {}
        for item in (*FIXTURES, *BODIES, "npc"):
            if (item, "x") not in found:
                continue
            slots = found[item, "x"].shape[1]
            present = torch.arange(slots, device=plan.terrain.device) < counts[item][:, None]
            if (item, "health") in found:
                present = present & (found[item, "health"] > 0)
            own = {name: value for (owner, name), value in found.items() if owner == item}
            for name, value in own.items():
                self._refuse((value != 0) & ~present, item, "{name} must be 0: there is none", name)
            new[item] = torch.where(present, own["y"] * self.places.width + own["x"], -1)
            new |= self._properties(item, own, present)
        if "health" in new:
            for name in ("health", "cooldown"):
                units = [found.get((kind, name), torch.zeros_like(new[kind])) for kind in ("agent", "enemy")]
                new[name] = torch.cat(units, 1)
        if ("breadcrumb", "") in found:
            new["crumbs"] = found["breadcrumb", ""] > 0
        return state._replace(**new)

    def _properties(self, item: str, own: dict[str, Tensor], present: Tensor) -> dict[str, Tensor]:
        """The fields of the state for what items of one kind have beside a place."""
        if item == "goal":
            shown = own["shown"] > 0 if "shown" in own else present
            visited = own["visited"] > 0 if "visited" in own else torch.zeros_like(present)
            return {"shown": shown, "visited": visited}
        if item == "switch":
            return {"colour": own["colour"]}
        if item == "door":
            return {"open": own["open"] > 0 if "open" in own else present}
        return {"health": own["health"]} if "health" in own else {}

    def _with_task(self, state: MazeState, found: Values) -> MazeState:
        slots = len(self.spawn.contents.task_sizes)
        if not slots:
            return state
        names = [(name_of("task", k, slots), "") for k in range(slots)]
        task = torch.cat([found[name] for name in names], 1) - int(self.spawn.contents.task_optional)
        for g, game in enumerate(self.spawn.games):
            mine = (state.game == g)[:, None]
            sizes = self.spawn.task_sizes(game)
            limits = torch.tensor([*sizes, *[0] * (slots - len(sizes))], device=task.device)
            least = torch.tensor(
                [-1 if game.task_optional or k >= len(sizes) else 0 for k in range(slots)], device=task.device
            )
            bad = mine & ((task >= limits) & (task >= 0) | (task < least))
            self._refuse(bad, "task", "{name} can't be {value} here: the game has no such task", "")
            if game.task_of_goals:
                absent = state.goal.gather(1, task.clamp(0, state.goal.shape[1] - 1)) < 0
                self._refuse(mine & absent & (task >= 0), "task", "{name} is of a goal that is not there", "")
        return state._replace(task=task)

    def _check_ground(self, state: MazeState, plan: Plan) -> None:
        solid = state.terrain >= BLOCK
        free = self.places.free(state)
        for item in (*FIXTURES, *BODIES, "npc"):
            place = getattr(state, item)
            if item == "door":
                bad = (place >= 0) & ~self.places.at(place, plan.wall)
                self._refuse_place(bad, item, place, "doors are in the dividing wall, in a layout at '|'")
                continue
            bad = self.places.at(place, ~free if item in BODIES else solid)
            self._refuse_place(bad, item, place, "a wall is there, a closed door or the map's end; take a free tile")

    def _check_apart(self, state: MazeState, items: Sequence[str]) -> None:
        for k, item in enumerate(items):
            place = getattr(state, item)
            for i in range(place.shape[1]):
                others = torch.cat([getattr(state, other) for other in items[:k]] + [place[:, :i]], 1)
                taken = ((others == place[:, i : i + 1]) & (others >= 0)).any(1, keepdim=True)
                column = torch.arange(place.shape[1], device=place.device) == i
                self._refuse_place(
                    taken & column, item, place, f"another {' or '.join(items)} is there; take another tile"
                )

    def _refuse_place(self, bad: Tensor, item: str, place: Tensor, why: str) -> None:
        if bool(bad.any()):
            row, i = bad.nonzero()[0].tolist()
            name, at = name_of(item, i, place.shape[1]), int(place[row, i])
            width, height = self.places.width, self.places.height
            raise ValueError(
                f"factors '{name}.x', '{name}.y' can't be ({at % width}, {at // width}) of 0 .. {width - 1}, "
                f"0 .. {height - 1}: {why}"
            )

    def _refuse(self, bad: Tensor, item: str, why: str, name: str) -> None:
        if bool(bad.any()):
            i = int(bad.nonzero()[0, 1])
            factor = name_of(item, i, bad.shape[1]) + (f".{name}" if name else "")
            raise ValueError(why.replace("{name}", f"factor {factor!r}").replace(" {value}", ""))
