"""Iterative linear quadratic regulation (Li & Todorov 2004), regularised, with a line search, many tasks at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ._checks import at_least
from .problem import Plan, Problem


class Gains(NamedTuple):
    """How actions are changed: ``u + a k + K (z - z_old)`` for a step of size a."""

    open: Tensor
    """k, ``(..., H, A)``"""
    feedback: Tensor
    """K, ``(..., H, A, K)``"""


@dataclass(frozen=True)
class ILQR:
    """Improves several sequences of actions for each task; what is left is the best of them.

    As in PCC's code (Levine et al. 2020): sequences to begin with are half drawn uniformly between the actions' bounds
    and half from the bounds themselves; each is improved a few times along the linearised dynamics. A sequence that no
    step size makes better keeps, and is regularised more in the next round (Tassa et al. 2012: mu is added to the
    value's curvature), less where a step was taken. Dynamics' second derivatives are left out, so that what is solved
    has a minimum wherever R is positive. On linear dynamics without bounds one round without regularisation is exact
    (Riccati). All n tasks, all sequences and all step sizes are one batch; only time is looped over.

    Args:
        horizon: H, actions planned ahead.
        rounds: How often sequences are improved.
        sequences: How many each task begins with; one of them is what was planned before, where that is handed in.
        mu: Least regularisation; it doubles and halves.
        mu_most: Largest.
        halvings: Step sizes tried: 1, 1/2, ..., 2^-halvings.

    Raises:
        InputError: Anything below 1, or a mu below 0.
    """

    horizon: int = 10
    rounds: int = 4
    sequences: int = 6
    mu: float = 1e-5
    mu_most: float = 10.0
    halvings: int = 13

    def __post_init__(self) -> None:
        at_least(1, horizon=self.horizon, rounds=self.rounds, sequences=self.sequences)
        at_least(0, mu=self.mu, mu_most=self.mu_most, halvings=self.halvings)

    @torch.no_grad()
    def plan(self, problem: Problem, start: Tensor, generator: torch.Generator, guess: Tensor | None = None) -> Plan:
        """The best actions from states ``(n, K)``; ``guess``, ``(n, H, A)``, takes the place of a drawn sequence."""
        actions = self._begin(problem, len(start), generator, guess)
        start = start.expand(len(actions), *start.shape)
        states = problem.follow(start, actions)
        cost = problem.cost(states, actions)
        mu = torch.full_like(cost, self.mu)
        for _ in range(self.rounds):
            gains = backward(problem, states, actions, mu)
            states, actions, found = self._search(problem, states, actions, gains)
            better = found < cost
            cost = torch.where(better, found, cost)
            mu = torch.where(better, mu / 2, 2 * mu).clamp(self.mu, self.mu_most)
        best = cost.argmin(0)
        rows = torch.arange(len(best), device=best.device)
        return Plan(actions[best, rows], cost[best, rows])

    def _begin(self, problem: Problem, n: int, generator: torch.Generator, guess: Tensor | None) -> Tensor:
        """Sequences ``(S, n, H, A)``: the guess, uniform ones, and ones of bounds."""
        drawn = problem.uniform((self.sequences, n, self.horizon), generator)
        extreme = torch.where(drawn > (problem.low + problem.high) / 2, problem.high, problem.low)
        actions = torch.cat([drawn[: (self.sequences + 1) // 2], extreme[(self.sequences + 1) // 2 :]])
        return actions if guess is None else torch.cat([guess[None], actions[1:]])

    def _search(self, problem: Problem, states: Tensor, actions: Tensor, gains: Gains) -> tuple[Tensor, Tensor, Tensor]:
        """The best of all step sizes, none (the trajectory as it is) among them: states, actions and cost."""
        sizes = 0.5 ** torch.arange(self.halvings + 1, device=states.device, dtype=states.dtype)
        sizes = torch.cat([sizes, sizes.new_zeros(1)])
        tried_states, tried_actions = forward(problem, states, actions, gains, sizes)
        costs = problem.cost(tried_states, tried_actions)
        cost, best = costs.min(0)
        chosen = (best, *torch.meshgrid(*(torch.arange(k, device=best.device) for k in best.shape), indexing="ij"))
        return tried_states[chosen], tried_actions[chosen], cost


def backward(problem: Problem, states: Tensor, actions: Tensor, mu: Tensor) -> Gains:
    """The gains along trajectories, from the end to the beginning.

    With F = [A B], the jacobians of the dynamics by state and action, and the value ``v^T z + z^T V z / 2`` of what
    comes after, ``Q = F^T V F`` and ``q = F^T v``, both with the action's cost; k and K make what they say least, with
    mu added to V where actions are concerned. With ``G = [1; K]`` the value before is ``V = G^T Q G`` and
    ``v = G^T (q + Q_{:u} k)`` (Tassa et al. 2012, equations 10 and 11), with the state's cost. All costs are halved,
    which changes no gain.

    Args:
        problem: Dynamics and cost.
        states: ``(..., n, H + 1, K)``.
        actions: ``(..., n, H, A)``.
        mu: ``(..., n)``.
    """
    size = states.shape[-1]
    both = torch.cat(problem.linearise(states[..., :-1, :], actions), -1)
    held = mu[..., None, None, None] * both[..., size:].mT @ both
    curve = torch.nn.functional.pad(problem.action_cost, (size, 0, size, 0))
    slopes = torch.nn.functional.pad(actions @ problem.action_cost, (size, 0))
    ends = (states[..., 1:, :] - problem.goal[:, None]) @ problem.state_cost
    still = torch.eye(size, dtype=states.dtype, device=states.device).expand(*mu.shape, -1, -1)
    value, slope = problem.state_cost, ends[..., -1, :]
    opens, feedbacks = [], []
    for t in range(actions.shape[-2] - 1, -1, -1):
        f = both[..., t, :, :].mT
        q_matrix, q = f @ value @ f.mT + curve, _times(f, slope) + slopes[..., t, :]
        firm = q_matrix[..., size:, :] + held[..., t, :, :]
        wanted = torch.cat([q[..., size:, None], firm[..., :size]], -1)
        solved = torch.linalg.solve_ex(firm[..., size:], wanted).result.neg()  # no number where nothing is best
        k, feedback = solved[..., 0], solved[..., 1:]
        back = torch.cat([still, feedback], -2).mT
        value, slope = back @ q_matrix @ back.mT, _times(back, q + _times(q_matrix[..., size:], k))
        if t:
            value, slope = value + problem.state_cost, slope + ends[..., t - 1, :]
        opens.append(k)
        feedbacks.append(feedback)
    return Gains(torch.stack(opens[::-1], -2), torch.stack(feedbacks[::-1], -3))


def forward(problem: Problem, states: Tensor, actions: Tensor, gains: Gains, sizes: Tensor) -> tuple[Tensor, Tensor]:
    """Trajectories ``(I, ..., n, H + 1, K)`` and ``(I, ..., n, H, A)`` for steps of sizes ``(I,)``, within the bounds.

    A step of size 0 is no step: actions stay what they are; and they do where the dynamics are lost, so that they are
    always finite.
    """
    size = sizes.view(-1, *[1] * (actions.ndim - 1))
    here = states[..., 0, :].expand(len(sizes), *states[..., 0, :].shape)
    seen, taken = [here], []
    for t in range(actions.shape[-2]):
        back = _times(gains.feedback[..., t, :, :], here - states[..., t, :])
        change = (size * gains.open[..., t, :] + back).nan_to_num(0.0)
        action = problem.bound(actions[..., t, :] + change)
        here = problem.next(here, action)
        seen.append(here)
        taken.append(action)
    return torch.stack(seen, -2), torch.stack(taken, -2)


def _times(matrix: Tensor, vector: Tensor) -> Tensor:
    return (matrix @ vector[..., None])[..., 0]
