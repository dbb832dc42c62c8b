"""Covariance penalty on a layer (covariance-penalty, section 2), of an autoencoder or a VAE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from ._terms import ANY, Batch, Model, check, gaussian_kl, sample
from ._terms import covariance as sample_covariance


@dataclass(frozen=True)
class Config:
    """Coefficients.

    Args:
        lambda_sigma: Weight of the penalty; the paper's lambda.
        penalty: covariance: L_Sigma; l1: the mean absolute activation, the paper's baseline.
        layer: What is penalised: code, the posterior means, or a layer's name, as in encoder.3 or decoder.1.
        beta: Weight of the KL divergence.
        sampled: Whether codes are sampled, as a VAE's; otherwise the model is a plain autoencoder.
    """

    lambda_sigma: float = 0.1
    penalty: Literal["covariance", "l1"] = "covariance"
    layer: str = "code"
    beta: float = 0.0
    sampled: bool = False

    def __post_init__(self) -> None:
        check(self, lambda_sigma=ANY, beta=ANY)
        if self.penalty not in ("covariance", "l1"):
            raise ValueError(f"penalty must be covariance or l1, not {self.penalty!r}")


def loss_terms(config: Config, model: Model, batch: Batch) -> dict[str, Tensor]:
    """``loss = reconstruction + beta * kl + lambda_sigma * L_Sigma(h)`` for the layer's activations h."""
    mu, logvar = model.posterior(batch.seen)
    z = sample(mu, logvar, batch.noise[0]) if config.sampled else mu
    reconstruction = model.distortion(batch.x, model.decoder(z))
    h = mu if config.layer == "code" else model.activation(config.layer).flatten(1)
    size = l_sigma(h) if config.penalty == "covariance" else h.abs().mean()
    kl = gaussian_kl(mu, logvar).sum(1).mean()
    loss = reconstruction + config.beta * kl + config.lambda_sigma * size
    return {"loss": loss, "reconstruction": reconstruction, "kl": kl, config.penalty: size}


def l_sigma(h: Tensor) -> Tensor:
    """``L_Sigma = |C|_1 / p^2``, C the sample covariance of activations ``(B, p)``: scalar."""
    return sample_covariance(h).abs().sum() / h.shape[1] ** 2
