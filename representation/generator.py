"""Images from true factors through channels of limited capacity (Burgess et al. 2018, arXiv:1804.03599, 4.3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..envs import Factor
from ..errors import InputError
from .data import States
from .likelihoods import Bernoulli
from .networks import ImageShape, initialise, network, to_floats, to_images
from .objectives import capacity
from .objectives._terms import Batch, gaussian_kl
from .training import Learner

SPEED = 20.0
FIRST_SCALE = 0.5


class Generator(Learner):
    """A decoder that is told the factors, each scaled and with noise added, as much as the capacity allows.

    Factor k becomes ``z_k ~ N(scale_k * f_k, exp(logvar_k))``, f_k standardised; scale and logvar are learned, the same
    for all images. They are kept at a twentieth of their size: Adam moves them twenty times as fast as weights.

    Args:
        shape: Of the images.
        factors: Of the world; categorical and cyclic ones are scaled like the others, as in the paper.
        coefficients: Of the capacity's rise (equation 7).
        hold: Steps before it rises, in which the decoder learns to draw from the little that passes.
        net: Name of the network whose decoder is trained.
        generator: Draws the first weights.

    Raises:
        InputError: The coefficients leave the rise to the training's length.
    """

    def __init__(
        self,
        shape: ImageShape,
        factors: Sequence[Factor],
        coefficients: capacity.Config,
        hold: int,
        net: str,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        if not coefficients.rise:
            raise InputError("rise must be given, in steps: a generator isn't told how long it is trained")
        self.coefficients, self.hold, self.names = coefficients, hold, [factor.name for factor in factors]
        self.decoder: nn.Module = network(net).decoder(len(factors), shape)
        initialise(self, generator)
        self.slow_scale = nn.Parameter(torch.full((len(factors),), FIRST_SCALE / SPEED))
        self.slow_logvar = nn.Parameter(torch.zeros(len(factors)))
        ends = torch.tensor([[factor.low, factor.high] for factor in factors], dtype=torch.float32)
        self.register_buffer("middle", ends.mean(1), persistent=False)
        self.register_buffer("deviation", (ends[:, 1] - ends[:, 0]) / math.sqrt(12), persistent=False)
        self.likelihood = Bernoulli()

    def prepare(self, batch: States, step: int, generator: torch.Generator) -> Batch:
        """Images as floats, and in the encoder's place the standardised factors ``(B, K)``."""
        x = to_floats(batch.image)
        seen = (batch.factors - self.get_buffer("middle")) / self.get_buffer("deviation")
        noise = torch.randn(1, *seen.shape, generator=generator, device=x.device)
        return Batch(x, seen, None, noise, max(0, step - self.hold))

    def forward(self, inputs: Batch, turn: int = 0) -> dict[str, Tensor]:
        """The capacity objective's terms, and the KL divergence of each factor in nats, ``"kl of NAME"``."""
        kl = gaussian_kl(*self.posterior(inputs.seen)).mean(0)
        each = {f"kl of {name}": value for name, value in zip(self.names, kl.detach(), strict=True)}
        model: Any = self  # it has what this objective asks for
        return {**capacity.loss_terms(self.coefficients, model, inputs), **each}

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, ``(B, K)`` each, of standardised factors ``(B, K)``."""
        mu = SPEED * self.slow_scale * x
        return mu, (SPEED * self.slow_logvar).expand_as(mu)

    def distortion(self, x: Tensor, params: Tensor) -> Tensor:
        """Mean over images of ``-log p(x | z)`` in nats: scalar."""
        return self.likelihood.distortion(x, params)

    def encode(self, images: Tensor) -> Tensor:
        """`InputError`: the code is made of factors, and nothing here reads them off images."""
        raise InputError("a Generator has no encoder: its code is posterior(standardised factors)")

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Mean images, uint8 ``(B, H, W, C)``, of codes ``(B, K)``."""
        return to_images(self.likelihood.mean(self.decoder(codes)))
