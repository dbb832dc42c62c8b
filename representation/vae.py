"""The VAE that every objective trains: a Gaussian encoder, a Bernoulli decoder and a loss from ``objectives``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from ..lookup import load
from .data import RandomWalk, image_shape
from .networks import ImageShape, initialise, network, to_floats, to_images
from .objectives import beta
from .objectives._terms import VAEOutput
from .training import Learner


@dataclass(frozen=True)
class Config:
    """A VAE and its training.

    Args:
        objective: Coefficients; their module says which objective it is.
        latents: Size of the code.
        network: Name of the encoder and decoder.
        steps: Optimiser steps.
        batch_size: Environments run side by side, and images a step.
        learning_rate: Of Adam.
    """

    objective: Any = field(default_factory=beta.Config)
    latents: int = 10
    network: str = "conv"
    steps: int = 1500
    batch_size: int = 64
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        for name in ("latents", "steps", "batch_size", "learning_rate"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be above 0, not {getattr(self, name)}")

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for a file."""
        name = type(self.objective).__module__.rpartition(".")[2]
        return {**vars(self), "objective": {"name": name, **vars(self.objective)}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Config:
        """The configuration that `to_dict` wrote."""
        coefficients = dict(values["objective"])
        objective = load("representation.objectives", coefficients.pop("name"), "objective")
        return cls(**{**values, "objective": objective.Config(**coefficients)})


class VAE(Learner):
    """A VAE of images (Kingma & Welling 2014).

    Args:
        shape: Of the images.
        config: Its size and objective.
        generator: Draws the initial weights.
    """

    def __init__(self, shape: ImageShape, config: Config, generator: torch.Generator) -> None:
        super().__init__()
        pair = network(config.network)
        self.config = config
        self.loss_terms = load(
            "representation.objectives", config.to_dict()["objective"]["name"], "objective"
        ).loss_terms
        self.encoder = pair.encoder(shape, 2 * config.latents)
        self.decoder = pair.decoder(config.latents, shape)
        initialise(self, generator)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, ``(B, Z)`` each, of float images ``(B, C, H, W)``."""
        mu, logvar = self.encoder(x).chunk(2, 1)
        return mu, logvar

    def forward(self, batch: Any, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        """The objective's terms on the batch's images."""
        x = to_floats(batch.image)
        mu, logvar = self.posterior(x)
        noise = torch.randn(mu.shape, generator=generator, device=mu.device)
        z = mu + noise * (0.5 * logvar).exp()
        terms: dict[str, Tensor] = self.loss_terms(
            self.config.objective, VAEOutput(x, self.decoder(z), z, mu, logvar), step
        )
        return terms

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Posterior means ``(B, Z)`` of uint8 images ``(B, H, W, C)``."""
        return self.posterior(to_floats(images))[0]

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Mean images, uint8 ``(B, H, W, C)``."""
        return to_images(self.decoder(codes).sigmoid())


def build(config: Config, env: Any, generator: torch.Generator) -> VAE:
    """An untrained VAE for the images of ``env``; `InputError` where it shows none."""
    return VAE(image_shape(env), config, generator)


def data(config: Config, env: Any, seed: int) -> RandomWalk:
    """Images met under random actions."""
    return RandomWalk(env, seed)
