"""Visit several goals, by name, in a given order."""

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

WRONG_GOAL_COST = 0.2


class MultiGoals(Game):
    """``task`` lists the goals to visit, by number, in order; -1 follows the last. All are where there are fewer goals.

    Coming to a goal that is not the next to be visited, and has not been, costs 0.2.
    """

    spans: ClassVar[Mapping[str, Span]] = {"goals": (2, 6), "active": (1, 3)}
    visits = True
    task_optional = True
    task_of_goals = True

    def task_sizes(self, settings: Settings, goals: int, active: int) -> tuple[int, ...]:
        """One entry for each goal to visit."""
        return (goals,) * active

    def draw_task(self, draft: MazeState, plan: Plan, rng: Streams) -> Tensor:
        """A random order of the goals, cut to as many as are active."""
        n, slots = draft.task.shape
        chance = rng.uniform(draft.goal.shape[1])
        order = torch.where(draft.goal < 0, 2.0, chance).argsort(1)[:, :slots]
        rank = torch.arange(order.shape[1], device=order.device)
        order = torch.where(rank < torch.minimum(plan.count("active"), plan.count("goals"))[:, None], order, -1)
        return torch.cat([order, order.new_full((n, slots - order.shape[1]), -1)], 1)

    def done(self, places: Places, state: MazeState) -> Tensor:
        """Whether all goals of the list have been visited."""
        return (_visited(state) | (state.task < 0)).all(1)

    def cost(self, places: Places, before: MazeState, after: MazeState) -> Tensor:
        """The cost of coming to a wrong goal."""
        came = met(after.goal, after.agent) & ~met(after.goal, before.agent)
        return WRONG_GOAL_COST * (came & ~after.visited).any(1)

    def visit(self, state: MazeState, came: Tensor) -> Tensor:
        """``visited`` after agents are on the goals ``came`` ``(n, goals)``: the next of the list counts."""
        left = (state.task >= 0) & ~_visited(state)
        following = left & (left.cumsum(1) == 1)
        goal = torch.arange(came.shape[1], device=came.device)
        target = ((state.task[:, :, None] == goal) & following[:, :, None]).any(1)
        return state.visited | (came & target)

    def sentences(self, state: MazeState, coordinates: Coordinates) -> list[Sentence]:
        """``visit goal3``, then ``then visit goal1``..."""
        named = [say("goal", state.task[:, k]) for k in range(state.task.shape[1])]
        return [("visit", name) if k == 0 else ("then", "visit", name) for k, name in enumerate(named)]


def _visited(state: MazeState) -> Tensor:
    """Whether each goal of the list has been visited: bool ``(n, K)``."""
    return state.visited.gather(1, state.task.clamp(0, state.visited.shape[1] - 1)) & (state.task >= 0)


GAME = MultiGoals()
