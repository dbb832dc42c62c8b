"""The VAE that every objective trains: a Gaussian encoder, a decoder, a likelihood and a loss from ``objectives``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..errors import InputError
from .data import DRAWN, Data, StoredImages, image_shape
from .likelihoods import likelihood
from .networks import ImageShape, as_made, initialise, network, to_floats, to_images
from .objectives import beta, name_of, objective
from .objectives._terms import Batch, gaussian_kl, sample
from .training import Learner
from .turns import Turn


@dataclass(frozen=True)
class Config:
    """A VAE and its training.

    Args:
        objective: Coefficients; their module says which objective it is.
        latents: Size of the code.
        network: Name of the encoder and decoder, one of those that ``unbraid list`` shows, or ``module:name``.
        likelihood: Of pixels, given the code.
        sigma: Standard deviation of the Gaussian likelihood, of intensities in [0, 1].
        levels: Intensities of the categorical likelihood.
        corruption: Salt and pepper: up to this share of an image's pixels, drawn for each image, are black or white
            in what the encoder sees.
        draw: Images from: walk, random actions; fresh, states drawn anew each time; pairs, fresh states and others
            that differ from them in one factor.
        steps: Optimiser steps.
        batch_size: Environments run side by side, and images a step.
        learning_rate: Of Adam; it falls linearly to 0 over the last fifth of the steps.
        weight_decay: Of Adam, decoupled.
    """

    objective: Any = field(default_factory=beta.Config)
    latents: int = 10
    network: str = "conv"
    likelihood: Literal["bernoulli", "gaussian", "categorical"] = "bernoulli"
    sigma: float = 0.1
    levels: int = 8
    corruption: float = 0.0
    draw: Literal["walk", "fresh", "pairs"] = "walk"
    steps: int = 1500
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        for name in ("latents", "steps", "batch_size", "learning_rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise InputError(f"{name} must be above 0, and finite, not {getattr(self, name)}")
        for name, high in (("corruption", 1.0), ("weight_decay", math.inf)):
            if not 0 <= getattr(self, name) <= high:
                raise InputError(f"{name} must be from 0 to {high:g}, not {getattr(self, name)}")
        if self.draw not in DRAWN:
            raise InputError(f"draw must be one of {', '.join(DRAWN)}, not {self.draw!r}")
        likelihood(self.likelihood, self.sigma, self.levels)
        if self.draw == "fresh" and objective(name_of(self.objective)).pairs:
            raise InputError(
                f"objective {name_of(self.objective)!r} learns from pairs of images: draw must be pairs or walk"
            )
        if self.corruption and objective(name_of(self.objective)).pairs:
            raise InputError(f"objective {name_of(self.objective)!r} compares an image with its partner: no corruption")

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for a file."""
        return {**vars(self), "objective": {"name": name_of(self.objective), **vars(self.objective)}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Config:
        """The configuration that `to_dict` wrote."""
        coefficients = dict(values["objective"])
        kind = objective(coefficients.pop("name")).Config
        return cls(**{**values, "objective": kind(**coefficients)})


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
        self.config, self.coefficients = config, config.objective
        self.objective = objective(name_of(config.objective))
        self.likelihood = likelihood(config.likelihood, config.sigma, config.levels)
        painted = shape._replace(channels=self.likelihood.channels(shape.channels))
        self.encoder: nn.Module = pair.encoder(shape, 2 * config.latents)
        self.decoder: nn.Module = pair.decoder(config.latents, painted)
        extra = self.objective.extra
        self.extra: Any = extra(config.objective, config.latents) if extra else None
        if ":" in name_of(config.objective):
            as_made(self.extra)
        initialise(self, generator)
        self._activations: dict[str, Tensor] = {}
        layer = getattr(config.objective, "layer", None)
        if isinstance(layer, str):
            self._watch(layer)

    def prepare(self, batch: Any, step: int, generator: torch.Generator) -> Batch:
        """Images as floats, and all the noise of a step."""
        x, config = to_floats(batch.image), self.config
        partner = to_floats(batch.next_image) if self.objective.pairs else None
        noise = torch.randn(self.objective.draws, len(x), config.latents, generator=generator, device=x.device)
        seen = salted(x, config.corruption, generator) if config.corruption else x
        return Batch(x, seen, partner, noise, step, config.steps)

    def forward(self, inputs: Batch, turn: int = 0) -> dict[str, Tensor]:
        """The objective's terms of its first or second turn."""
        terms = self.objective.second_terms if turn else self.objective.loss_terms
        return terms(self.coefficients, self, inputs)  # type: ignore[misc]  # second turns have second terms

    def turns(self) -> list[Turn]:
        """The VAE's, and the second player's where the objective has one."""
        if self.objective.second_turn is None:
            return super().turns()
        rivals = set(self.extra.parameters()) if self.extra is not None else set()
        mine = [part for part in self.parameters() if part not in rivals]
        return [Turn(mine), self.objective.second_turn(self.coefficients, self)]

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, ``(B, Z)`` each, of float images ``(B, C, H, W)``."""
        mu, logvar = self.encoder(x).chunk(2, 1)
        return mu, logvar

    def distortion(self, x: Tensor, params: Tensor) -> Tensor:
        """Mean over images of ``-log p(x | z)`` in nats, from what the decoder gave: scalar."""
        return self.likelihood.distortion(x, params)

    def mean_image(self, params: Tensor) -> Tensor:
        """The mean of p(x | z), ``(B, C, H, W)``."""
        return self.likelihood.mean(params)

    def activation(self, layer: str) -> Tensor:
        """What the watched layer gave in the last forward pass; it is handed out once.

        Raises:
            InputError: It gave nothing since: the pass that it is in comes first.
        """
        if layer not in self._activations:
            raise InputError(f"layer {layer!r} gave nothing yet: run the encoder or decoder that it is in before")
        return self._activations.pop(layer)

    def embed(self, x: Tensor) -> Tensor:
        """Codes ``(B, Z)`` of float images ``(B, C, H, W)``: posterior means, quantised where the objective does so."""
        mu = self.posterior(x)[0]
        code = self.objective.code
        return code(self.coefficients, self, mu) if code else mu

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Codes ``(B, Z)`` of uint8 images ``(B, H, W, C)``."""
        return self.embed(to_floats(images))

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Mean images, uint8 ``(B, H, W, C)``."""
        return to_images(self.mean_image(self.decoder(codes)))

    @torch.no_grad()
    def errors(self, images: Tensor, seed: int = 0) -> dict[str, float]:
        """How far reconstructions are from images, uint8 ``(n, H, W, C)``.

        Returns:
            ``nats``: mean ``-log p(x | z)`` of an image, z drawn from its posterior; ``squared``: mean squared error
            of a pixel and channel, z the posterior's mean; ``kl``: mean KL divergence of an image's posterior, nats.
        """
        noise = torch.Generator(images.device).manual_seed(seed)
        found = torch.stack([self._errors(part, noise) * len(part) for part in torch.split(images, 256)])
        return dict(zip(("nats", "squared", "kl"), (found.sum(0) / len(images)).tolist(), strict=True))

    def _errors(self, images: Tensor, noise: torch.Generator) -> Tensor:
        x = to_floats(images)
        mu, logvar = self.posterior(x)
        z = sample(mu, logvar, torch.randn(mu.shape, generator=noise, device=mu.device))
        squared = (self.mean_image(self.decoder(mu)) - x).square().mean()
        return torch.stack([self.distortion(x, self.decoder(z)), squared, gaussian_kl(mu, logvar).sum(1).mean()])

    def _keep(self, module: nn.Module, args: Any, result: Tensor) -> None:
        del module, args
        self._activations[self.coefficients.layer] = result

    def _watch(self, layer: str) -> None:
        """Keep what a layer gives, for `activation`."""
        if layer == "code":
            return
        layers = dict(self.named_modules())
        if layer not in layers:
            known = [name for name in layers if name.startswith(("encoder.", "decoder."))]
            raise InputError(f"layer {layer!r} isn't there; this network has code, {', '.join(known)}")
        layers[layer].register_forward_hook(self._keep)


def salted(x: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Images ``(B, C, H, W)`` some of whose pixels are 0 or 1, each as likely (beta-effects, section 3.1.3).

    The share of pixels is drawn for each image, uniformly from 0 to ``share``.
    """
    hit = torch.rand(len(x), 1, 1, 1, generator=generator, device=x.device) * share
    lot = torch.rand(len(x), 1, *x.shape[2:], generator=generator, device=x.device)
    return torch.where(lot < hit, (lot < hit / 2).to(x), x)


def build(config: Config, env: Any, generator: torch.Generator) -> VAE:
    """An untrained VAE for the images of ``env``; `InputError` where it shows none, or no pairs and they are needed."""
    if isinstance(env, StoredImages) and objective(name_of(config.objective)).pairs:
        raise InputError(f"objective {name_of(config.objective)!r} learns from pairs, which stored images don't make")
    if isinstance(env, StoredImages) and getattr(config.objective, "dataset_size", 0) is None:
        config = replace(config, objective=replace(config.objective, dataset_size=len(env.images)))
    return VAE(image_shape(env), config, generator)


def data(config: Config, env: Any, seed: int) -> Data:
    """Images of ``env``, drawn as the configuration says, or stored ones."""
    if isinstance(env, StoredImages):
        return env
    return DRAWN[config.draw](env, seed)
