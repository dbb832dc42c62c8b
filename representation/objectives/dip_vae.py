"""DIP-VAE: the aggregate posterior's covariance is drawn to the identity (Kumar et al. 2018, equation 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from ._terms import ANY, Batch, Model, check, covariance, rate, run


@dataclass(frozen=True)
class Config:
    """Coefficients.

    Args:
        lambda_od: Weight of the squared entries off the diagonal.
        lambda_d: Weight of the diagonal's squared distances from 1; the paper's is ten times lambda_od in
            variant 1, as here, and lambda_od itself in variant 2.
        variant: 1: covariance of the posterior means; 2: of the samples, with the mean posterior variances added.
        memory: Weight of the present batch in the running covariance; 1 keeps none. Its earlier value counts as a
            constant (section 2.2), so gradients scale with this weight, too.
    """

    lambda_od: float = 10.0
    lambda_d: float = 100.0
    variant: Literal[1, 2] = 1
    memory: float = 0.5

    def __post_init__(self) -> None:
        check(self, lambda_od=ANY, lambda_d=ANY, variant=(1, 2), memory=(1e-6, 1))


class RunningCovariance(nn.Module):
    """An exponential average of the covariances of batches.

    Args:
        latents: Z.
    """

    covariance: Tensor

    def __init__(self, latents: int) -> None:
        super().__init__()
        self.register_buffer("covariance", torch.eye(latents))

    def forward(self, present: Tensor, memory: float) -> Tensor:
        """The average with ``present``, ``(Z, Z)``, in it, and gradients into that alone."""
        average = (1 - memory) * self.covariance + memory * present
        self.covariance.copy_(average.detach())
        return average


def extra(config: Config, latents: int) -> RunningCovariance:
    """The running covariance."""
    return RunningCovariance(latents)


def loss_terms(config: Config, model: Model, batch: Batch) -> dict[str, Tensor]:
    """``loss = reconstruction + kl + lambda_od * sum_{i != j} C_ij^2 + lambda_d * sum_i (C_ii - 1)^2``."""
    output = run(model, batch)
    kl, present = rate(output), covariance(output.mu)
    if config.variant == 2:
        present = present + torch.diag_embed(output.logvar.exp().mean(0))
    average = model.extra(present, 1.0 if batch.step == 0 else config.memory)
    diagonal = average.diagonal()
    off = average.square().sum() - diagonal.square().sum()
    on = (diagonal - 1).square().sum()
    loss = output.reconstruction + kl + config.lambda_od * off + config.lambda_d * on
    terms = {"off-diagonal": off, "diagonal": on}
    return {"loss": loss, "reconstruction": output.reconstruction, "kl": kl, **terms}
