"""The cross-entropy method, and its sample-efficient variant iCEM, for many tasks at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import InputError
from ._checks import at_least
from .problem import Plan, Problem


@dataclass(frozen=True)
class CEM:
    """Draws sequences of actions, keeps the best, and draws around those again (Rubinstein 1999).

    With ``colour``, ``kept`` and ``decay`` it is iCEM (Pinneri et al. 2020, arXiv:2008.06389); see `ICEM`.

    Args:
        horizon: H, actions planned ahead.
        rounds: How often is drawn.
        samples: Sequences drawn for each task in the first round.
        elites: How many of them the next round is drawn around.
        smoothing: Share of the old mean and deviation in the new ones.
        colour: Exponent of the noise's spectrum over time, f^-colour: 0 is white, larger is smoother.
        kept: Share of the elites that are drawn from again in the next round, and after the next action.
        decay: The samples of a round, times this, make the next's, down to twice the elites.

    Raises:
        InputError: Anything below its least, more elites than samples, or a share beyond 1.
    """

    horizon: int = 10
    rounds: int = 5
    samples: int = 300
    elites: int = 30
    smoothing: float = 0.1
    colour: float = 0.0
    kept: float = 0.0
    decay: float = 1.0

    def __post_init__(self) -> None:
        at_least(1, horizon=self.horizon, rounds=self.rounds, samples=self.samples, elites=self.elites)
        at_least(0, smoothing=self.smoothing, colour=self.colour, kept=self.kept, decay=self.decay)
        if self.elites > self.samples:
            raise InputError(f"elites must be at most samples, {self.samples}, not {self.elites}")
        for name in ("smoothing", "kept", "decay"):
            if getattr(self, name) > 1:
                raise InputError(f"{name} must be at most 1, not {getattr(self, name)}")

    @torch.no_grad()
    def plan(self, problem: Problem, start: Tensor, generator: torch.Generator, guess: Tensor | None = None) -> Plan:
        """The best sequence of actions that was drawn; draws begin around ``guess``, ``(n, H, A)``, or the middle."""
        n = len(start)
        middle = ((problem.low + problem.high) / 2).expand(n, self.horizon, -1)
        mean = middle if guess is None else guess
        deviation = ((problem.high - problem.low) / 2).expand_as(mean)
        old = mean[None]  # what is tried again
        best = Plan(mean, torch.full((n,), torch.inf, device=mean.device, dtype=mean.dtype))
        for number in range(self.rounds):
            count = max(2 * self.elites, int(self.samples * self.decay**number)) if number else self.samples
            noise = coloured_noise((count, n, self.horizon, problem.actions), self.colour, generator).to(mean)
            last = [mean[None]] if number == self.rounds - 1 else []
            drawn = torch.cat([problem.bound(mean + deviation * noise), old, *last])
            cost = problem.cost(problem.follow(start.expand(len(drawn), *start.shape), drawn), drawn)
            values, order = cost.topk(self.elites, dim=0, largest=False)
            elites = drawn.gather(0, order[..., None, None].expand(-1, -1, *drawn.shape[2:]))
            better = values[0] < best.cost
            best = Plan(
                torch.where(better[:, None, None], elites[0], best.actions), torch.where(better, values[0], best.cost)
            )
            mean = torch.lerp(elites.mean(0), mean, self.smoothing)
            deviation = torch.lerp(elites.std(0, correction=0), deviation, self.smoothing)
            old = elites[: int(self.kept * self.elites)]
        return best


@dataclass(frozen=True)
class ICEM(CEM):
    """The cross-entropy method with smooth noise, elites that are kept, and fewer samples round by round."""

    colour: float = 2.0
    kept: float = 0.3
    decay: float = 0.8


def coloured_noise(shape: tuple[int, int, int, int], colour: float, generator: torch.Generator) -> Tensor:
    """Gaussian noise of variance 1, ``(S, n, H, A)``, whose power over time falls with the frequency as f^-colour.

    Drawn in frequency space (Timmer & Koenig 1995), the slowest frequency's weight for the constant part, too.
    """
    *rows, horizon, actions = shape
    if not colour or horizon == 1:
        return torch.randn(shape, generator=generator, device=generator.device)
    frequencies = torch.fft.rfftfreq(horizon, device=generator.device).clamp_min(1 / horizon)
    weights = frequencies ** (-colour / 2)
    parts = torch.randn(*rows, actions, len(weights), 2, generator=generator, device=generator.device)
    drawn = torch.fft.irfft(torch.view_as_complex(parts) * weights, horizon)
    noise: Tensor = drawn / _deviation(weights, horizon)
    return noise.movedim(-1, -2)


def _deviation(weights: Tensor, horizon: int) -> Tensor:
    """Standard deviation that such noise has: a real signal counts all its frequencies twice but the first (and last).

    Of those two only the real part is read.
    """
    power = weights.square() * 4
    power[0] /= 4
    if horizon % 2 == 0:
        power[-1] /= 4
    return power.sum().sqrt() / horizon
