"""Mutual-information VAE: what is drawn from a code must tell the code (mutual-information-vae, its new loss)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from ._terms import ANY, Batch, Model, check, gaussian_log_density, rate, run

DRAWS = 2
PRIOR_ENTROPY = 0.5 * math.log(2 * math.pi * math.e)


@dataclass(frozen=True)
class Config:
    """Coefficients.

    Args:
        lambda_mi: Weight of the bound on the mutual information; the paper's lambda.
        part: Latents it is asked of: all, or the first half (of an odd number, the larger one).
        beta: Weight of the KL divergence.
    """

    lambda_mi: float = 1.0
    part: Literal["all", "half"] = "all"
    beta: float = 1.0

    def __post_init__(self) -> None:
        check(self, lambda_mi=ANY, beta=ANY)
        if self.part not in ("all", "half"):
            raise ValueError(f"part must be all or half, not {self.part!r}")


def loss_terms(config: Config, model: Model, batch: Batch) -> dict[str, Tensor]:
    """``loss = reconstruction + beta * kl - lambda_mi * I``.

    ``I = E_{z ~ p(z)} log q(z | x'(z)) + H(z)`` bounds I(z; x') from below, in nats; x' is the decoder's mean image,
    so that gradients pass through it.
    """
    output = run(model, batch)
    kl, z = rate(output), batch.noise[1]
    mu, logvar = model.posterior(model.mean_image(model.decoder(z)))
    asked = z.shape[1] if config.part == "all" else (z.shape[1] + 1) // 2
    log_q = gaussian_log_density(z, mu, logvar)[:, :asked]
    information = log_q.sum(1).mean() + asked * PRIOR_ENTROPY
    loss = output.reconstruction + config.beta * kl - config.lambda_mi * information
    return {"loss": loss, "reconstruction": output.reconstruction, "kl": kl, "mutual information": information}
