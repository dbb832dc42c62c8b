"""FactorVAE: the total correlation is penalised, as a discriminator sees it (Kim & Mnih, equations 4 and 5)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ..turns import Turn
from ._terms import ANY, Batch, Model, check, frozen, rate, run, sample

DRAWS = 2


@dataclass(frozen=True)
class Config:
    """Coefficients; the paper's (its workshop version: six layers of 1000, five updates).

    Args:
        gamma: Weight of the total correlation.
        units: Of each hidden layer of the discriminator.
        layers: Hidden layers of the discriminator.
        updates: Of the discriminator, for each of the VAE.
        discriminator_rate: Learning rate of the discriminator's Adam.
    """

    gamma: float = 35.0
    units: int = 1000
    layers: int = 6
    updates: int = 1
    discriminator_rate: float = 1e-4

    def __post_init__(self) -> None:
        some = (1, math.inf)
        check(self, gamma=ANY, units=some, layers=some, updates=some, discriminator_rate=ANY)


def extra(config: Config, latents: int) -> nn.Module:
    """The discriminator: codes ``(B, Z)`` to the logit ``(B, 1)`` of being drawn jointly."""
    sizes = [latents, *[config.units] * config.layers]
    hidden = [part for inside, out in pairwise(sizes) for part in (nn.Linear(inside, out), nn.LeakyReLU(0.2))]
    return nn.Sequential(*hidden, nn.Linear(sizes[-1], 1))


def loss_terms(config: Config, model: Model, batch: Batch) -> dict[str, Tensor]:
    """``loss = reconstruction + kl + gamma * tc``, where ``tc`` is the mean logit (equation 5)."""
    output = run(model, batch)
    kl, tc = rate(output), frozen(model.extra, output.z).mean()
    loss = output.reconstruction + kl + config.gamma * tc
    return {"loss": loss, "reconstruction": output.reconstruction, "kl": kl, "total correlation": tc}


def second_terms(config: Config, model: Model, batch: Batch) -> dict[str, Tensor]:
    """The discriminator's cross-entropy in telling codes from codes whose latents were permuted over the batch."""
    with torch.no_grad():
        z = sample(*model.posterior(batch.seen), batch.noise[0])
    permuted = z.gather(0, batch.noise[1].argsort(0))
    loss = 0.5 * (softplus(-model.extra(z)).mean() + softplus(model.extra(permuted)).mean())
    return {"loss": loss}


def second_turn(config: Config, model: Model) -> Turn:
    """The discriminator's."""
    return Turn(list(model.extra.parameters()), config.discriminator_rate, (0.5, 0.9), config.updates)
