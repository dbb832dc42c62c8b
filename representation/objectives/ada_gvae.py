"""Ada-GVAE: pairs share the latents that hardly differ (Locatello et al. 2020, arXiv:2002.02886, section 4.1)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ._terms import ANY, Batch, Model, check, gaussian_kl, sample

DRAWS = 2
PAIRS = True


@dataclass(frozen=True)
class Config:
    """Coefficients.

    Args:
        beta: Weight of the KL divergence.
    """

    beta: float = 1.0

    def __post_init__(self) -> None:
        check(self, beta=ANY)


def loss_terms(config: Config, model: Model, batch: Batch) -> dict[str, Tensor]:
    """The beta-VAE's loss on both images of each pair, mean over the two, with the shared latents averaged.

    A latent is shared where the KL of the two posteriors is below halfway between the pair's smallest and largest;
    there both take the mean of the means and the mean of the variances (group VAE averaging).
    """
    assert batch.partner is not None
    both = [model.posterior(batch.seen), model.posterior(batch.partner)]
    posteriors = averaged(*both)
    terms = []
    for (mu, logvar), x, noise in zip(posteriors, (batch.x, batch.partner), batch.noise, strict=True):
        reconstruction = model.distortion(x, model.decoder(sample(mu, logvar, noise)))
        terms.append((reconstruction, gaussian_kl(mu, logvar).sum(1).mean()))
    reconstruction, kl = (0.5 * (one + other) for one, other in zip(*terms, strict=True))
    changed = (posteriors[0][0] != posteriors[1][0]).sum(1).float().mean()
    return {"loss": reconstruction + config.beta * kl, "reconstruction": reconstruction, "kl": kl, "changed": changed}


Posterior = tuple[Tensor, Tensor]


def averaged(one: Posterior, other: Posterior) -> tuple[Posterior, Posterior]:
    """Both posteriors, mean and log-variance ``(B, Z)``, with shared latents averaged."""
    (mu, logvar), (mu2, logvar2) = one, other
    variance, variance2 = logvar.exp(), logvar2.exp()
    kl = 0.5 * (logvar2 - logvar + (variance + (mu - mu2) ** 2) / variance2 - 1)
    threshold = 0.5 * (kl.amin(1, keepdim=True) + kl.amax(1, keepdim=True))
    shared = kl.detach() < threshold.detach()
    mean, middle = 0.5 * (mu + mu2), (0.5 * (variance + variance2)).log()
    return (
        (torch.where(shared, mean, mu), torch.where(shared, middle, logvar)),
        (torch.where(shared, mean, mu2), torch.where(shared, middle, logvar2)),
    )
