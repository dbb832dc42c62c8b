"""The best way to play a maze: exact dynamic programming over everything that actions can change."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ..core import take
from ..streams import Streams
from .state import MazeState
from .world import Maze

LARGEST = 2**21
_AT_ONCE = 2**20


class _Part(NamedTuple):
    """Something that actions change: a column of a field, and how many values it has."""

    field: str
    column: int
    size: int


class Expert:
    """The best actions, and what they earn, from any state that the given ones can come to.

    It asks the maze's own `step` where every action leads from every combination of what actions change (the agent's
    and boxes' places, switches' colours, doors, visited goals), and iterates values to their fixed point, without
    discount: a shortest path where all steps cost the same.

    Args:
        maze: Of one agent, and nothing random.
        state: The mazes, n of them.

    Raises:
        ValueError: Several agents, others who wander, enemies, no task, or too many combinations to list.
    """

    def __init__(self, maze: Maze, state: MazeState) -> None:
        c = maze.contents
        if c.agents > 1 or c.npcs or c.enemies or not maze.has_task:
            raise ValueError("an expert needs a game with a task, one agent, no npcs and no enemies")
        self.maze, self.size = maze, len(state.agent)
        self._tables = [
            _Table(maze, take(state, rows), rows, self._parts(g))
            for g in range(len(maze.games))
            for rows in self._chunks((state.game == g).nonzero()[:, 0], g)
        ]

    def value(self, state: MazeState) -> Tensor:
        """The largest sum of rewards to be had from here: float64 ``(n,)``, minus infinity where it can't be done.

        Row i must have come from row i of the states that the expert was made for.
        """
        return self._ask(state, "values").double()

    def action(self, state: MazeState) -> Tensor:
        """An action that earns it: int64 ``(n,)``."""
        return self._ask(state, "actions").long()

    def _ask(self, state: MazeState, what: str) -> Tensor:
        found = torch.empty(self.size, dtype=torch.float64, device=self.maze.device)
        for table in self._tables:
            found[table.rows] = getattr(table, what)[table.index(take(state, table.rows))].double()
        return found

    def _parts(self, g: int) -> list[_Part]:
        """What actions change in the game of this index."""
        game, most, count = self.maze.games[g], self.maze.levels.most_of, self.maze.places.count
        parts = [_Part("agent", 0, count)] + [_Part("box", i, count) for i in range(game.boxes)]
        if game.visits:
            parts += [_Part("visited", i, 2) for i in range(most("goals", g))]
        if game.toggles:
            parts += [_Part("colour", s, self.maze.contents.colours) for s in range(most("switches", g))]
            parts += [_Part("open", d, 2) for d in range(game.doors)]
        return parts

    def _chunks(self, rows: Tensor, g: int) -> tuple[Tensor, ...]:
        combinations = math.prod(part.size for part in self._parts(g))
        if combinations > LARGEST:
            raise ValueError(
                f"{combinations} combinations of places, colours and goals are too many for an expert, which lists at "
                f"most {LARGEST}; make size, goals, switches or colours smaller"
            )
        return torch.split(rows, max(1, _AT_ONCE // combinations)) if len(rows) else ()


class _Table:
    """Values and best actions of some rows: ``(rows * combinations,)`` each."""

    def __init__(self, maze: Maze, state: MazeState, rows: Tensor, parts: list[_Part]) -> None:
        self.rows, self.parts = rows, parts
        self.combinations = math.prod(part.size for part in parts)
        every = self._every(state)
        streams = Streams(torch.zeros(len(every.agent), dtype=torch.int64, device=maze.device), maze.device)
        worth, following = [], []
        for action in range(len(maze.action_names)):
            after, reward, done = maze.step(every, torch.full_like(every.agent[:, 0], action), streams)
            worth.append(reward.double())
            following.append(torch.where(done, len(every.agent), self.index(after)))
        self.values, self.actions = _iterate(torch.stack(worth, 1), torch.stack(following, 1))

    def index(self, state: MazeState) -> Tensor:
        """Where the states are in the tables: int64 ``(n,)``, for the rows in order, each any number of times."""
        found = torch.zeros_like(state.agent[:, 0])
        for part in self.parts:
            found = found * part.size + getattr(state, part.field)[:, part.column].long().clamp(min=0)
        times = len(found) // len(self.rows)
        row = torch.arange(len(self.rows), device=found.device).repeat_interleave(times)
        return row * self.combinations + found

    def _every(self, state: MazeState) -> MazeState:
        """All combinations of each row."""
        code = torch.arange(self.combinations, device=state.agent.device).repeat(len(self.rows))
        every = MazeState(*(field.repeat_interleave(self.combinations, 0) for field in state))
        for part in reversed(self.parts):
            column = getattr(every, part.field)
            there = getattr(state, part.field)[:, part.column].repeat_interleave(self.combinations) >= 0
            column[:, part.column] = torch.where(there, code % part.size, column[:, part.column]).to(column.dtype)
            code = code // part.size
        return every


def _iterate(worth: Tensor, following: Tensor) -> tuple[Tensor, Tensor]:
    """The fixed point of value iteration.

    Args:
        worth: Reward of each action, ``(S, A)``.
        following: The state that it leads to, ``(S, A)``; S for the end.

    Returns:
        Values ``(S,)``, and the first of the best actions, int16 ``(S,)``.
    """
    values = torch.full((len(worth) + 1,), -torch.inf, dtype=torch.float64, device=worth.device)
    values[-1] = 0
    while True:
        best, action = (worth + values[following]).max(1)
        if torch.equal(best, values[:-1]):
            return best, action.to(torch.int16)
        values[:-1] = best
