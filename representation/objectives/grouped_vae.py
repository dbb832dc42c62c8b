"""Grouped-VAE: each group of latents draws the image better than those before it (grouped-vae, equations 7 to 11)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ._terms import ANY, Batch, Model, check, gaussian_kl, sample


@dataclass(frozen=True)
class Config:
    """Coefficients.

    Args:
        groups: G; the first latents are the first group, and sizes differ by at most one.
        beta: Weight of the KL divergence.
    """

    groups: int = 2
    beta: float = 1.0

    def __post_init__(self) -> None:
        check(self, groups=(1, math.inf), beta=ANY)


def loss_terms(config: Config, model: Model, batch: Batch) -> dict[str, Tensor]:
    """``loss = sum_i reconstruction_i + beta * kl``.

    Term i decodes groups 1 .. i with zeros for the rest. It trains the whole decoder, and of the encoder what gives
    group i: earlier groups are constants in it.
    """
    mu, logvar = model.posterior(batch.seen)
    z = sample(mu, logvar, batch.noise[0])
    parts = prefixes(z, config.groups).unbind()
    terms = [model.distortion(batch.x, model.decoder(part)) for part in parts]
    kl = gaussian_kl(mu, logvar).sum(1).mean()
    named = {f"reconstruction {i + 1}": term for i, term in enumerate(terms[:-1])}
    return {"loss": sum(terms, config.beta * kl), "reconstruction": terms[-1], "kl": kl, **named}


def prefixes(z: Tensor, groups: int) -> Tensor:
    """Codes ``(G, B, Z)``: the i-th keeps group i, and the groups before it as constants; zeros follow.

    Raises:
        ValueError: There are more groups than latents.
    """
    latents = z.shape[1]
    if groups > latents:
        raise ValueError(f"groups must be at most the number of latents, {latents}, not {groups}")
    group = torch.arange(latents, device=z.device) * groups // latents
    each = torch.arange(groups, device=z.device)[:, None, None]
    return torch.where(group == each, z, torch.where(group < each, z.detach(), 0.0))
