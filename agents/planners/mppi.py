"""Model predictive path integral control (Williams et al. 2017), for many tasks at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import InputError
from ._checks import at_least
from .problem import Plan, Problem


@dataclass(frozen=True)
class MPPI:
    """Draws sequences of actions around the present one and moves it to their mean, weighted by exp(-cost / lambda).

    Args:
        horizon: H, actions planned ahead.
        rounds: How often is drawn.
        samples: Sequences drawn for each task.
        temperature: lambda, in standard deviations of the costs that were drawn, so that costs of any scale will do.
        noise: Standard deviation of the actions drawn, in halves of the range between their bounds.

    Raises:
        InputError: Anything below its least, or a temperature or noise of 0.
    """

    horizon: int = 10
    rounds: int = 5
    samples: int = 300
    temperature: float = 0.1
    noise: float = 0.5

    def __post_init__(self) -> None:
        at_least(1, horizon=self.horizon, rounds=self.rounds)
        at_least(2, samples=self.samples)
        for name in ("temperature", "noise"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be above 0, not {getattr(self, name)}")

    @torch.no_grad()
    def plan(self, problem: Problem, start: Tensor, generator: torch.Generator, guess: Tensor | None = None) -> Plan:
        """The weighted mean of the last round, from ``guess``, ``(n, H, A)``, or the middle of the bounds."""
        n = len(start)
        mean = ((problem.low + problem.high) / 2).expand(n, self.horizon, -1) if guess is None else guess
        scale = self.noise * (problem.high - problem.low) / 2
        for _ in range(self.rounds):
            shape = (self.samples, n, self.horizon, problem.actions)
            noise = torch.randn(shape, generator=generator, device=generator.device).to(mean)
            drawn = torch.cat([problem.bound(mean + scale * noise), mean[None]])
            cost = problem.cost(problem.follow(start.expand(len(drawn), *start.shape), drawn), drawn)
            mean = torch.einsum("sn,snha->nha", self._weights(cost), drawn)
        return Plan(mean, problem.cost(problem.follow(start, mean), mean))

    def _weights(self, cost: Tensor) -> Tensor:
        """Of sequences ``(S, n)``, summing to 1; what costs infinitely much has none."""
        finite = torch.where(cost.isfinite(), cost, torch.nan)
        centre = finite.nanmean(0)
        spread = (finite - centre).square().nanmean(0).sqrt().clamp_min(torch.finfo(cost.dtype).tiny)
        above = (cost - cost.amin(0)) / (self.temperature * spread)
        return torch.softmax(-above.nan_to_num(0.0), 0)  # where all costs are infinite all weigh the same
