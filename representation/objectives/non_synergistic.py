"""Non-synergistic VAE: the encoder's least informative latents are held back (non-synergistic-vae, algorithm 1)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..turns import Turn
from ._terms import ANY, Batch, Model, check, gaussian_kl, rate, run


@dataclass(frozen=True)
class Config:
    """Coefficients.

    Args:
        alpha: Weight of the second step's loss.
        omega: Discount of a larger subset; a latent joins the best while it pays by more than this.
    """

    alpha: float = 3.0
    omega: float = 0.8

    def __post_init__(self) -> None:
        check(self, alpha=ANY, omega=(0, 1))


def loss_terms(config: Config, model: Model, batch: Batch) -> dict[str, Tensor]:
    """The plain ELBO (line 3): ``loss = reconstruction + kl``."""
    output = run(model, batch)
    kl = rate(output)
    return {"loss": output.reconstruction + kl, "reconstruction": output.reconstruction, "kl": kl}


def second_terms(config: Config, model: Model, batch: Batch) -> dict[str, Tensor]:
    """``loss = alpha * KL(q(A_w | x) || p(A_w))`` of the worst subset (lines 5 to 8), on the encoder."""
    kl = gaussian_kl(*model.posterior(batch.seen)).mean(0)
    synergy = torch.where(worst(kl.detach(), config.omega), kl, 0.0).sum()
    return {"loss": config.alpha * synergy}


def worst(kl: Tensor, omega: float) -> Tensor:
    """Which latents are outside the best subset: bool ``(Z,)``, from their KL divergences.

    Greedy: the best subset begins with the latent of the largest KL, and the next largest joins while the subset's KL
    with it, discounted by omega, exceeds that without. (The authors' code takes candidates in the latents' order;
    trying the largest first makes the choice independent of it.)
    """
    falling, order = kl.sort(descending=True)
    total = falling.cumsum(0)
    joins = (omega * total[1:] > total[:-1]).long().cumprod(0)
    outside = torch.cat([torch.zeros_like(kl[:1]), (1 - joins).to(kl)])
    return torch.zeros_like(kl).scatter(0, order, outside) > 0


def second_turn(config: Config, model: Model) -> Turn:
    """The encoder's second step, with the same optimiser as the first (otherwise Adam would divide alpha away)."""
    return Turn(list(model.encoder.parameters()), shared=True)
