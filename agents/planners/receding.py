"""Planning anew before every action, from where the last one led."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from .problem import Plan, Problem


class Planner(Protocol):
    """What finds actions; `ILQR`, `CEM`, `ICEM` and `MPPI` do."""

    def plan(self, problem: Problem, start: Tensor, generator: torch.Generator, guess: Tensor | None = None) -> Plan:
        """The best actions from states ``(n, K)``; ``guess``, ``(n, H, A)``, is to begin with."""


class RecedingHorizon:
    """A controller that plans from each state that it is shown, and begins with what is left of the plan before.

    Args:
        planner: What finds actions.
        problem: n tasks.
        generator: Of all draws.
    """

    def __init__(self, planner: Planner, problem: Problem, generator: torch.Generator) -> None:
        self.planner, self.problem, self.generator = planner, problem, generator
        self.left: Tensor | None = None

    def act(self, states: Tensor) -> Tensor:
        """The actions ``(n, A)`` to take at states ``(n, K)``."""
        plan = self.planner.plan(self.problem, states, self.generator, self.left)
        last = self.problem.uniform((len(states), 1), self.generator)
        self.left = torch.cat([plan.actions[:, 1:], last.to(plan.actions)], 1)
        return plan.actions[:, 0]
