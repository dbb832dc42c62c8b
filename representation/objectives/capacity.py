"""Controlled capacity: the rate follows a target that rises (Burgess et al. 2018, arXiv:1804.03599, equation 8)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ...errors import InputError
from ._terms import ANY, Batch, Model, check, rate, run

SHARE = 0.9


@dataclass(frozen=True)
class Config:
    """Coefficients; the paper's for dSprites, where it trains for at least 100,000 steps.

    Args:
        gamma: Weight of the rate's distance from its target.
        start: Target C at the first step, nats.
        capacity: Target at the last step of the rise, nats.
        rise: Steps over which the target rises linearly; it stays afterwards. 0 stands for nine tenths of the training.
    """

    gamma: float = 1000.0
    start: float = 0.0
    capacity: float = 25.0
    rise: int = 0

    def __post_init__(self) -> None:
        check(self, gamma=ANY, start=ANY, capacity=ANY, rise=ANY)
        if self.start > self.capacity:
            raise InputError(f"start must be at most capacity, {self.capacity:g}, not {self.start:g}")

    def target(self, step: int, steps: int = 1) -> float:
        """C after ``step`` of ``steps`` steps, nats."""
        return self.start + (self.capacity - self.start) * min(1.0, step / (self.rise or SHARE * steps))


def loss_terms(config: Config, model: Model, batch: Batch) -> dict[str, Tensor]:
    """``loss = reconstruction + gamma * |kl - C(step)|``."""
    output = run(model, batch)
    kl = rate(output)
    gap = (kl - config.target(batch.step, batch.steps)).abs()
    loss = output.reconstruction + config.gamma * gap
    return {"loss": loss, "reconstruction": output.reconstruction, "kl": kl, "capacity gap": gap}
