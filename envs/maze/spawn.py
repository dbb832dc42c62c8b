"""Fresh mazes: everything on a tile of its own, and the task possible."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ...errors import InputError
from ..core import put, take
from ..streams import Streams
from .columns import Contents, Group, name_of, values_of
from .games import Game
from .levels import RULES, Levels, Plan
from .places import Places, met
from .settings import LIMITS
from .state import DIFFICULTIES, FLOOR, MazeState

ATTEMPTS = 300


class Spawn:
    """Draws fresh states of one kind of maze.

    Args:
        contents: How many items of each kind there are at most.
        levels: The plans of levels.
        places: The maps' geometry.
        games: The games that episodes draw from.
        groups: Their factors.
    """

    def __init__(
        self, contents: Contents, levels: Levels, places: Places, games: Sequence[Game], groups: Sequence[Group]
    ) -> None:
        self.contents, self.levels, self.places, self.games, self.groups = contents, levels, places, games, groups
        self.column = {factor.name: k for k, factor in enumerate(f for group in groups for f in group.factors())}
        self.boxes, self.doors = (
            torch.tensor([getattr(game, kind) for game in games], device=levels.device) for kind in ("boxes", "doors")
        )
        self.hides, self.bars, self.alternates = (
            torch.tensor([getattr(game, rule) for game in games], device=levels.device)
            for rule in ("hidden", "bars", "alternates")
        )
        self.barred, self.alternating = bool(self.bars.any()), bool(self.alternates.any())

    def fresh(self, n: int, fixed: dict[str, Tensor], rng: Streams) -> MazeState:
        """``n`` states with these factors; rows whose task is done or impossible are drawn again.

        Raises:
            InputError: None was found in 300 attempts; the message says what to relax.
        """
        state, good = self.attempt(n, fixed, rng)
        if not fixed and len(self.games) > 1:  # a game that is hard to place is not to become rarer
            fixed = {"game": state.game.float()}
        for _ in range(ATTEMPTS):
            rows = (~good).nonzero()[:, 0]
            if not len(rows):
                return state
            streams = rng.take(rows)
            redrawn, better = self.attempt(len(rows), {name: value[rows] for name, value in fixed.items()}, streams)
            rng.put(rows, streams)
            state, good = put(state, rows, redrawn), good.index_copy(0, rows, better)
        raise InputError(f"no solvable maze found in {ATTEMPTS} attempts; {self._advice(fixed, int(rows[0]))}")

    def _advice(self, fixed: dict[str, Tensor], row: int) -> str:
        """What would make room, of all that was asked for."""
        settings, names = self.levels.settings, ("goals", "switches", "decoys", "enemies")
        lower = [name for name in names if self.levels.most(name) > 1]
        lower += [name for name in ("agents", "npcs") if getattr(settings, name) > (name == "agents")]
        if settings.layout is None:
            lower += [name for name in ("blocks", "water") if max(settings.span(name)) > 0]
        said = [f"lower {' or '.join(lower)}"] if lower else []
        if settings.layout is not None:
            said.append("give a layout with more floor")
        elif max(settings.span("size")) < LIMITS["size"][1]:
            said.append("raise size")
        if fixed and "game" not in fixed:
            values = ", ".join(f"{name}={float(value[row]):g}" for name, value in fixed.items())
            said.append(f"fix other values than {values}: these may be in a wall, or leave no room")
        return ", or ".join(said)

    def attempt(self, n: int, fixed: dict[str, Tensor], rng: Streams) -> tuple[MazeState, Tensor]:
        """``n`` states, and which of them will do: as was fixed, possible, and not done yet."""
        settings, device = self.levels.settings, self.levels.device
        level = torch.zeros(n, dtype=torch.int64, device=device)
        if self.levels.varied:
            drawn = settings.first_level + rng.integers(settings.levels)[:, 0]
            level = fixed["level"].long() if "level" in fixed else drawn
        full = torch.full((n,), float(DIFFICULTIES - 1), device=device)
        difficulty = (fixed["difficulty"] * full if "difficulty" in fixed else full).round().long()
        game = torch.zeros_like(level)
        if len(self.games) > 1:
            drawn = rng.integers(len(self.games))[:, 0]
            game = fixed["game"].long() if "game" in fixed else drawn
        plan = self.levels.plan(level, difficulty, game)
        state = self.empty(plan, level, difficulty, game)
        state, placed = self._place_all(state, plan, fixed, rng)
        state = self._dress(state, plan, fixed, rng)
        good = by_game(self.games, lambda g, part: g.solvable(self.places, part) & ~g.done(self.places, part), state)
        if fixed:
            is_so = values_of(self.groups, state)[:, [self.column[name] for name in fixed]]
            good = good & (is_so - torch.stack([*fixed.values()], 1)).abs().lt(1e-4).all(1)
        return state, placed & good

    def task_sizes(self, game: Game) -> tuple[int, ...]:
        """How many values each entry of a game's task takes."""
        return game.task_sizes(self.levels.settings, self.contents.goals, self.levels.most("active"))

    def empty(self, plan: Plan, level: Tensor, difficulty: Tensor, game: Tensor) -> MazeState:
        """Mazes without any items, units in full health."""
        c, n, device = self.contents, len(level), level.device

        def nowhere(count: int) -> Tensor:
            return torch.full((n, count), -1, device=device)

        def no(count: int) -> Tensor:
            return torch.zeros((n, count), dtype=torch.bool, device=device)

        fought = bool(c.enemies)
        units = torch.full((n, (c.agents + c.enemies) * fought), c.health, device=device)
        units[:, c.agents :] = plan.count("health")[:, None]
        rules = torch.stack([plan.drawn[name] for name in RULES], 1) if fought else units.float()
        return MazeState(
            level, difficulty, game, plan.terrain, nowhere(c.agents), nowhere(c.npcs), nowhere(c.boxes),
            nowhere(c.goals), no(c.goals), no(c.goals), nowhere(c.switches), torch.zeros_like(nowhere(c.switches)),
            nowhere(c.doors), no(c.doors), no(self.places.count * c.breadcrumbs), nowhere(len(c.task_sizes)),
            nowhere(c.enemies), units, torch.zeros_like(units), rules,
        )  # fmt: skip

    def counts(self, plan: Plan, game: Tensor) -> dict[str, Tensor]:
        """How many items of each kind there are: int64 ``(n,)``."""
        c = self.contents
        return {
            "door": self.doors[game], "goal": plan.count("goals"), "box": self.boxes[game],
            "switch": plan.count("switches") + plan.count("decoys"), "enemy": plan.count("enemies"),
            "agent": torch.full_like(game, c.agents), "npc": torch.full_like(game, c.npcs),
        }  # fmt: skip

    def _place_all(
        self, state: MazeState, plan: Plan, fixed: dict[str, Tensor], rng: Streams
    ) -> tuple[MazeState, Tensor]:
        free, placed = state.terrain == FLOOR, torch.ones_like(state.game, dtype=torch.bool)
        counts = {item: n for item, n in self.counts(plan, state.game).items() if getattr(state, item).shape[1]}
        slots = sum(getattr(state, item).shape[1] for item in counts)
        chances = iter(torch.split(rng.fractions(slots), 1, 1))
        for item, count in counts.items():
            spots = getattr(state, item).clone()
            for i in range(spots.shape[1]):
                allowed = plan.wall if item == "door" else free
                if item == "box" and self.barred:
                    in_gap = self.places.marked(state.door)
                    allowed = torch.where(self.bars[state.game][:, None], in_gap, free)
                allowed = self._as_fixed(name_of(item, i, spots.shape[1]), allowed, fixed)
                found, present = allowed.any(1), i < count
                spots[:, i] = torch.where(found & present, rng.choice(allowed, next(chances)), -1)
                placed &= found | ~present
                free = free & ~self.places.marked(spots[:, i : i + 1])
            state = state._replace(**{item: spots})
        return state, placed

    def _as_fixed(self, item: str, allowed: Tensor, fixed: dict[str, Tensor]) -> Tensor:
        for axis, coordinate in (("x", self.places.x), ("y", self.places.y)):
            wanted = fixed.get(f"{item}.{axis}")
            if wanted is not None:
                allowed = allowed & (coordinate == wanted[:, None])
        return allowed

    def _dress(self, state: MazeState, plan: Plan, fixed: dict[str, Tensor], rng: Streams) -> MazeState:
        """Colours, what is shown, the task, and what else the items have."""
        c = self.contents
        shown = state.goal >= 0
        if c.hidden:
            drawn = (rng.uniform(c.goals) < plan.drawn["visible"][:, None]) | ~self.hides[state.game][:, None]
            shown = shown & _fix(drawn, "goal", "shown", fixed)
        state = state._replace(shown=shown, visited=_fix(state.visited, "goal", "visited", fixed) & (state.goal >= 0))
        if c.switches:
            colour = _fix(rng.integers(c.colours, c.switches), "switch", "colour", fixed)
            state = state._replace(colour=torch.where(state.switch < 0, 0, colour))
        state = state._replace(task=self._task(state, plan, fixed, rng))
        if c.doors:
            state = state._replace(open=_fix(self._unlocked(state, rng), "door", "open", fixed) & (state.door >= 0))
        if c.breadcrumbs:
            state = state._replace(crumbs=_fix(state.crumbs, "breadcrumb", "", fixed))
        if c.enemies:
            health = torch.where(torch.cat([state.agent, state.enemy], 1) < 0, 0, state.health)
            parts = (health[:, : c.agents], health[:, c.agents :])
            pause = (state.cooldown[:, : c.agents], state.cooldown[:, c.agents :])
            kinds = ("agent", "enemy")
            state = state._replace(
                health=torch.cat([_fix(p, kind, "health", fixed) for p, kind in zip(parts, kinds, strict=True)], 1),
                cooldown=torch.cat([_fix(p, kind, "cooldown", fixed) for p, kind in zip(pause, kinds, strict=True)], 1),
            )
        return state

    def _unlocked(self, state: MazeState, rng: Streams) -> Tensor:
        """Which doors are open: those with a box in them, at the task's colour, without a switch, or by chance."""
        c, told = self.contents, state.task[:, :1]
        unlocked = torch.ones_like(state.open)
        if c.switches and told.shape[1]:
            unlocked = state.colour[:, :1] == told
        if c.boxes:
            unlocked = unlocked | met(state.door, state.box)
        if self.alternating:
            drawn = rng.integers(2, c.doors) > 0
            unlocked = torch.where(self.alternates[state.game][:, None], drawn, unlocked)
        return unlocked

    def _task(self, state: MazeState, plan: Plan, fixed: dict[str, Tensor], rng: Streams) -> Tensor:
        if not self.contents.task_sizes:
            return state.task
        rows, parts = [], []
        for g, game in enumerate(self.games):
            mine = (state.game == g).nonzero()[:, 0]
            streams = rng.take(mine)
            task = game.draw_task(take(state, mine), plan.rows(mine), streams)
            rng.put(mine, streams)
            missing = task.new_full((len(mine), state.task.shape[1] - task.shape[1]), -1)
            rows.append(mine)
            parts.append(torch.cat([task, missing], 1))
        drawn = torch.cat(parts)[torch.cat(rows).argsort()]
        return _fix(drawn, "task", "", fixed, -int(self.contents.task_optional))


def by_game(games: Sequence[Game], ask: Callable[..., Tensor], *given: Any) -> Tensor:
    """``ask(game, *given)`` for each game's rows of what is given, put together again: ``(n, ...)``.

    Args:
        games: The games that ``state.game`` counts.
        ask: Takes a game, then states or tensors of its rows.
        given: A `MazeState` first, then more, or tensors of as many rows.
    """
    if len(games) == 1:
        return ask(games[0], *given)
    rows = [(given[0].game == g).nonzero()[:, 0] for g in range(len(games))]
    parts = [
        ask(game, *(part[mine] if isinstance(part, Tensor) else take(part, mine) for part in given))
        for game, mine in zip(games, rows, strict=True)
        if len(mine)
    ]
    return torch.cat(parts)[torch.cat(rows).argsort()]


def _fix(drawn: Tensor, item: str, name: str, fixed: dict[str, Tensor], shift: int = 0) -> Tensor:
    """``drawn`` ``(n, items)`` with the columns of which ``fixed`` tells replaced."""
    if not fixed:
        return drawn
    columns = []
    for i in range(drawn.shape[1]):
        key = name_of(item, i, drawn.shape[1]) + (f".{name}" if name else "")
        wanted = fixed.get(key)
        columns.append(drawn[:, i] if wanted is None else (wanted.round().long() + shift).to(drawn.dtype))
    return torch.stack(columns, 1) if columns else drawn
