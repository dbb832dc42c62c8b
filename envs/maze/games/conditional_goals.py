"""Which goal to go to depends on the colour of a switch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from ...streams import Streams
from ..levels import Plan
from ..places import Places, met
from ..settings import Settings, Span
from ..state import MazeState
from ._game import Coordinates, Game, Sentence, say
from .multi_goals import WRONG_GOAL_COST


class ConditionalGoals(Game):
    """``task`` holds, for each colour of the switch, the goal that counts; coming to another costs 0.2."""

    spans: ClassVar[Mapping[str, Span]] = {"goals": (2, 6), "switches": 1}
    toggles = True
    task_of_goals = True

    def task_sizes(self, settings: Settings, goals: int, active: int) -> tuple[int, ...]:
        """One entry for each colour."""
        return (goals,) * settings.colours

    def draw_task(self, draft: MazeState, plan: Plan, rng: Streams) -> Tensor:
        """A goal for each colour, all goals equally likely."""
        return (rng.uniform(plan.colours) * plan.count("goals")[:, None]).long()

    def done(self, places: Places, state: MazeState) -> Tensor:
        """Whether an agent is on the goal of the switch's colour."""
        return self._upon(state).gather(1, self._target(state))[:, 0]

    def cost(self, places: Places, before: MazeState, after: MazeState) -> Tensor:
        """The cost of coming to a wrong goal."""
        came = self._upon(after) & ~self._upon(before)
        return WRONG_GOAL_COST * came.scatter(1, self._target(after), False).any(1)

    def solvable(self, places: Places, state: MazeState) -> Tensor:
        """Whether the present colour's goal can be reached."""
        return places.at(state.goal.gather(1, self._target(state)), places.reachable(state))[:, 0]

    def sentences(self, state: MazeState, coordinates: Coordinates) -> list[Sentence]:
        """``if colour1 go to goal3``, for each colour."""
        slots = range(state.task.shape[1])
        return [("if", f"colour{c}", "go", "to", say("goal", state.task[:, c])) for c in slots]

    def _upon(self, state: MazeState) -> Tensor:
        return met(state.goal, state.agent)

    def _target(self, state: MazeState) -> Tensor:
        """The number of the goal that counts: int64 ``(n, 1)``."""
        return state.task.gather(1, torch.clamp(state.colour[:, :1], max=state.task.shape[1] - 1)).clamp(min=0)


GAME = ConditionalGoals()
