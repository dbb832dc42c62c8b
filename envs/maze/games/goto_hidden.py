"""Go to a goal told by name, whose place must be read in a list."""

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


class GotoHidden(Game):
    """``task`` is the goal's number. Goals are on the map only with the chance ``visible``; a wrong one costs 0.2."""

    spans: ClassVar[Mapping[str, Span]] = {"goals": (2, 6), "visible": 0.0}
    hidden = True
    task_of_goals = True

    def task_sizes(self, settings: Settings, goals: int, active: int) -> tuple[int, ...]:
        """One entry, a goal."""
        return (goals,)

    def draw_task(self, draft: MazeState, plan: Plan, rng: Streams) -> Tensor:
        """Any of the goals."""
        return (rng.uniform(1) * plan.count("goals")[:, None]).long()

    def done(self, places: Places, state: MazeState) -> Tensor:
        """Whether an agent is on the goal that was named."""
        return (state.agent == state.goal.gather(1, state.task[:, :1].clamp(min=0))).any(1)

    def solvable(self, places: Places, state: MazeState) -> Tensor:
        """Whether the goal that was named can be reached."""
        return places.at(state.goal.gather(1, state.task[:, :1].clamp(min=0)), places.reachable(state))[:, 0]

    def cost(self, places: Places, before: MazeState, after: MazeState) -> Tensor:
        """The cost of coming to a wrong goal."""
        upon, was = met(after.goal, after.agent), met(after.goal, before.agent)
        return WRONG_GOAL_COST * (upon & ~was).scatter(1, after.task[:, :1].clamp(min=0), False).any(1)

    def sentences(self, state: MazeState, coordinates: Coordinates) -> list[Sentence]:
        """``go to goal2``, and ``goal2 at x3 y4`` for each goal."""
        told: list[Sentence] = [("go", "to", say("goal", state.task[:, 0]))]
        for g in range(state.goal.shape[1]):
            name = say("goal", torch.where(state.goal[:, g] < 0, -1, g))
            told.append((name, "at", *coordinates(state.goal[:, g])))
        return told


GAME = GotoHidden()
