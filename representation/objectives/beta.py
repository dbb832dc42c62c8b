"""beta-VAE: reconstruction plus beta times the rate (Higgins et al. 2017, ICLR, equation 4)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ._terms import VAEOutput, bernoulli_reconstruction, gaussian_kl


@dataclass(frozen=True)
class Config:
    """Coefficients of the beta-VAE.

    Args:
        beta: Weight of the KL divergence; 1 is the plain VAE (Kingma & Welling 2014).
    """

    beta: float = 1.0

    def __post_init__(self) -> None:
        if not self.beta >= 0:
            raise ValueError(f"beta must be at least 0, not {self.beta}")


def loss_terms(config: Config, output: VAEOutput, step: int) -> dict[str, Tensor]:
    """``loss = reconstruction + beta * kl``, in nats per image.

    Args:
        config: Coefficients.
        output: Of the model, for a batch of B images.
        step: Unused here: beta is constant.
    """
    reconstruction = bernoulli_reconstruction(output.x, output.logits)
    kl = gaussian_kl(output.mu, output.logvar).sum(1).mean()
    return {"loss": reconstruction + config.beta * kl, "reconstruction": reconstruction, "kl": kl}
