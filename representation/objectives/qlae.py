"""Quantised latents: each takes one of a few learnt values (Hsu et al. 2023, arXiv:2305.18378, section 3)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ._terms import ANY, Batch, Model, check


@dataclass(frozen=True)
class Config:
    """Coefficients; the paper regularises by weight decay (0.1) beside them, of weights but not of biases and values.

    Args:
        values: How many each latent can take.
        quantisation: Weight of the values' mean squared distance from what is encoded, against a reconstruction that
            is a mean over pixels, as in the authors' code.
        commitment: Weight of the encodings' mean squared distance from the values, likewise.
    """

    values: int = 10
    quantisation: float = 0.01
    commitment: float = 0.01

    def __post_init__(self) -> None:
        check(self, values=(2, math.inf), quantisation=ANY, commitment=ANY)


class Codebook(nn.Module):
    """Values ``(Z, V)``, at first evenly from -1/2 to 1/2.

    Args:
        latents: Z.
        values: V.
    """

    def __init__(self, latents: int, values: int) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.linspace(-0.5, 0.5, values).repeat(latents, 1))

    def forward(self, mu: Tensor) -> Tensor:
        """The nearest value of each latent, ``(B, Z)`` for ``(B, Z)``, with gradients into the values."""
        nearest = (mu.detach()[:, :, None] - self.values.detach()).abs().argmin(2)
        return self.values.T.gather(0, nearest)


def extra(config: Config, latents: int) -> Codebook:
    """The codebook."""
    return Codebook(latents, config.values)


def loss_terms(config: Config, model: Model, batch: Batch) -> dict[str, Tensor]:
    """``reconstruction + (P / Z) (quantisation * |sg(mu) - q|^2 + commitment * |mu - sg(q)|^2)``, sg: no gradient.

    P is the number of intensities in an image: with the loss over P, every term is a mean, over pixels or over latents.
    The decoder reads q(mu), and its gradient passes straight through to mu. There is no prior and no noise.
    """
    mu, _ = model.posterior(batch.seen)
    nearest = model.extra(mu)
    reconstruction = model.distortion(batch.x, model.decoder(mu + (nearest - mu).detach()))
    learnt = (mu.detach() - nearest).square().sum(1).mean()
    committed = (mu - nearest.detach()).square().sum(1).mean()
    scale = batch.x[0].numel() / mu.shape[1]
    loss = reconstruction + scale * (config.quantisation * learnt + config.commitment * committed)
    return {"loss": loss, "reconstruction": reconstruction, "distance": committed}


def code(config: Config, model: Model, mu: Tensor) -> Tensor:
    """The nearest values, ``(B, Z)``."""
    nearest: Tensor = model.extra(mu)
    return nearest
