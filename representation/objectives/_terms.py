"""What several objectives share: the model's output and the closed forms."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


class VAEOutput(NamedTuple):
    """What a VAE computes on a batch."""

    x: Tensor
    """Images in [0, 1], ``(B, C, H, W)``."""
    logits: Tensor
    """Of the Bernoulli means, ``(B, C, H, W)``."""
    z: Tensor
    """Sampled codes ``(B, Z)``."""
    mu: Tensor
    """Posterior means ``(B, Z)``."""
    logvar: Tensor
    """Logarithms of the posterior variances ``(B, Z)``."""


def bernoulli_reconstruction(x: Tensor, logits: Tensor) -> Tensor:
    """Mean over images of the negative log-likelihood, summed over pixels and channels, in nats: scalar."""
    return binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)


def gaussian_kl(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL of N(mu, exp(logvar)) from N(0, 1) per latent, nats: ``(B, Z)`` (Kingma & Welling 2014, appendix B)."""
    return 0.5 * (mu**2 + logvar.exp() - logvar - 1)
