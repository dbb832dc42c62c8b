"""Planners: batched torch functions from dynamics, a goal and a cost to actions; they know nothing of images.

Any dynamics will do, a world's own or a learnt one's, row by row::

    problem = Problem(dynamics, goal, state_cost, action_cost, low, high)
    plan = ILQR(horizon=10).plan(problem, start, torch.Generator().manual_seed(0))  # (n, 10, A)
"""

from .cem import CEM, ICEM
from .ilqr import ILQR
from .mppi import MPPI
from .problem import Plan, Problem, automatic, differences
from .receding import Planner, RecedingHorizon

__all__ = [
    "CEM", "ICEM", "ILQR", "MPPI", "Plan", "Planner", "Problem", "RecedingHorizon", "automatic", "differences",
]  # fmt: skip
