"""Visit all goals but those that are excluded."""

from __future__ import annotations

import torch
from torch import Tensor

from ...streams import Streams
from ..levels import Plan
from ..places import Places, met
from ..settings import Settings
from ..state import MazeState
from ._game import Coordinates, Sentence, say
from .multi_goals import MultiGoals

EXCLUDED_GOAL_COST = 0.5


class Exclusion(MultiGoals):
    """``task`` says of each goal whether it is excluded (1); coming to an excluded one costs 0.5.

    As many goals are excluded as ``active`` says.
    """

    task_optional = False
    task_of_goals = False

    def task_sizes(self, settings: Settings, goals: int, active: int) -> tuple[int, ...]:
        """One entry for each goal."""
        return (2,) * goals

    def draw_task(self, draft: MazeState, plan: Plan, rng: Streams) -> Tensor:
        """Random goals, as many as are active but never all."""
        chance = rng.uniform(draft.goal.shape[1])
        rank = torch.where(draft.goal < 0, 2.0, chance).argsort(1).argsort(1)
        excluded = torch.minimum(plan.count("active"), plan.count("goals") - 1)
        marks = torch.zeros_like(draft.task)
        marks[:, : rank.shape[1]] = (rank < excluded[:, None]).long()
        return marks

    def done(self, places: Places, state: MazeState) -> Tensor:
        """Whether all goals that are there and not excluded have been visited."""
        return (state.visited | self._excluded(state) | (state.goal < 0)).all(1)

    def solvable(self, places: Places, state: MazeState) -> Tensor:
        """Whether all goals to visit can be reached."""
        reached = places.at(state.goal, places.reachable(state))
        return (reached | self._excluded(state) | (state.goal < 0)).all(1)

    def cost(self, places: Places, before: MazeState, after: MazeState) -> Tensor:
        """The cost of coming to an excluded goal."""
        upon, was = met(after.goal, after.agent), met(after.goal, before.agent)
        return EXCLUDED_GOAL_COST * (upon & ~was & self._excluded(after)).any(1)

    def visit(self, state: MazeState, came: Tensor) -> Tensor:
        """``visited`` after agents are on the goals ``came`` ``(n, goals)``: all but the excluded count."""
        return state.visited | (came & ~self._excluded(state))

    def sentences(self, state: MazeState, coordinates: Coordinates) -> list[Sentence]:
        """``avoid goal2``, for each that is excluded."""
        slots = range(state.goal.shape[1])
        return [("avoid", say("goal", torch.where(state.task[:, g] > 0, g, -1))) for g in slots]

    def _excluded(self, state: MazeState) -> Tensor:
        return state.task[:, : state.goal.shape[1]] > 0


GAME = Exclusion()
