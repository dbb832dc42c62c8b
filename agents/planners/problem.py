"""What a planner is given: dynamics of states, a goal, a quadratic cost, and how actions are bounded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from ...errors import InputError

Dynamics = Callable[[Tensor, Tensor], Tensor]
"""States ``(m, K)`` and actions ``(m, A)`` to next states ``(m, K)``, each row by itself."""
Jacobians = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""States and actions to what the next state changes by with either: ``(m, K, K)`` and ``(m, K, A)``."""


class Plan(NamedTuple):
    """The best that was found for each of n problems."""

    actions: Tensor
    """``(n, H, A)``"""
    cost: Tensor
    """``(n,)``"""


@dataclass(frozen=True)
class Problem:
    """n tasks under one dynamics: ``min sum_{t=1}^H (z_t - z_f)^T Q (z_t - z_f) + u_{t-1}^T R u_{t-1}``.

    That is equation 7 of Banijamali et al. 2018, with actions counted with the state that they lead to.

    Args:
        dynamics: See `Dynamics`.
        goal: z_f, ``(n, K)``.
        state_cost: Q, ``(K, K)``, symmetric, without negative eigenvalues.
        action_cost: R, ``(A, A)``, likewise; for iLQR without zeros, too.
        low: Least action, ``(A,)``.
        high: Largest action, ``(A,)``.
        jacobians: See `Jacobians`; without it, `automatic` ones.

    Raises:
        InputError: Shapes that don't match, or bounds that leave no action.
    """

    dynamics: Dynamics
    goal: Tensor
    state_cost: Tensor
    action_cost: Tensor
    low: Tensor
    high: Tensor
    jacobians: Jacobians | None = None

    def __post_init__(self) -> None:
        if self.goal.ndim != 2:
            raise InputError(f"goal must have shape (n, K), not {tuple(self.goal.shape)}")
        states, actions = self.goal.shape[1], len(self.low)
        wanted: dict[str, tuple[int, ...]] = {"state_cost": (states, states), "action_cost": (actions, actions)}
        wanted |= {"low": (actions,), "high": (actions,)}
        for name, shape in wanted.items():
            if getattr(self, name).shape != shape:
                raise InputError(f"{name} must have shape {shape}, not {tuple(getattr(self, name).shape)}")
        if not bool((self.low < self.high).all()):
            raise InputError("low must be below high for every action")

    @property
    def actions(self) -> int:
        """A, how many numbers an action has."""
        return len(self.low)

    @cached_property
    def _linearise(self) -> Jacobians:
        return self.jacobians or automatic(self.dynamics)

    def next(self, states: Tensor, actions: Tensor) -> Tensor:
        """The dynamics of states ``(..., K)`` and actions ``(..., A)``."""
        return self.dynamics(states.flatten(0, -2), actions.flatten(0, -2)).view_as(states)

    def linearise(self, states: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Jacobians at states ``(..., K)`` and actions ``(..., A)``: ``(..., K, K)`` and ``(..., K, A)``."""
        by_state, by_action = self._linearise(states.flatten(0, -2), actions.flatten(0, -2))
        rows = states.shape[:-1]
        return by_state.view(*rows, *by_state.shape[1:]), by_action.view(*rows, *by_action.shape[1:])

    def follow(self, start: Tensor, actions: Tensor) -> Tensor:
        """The states along actions ``(..., n, H, A)`` from ``start``, ``(..., n, K)``: ``(..., n, H + 1, K)``."""
        states = [start]
        for action in actions.unbind(-2):
            states.append(self.next(states[-1], action))
        return torch.stack(states, -2)

    def cost(self, states: Tensor, actions: Tensor) -> Tensor:
        """Of trajectories: states ``(..., n, H + 1, K)``, of which the first is free, and actions ``(..., n, H, A)``.

        What isn't finite is infinite: a trajectory that the dynamics lose is worse than any other.
        """
        off = states[..., 1:, :] - self.goal[:, None]
        total = _quadratic(off, self.state_cost).sum(-1) + _quadratic(actions, self.action_cost).sum(-1)
        return total.nan_to_num(torch.inf, torch.inf, torch.inf)

    def uniform(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Actions drawn uniformly between the bounds: ``(*shape, A)``."""
        drawn = torch.rand(*shape, self.actions, generator=generator, device=generator.device).to(self.low.device)
        return self.low + (self.high - self.low) * drawn

    def bound(self, actions: Tensor) -> Tensor:
        """The nearest actions within the bounds."""
        return torch.minimum(torch.maximum(actions, self.low), self.high)


def automatic(dynamics: Dynamics) -> Jacobians:
    """Jacobians by differentiation; the dynamics must be made of differentiable torch functions, and of no others."""

    def one(state: Tensor, action: Tensor) -> Tensor:
        return dynamics(state[None], action[None])[0]

    return torch.func.vmap(torch.func.jacrev(one, argnums=(0, 1)))


def differences(dynamics: Dynamics, width: float) -> Jacobians:
    """Jacobians by central differences of the given width, for dynamics that can't be differentiated."""

    def by(at: Callable[[Tensor], Tensor], values: Tensor) -> Tensor:
        """Of a function of ``(m, D)``: ``(m, K, D)``."""
        steps = 0.5 * width * torch.eye(values.shape[1], dtype=values.dtype, device=values.device)
        return torch.stack([(at(values + step) - at(values - step)) / width for step in steps], 2)

    def jacobians(states: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        return by(lambda moved: dynamics(moved, actions), states), by(lambda moved: dynamics(states, moved), actions)

    return jacobians


def _quadratic(rows: Tensor, weights: Tensor) -> Tensor:
    """``x^T W x`` of the last dimension."""
    return ((rows @ weights) * rows).sum(-1)
