"""What objectives are handed and what they share: batches, the model's sides, and closed forms."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Protocol

from torch import Tensor, nn
from torch.func import functional_call


class Batch(NamedTuple):
    """All that a step's loss depends on, besides weights."""

    x: Tensor
    """Images in [0, 1], ``(B, C, H, W)``."""
    seen: Tensor
    """What the encoder sees of them: the same, or with salt and pepper."""
    partner: Tensor | None
    """Other images of the same scenes, ``(B, C, H, W)``, for objectives that learn from pairs."""
    noise: Tensor
    """Independent standard normal numbers, ``(DRAWS, B, Z)``; the first is the posterior's."""
    step: int
    """Steps taken before this one."""
    steps: int = 1
    """Of the training in all."""


class Model(Protocol):
    """What an objective may ask of a VAE."""

    encoder: nn.Module
    decoder: nn.Module
    extra: Any

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, ``(B, Z)`` each, of images ``(B, C, H, W)``."""

    def distortion(self, x: Tensor, params: Tensor) -> Tensor:
        """Mean over images of ``-log p(x | z)`` in nats, from what the decoder gave: scalar."""

    def mean_image(self, params: Tensor) -> Tensor:
        """The mean of p(x | z), ``(B, C, H, W)`` in [0, 1]."""

    def activation(self, layer: str) -> Tensor:
        """What the coefficients' ``layer`` gave in the last forward pass; it is handed out once."""


class VAEOutput(NamedTuple):
    """What a VAE computes on a batch."""

    mu: Tensor
    """Posterior means ``(B, Z)``."""
    logvar: Tensor
    """Logarithms of the posterior variances ``(B, Z)``."""
    z: Tensor
    """Sampled codes ``(B, Z)``."""
    params: Tensor
    """What the decoder makes of them, ``(B, channels, H, W)``."""
    reconstruction: Tensor
    """Mean distortion in nats an image, scalar."""


def run(model: Model, batch: Batch) -> VAEOutput:
    """The plain pass of a VAE: posterior, a sample of it, the decoder."""
    mu, logvar = model.posterior(batch.seen)
    z = sample(mu, logvar, batch.noise[0])
    params = model.decoder(z)
    return VAEOutput(mu, logvar, z, params, model.distortion(batch.x, params))


def sample(mu: Tensor, logvar: Tensor, noise: Tensor) -> Tensor:
    """``mu + sigma * noise`` (Kingma & Welling 2014, section 2.4): ``(B, Z)``."""
    return mu + noise * (0.5 * logvar).exp()


def gaussian_kl(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL of N(mu, exp(logvar)) from N(0, 1) per latent, nats: ``(B, Z)`` (Kingma & Welling 2014, appendix B)."""
    return 0.5 * (mu**2 + logvar.exp() - logvar - 1)


def rate(output: VAEOutput) -> Tensor:
    """KL of the posterior from the prior, summed over latents, mean over images, in nats: scalar."""
    return gaussian_kl(output.mu, output.logvar).sum(1).mean()


def gaussian_log_density(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """``log N(z; mu, exp(logvar))`` in nats, element by element."""
    return -0.5 * (math.log(2 * math.pi) + logvar + (z - mu) ** 2 * (-logvar).exp())


def covariance(h: Tensor) -> Tensor:
    """Sample covariance ``(P, P)`` of the rows of ``(B, P)``, over B - 1; `ValueError` for a single row."""
    if len(h) < 2:
        raise ValueError("a covariance needs a batch of at least 2 images")
    centred = h - h.mean(0)
    return centred.T @ centred / (len(h) - 1)


def frozen(module: nn.Module, *args: Any) -> Tensor:
    """What ``module`` gives, with gradients into ``args`` and none into its own weights."""
    weights = {name: part.detach() for name, part in module.named_parameters()}
    result: Tensor = functional_call(module, weights, args)
    return result


def check(config: Any, **limits: tuple[float, float]) -> None:
    """Raise `ValueError`, naming field, range and value, for a coefficient outside its (low, high)."""
    for name, (low, high) in limits.items():
        value = getattr(config, name)
        if not low <= value <= high:
            bound = f"at least {low:g}" if high == math.inf else f"from {low:g} to {high:g}"
            raise ValueError(f"{name} must be {bound}, not {value}")


ANY = (0.0, math.inf)
