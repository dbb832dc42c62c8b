"""What several agents are made of."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import Any, Self

import torch
from gymnasium import spaces
from torch import Tensor, nn

from ..errors import InputError
from ..representation.likelihoods import Bernoulli
from ..representation.networks import ImageShape, network, to_floats, to_images
from ..representation.training import Learner


class Settings:
    """A dataclass of plain values that can be written to a file."""

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for a file."""
        return dict(vars(self))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The configuration that `to_dict` wrote."""
        return cls(**values)

    def require(self, *positive: str, at_least_0: tuple[str, ...] = ()) -> None:
        """Raise `InputError` unless these are above 0, and those at least 0."""
        for name in positive:
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be above 0, not {getattr(self, name)}")
        for name in at_least_0:
            if not getattr(self, name) >= 0:
                raise InputError(f"{name} must be at least 0, not {getattr(self, name)}")
        if getattr(self, "batch_size", 2) < 2:
            raise InputError("batch_size must be at least 2: codes are standardised by their spread over environments")


class Standardised(nn.Module):
    """Codes ``(B, K)`` less their running mean, by their running standard deviation, over the last hundred batches.

    Not over each batch, as batch normalisation does in training: environments side by side are few and change slowly,
    so that a batch's own deviation, and an average over the last ten, are far from that of all states.

    Args:
        latents: K.
    """

    mean: Tensor
    variance: Tensor
    seen: Tensor

    def __init__(self, latents: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(latents))
        self.register_buffer("variance", torch.ones(latents))
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, codes: Tensor) -> Tensor:
        """Codes of about mean 0 and deviation 1; while training they count in both."""
        if self.training:
            now = codes.detach()
            self.seen.add_(1)
            share = (1 / self.seen).clamp_min(0.01)
            far = now.mean(0) - self.mean
            self.mean.add_(share * far)
            self.variance.add_(share * ((now - self.mean).square().mean(0) - self.variance))
        return (codes - self.mean) / (self.variance + 1e-5).sqrt()


class Coder(Learner, ABC):
    """A learner with an encoder, and a decoder that reads its codes standardised.

    Args:
        shape: Of the images.
        latents: K, the size of the code.
        name: Of the network.
        extra: How many more numbers the encoder puts out, for training; they are no part of the code.
    """

    def __init__(self, shape: ImageShape, latents: int, name: str, extra: int = 0) -> None:
        super().__init__()
        pair = network(name)
        self.latents = latents
        self.encoder = pair.encoder(shape, latents + extra)
        self.decoder = nn.Sequential(Standardised(latents), pair.decoder(latents, shape))

    def reconstruction(self, x: Tensor, codes: Tensor, share: float) -> Tensor:
        """Nats an image, with their full gradient into the decoder, and a share of it into the codes.

        Where that share is 0 a quarter of the batch is enough: the decoder learns long before the code rests.

        Args:
            x: Float images ``(B, C, H, W)``.
            codes: ``(B, K)``.
            share: Of the gradient.
        """
        if not share:
            few = max(2, len(x) // 4)
            x, codes = x[:few], codes[:few]
        still = codes.detach()
        return Bernoulli().distortion(x, self.decoder(still + share * (codes - still)))

    def embed(self, x: Tensor) -> Tensor:
        """Codes ``(B, K)`` of float images ``(B, C, H, W)``."""
        codes: Tensor = self.encoder(x)[:, : self.latents]
        return codes

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Codes ``(B, K)`` of uint8 images ``(B, H, W, C)``."""
        return self.embed(to_floats(images))

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Reconstructions, uint8 ``(B, H, W, C)``."""
        return to_images(self.decoder(codes).sigmoid())


def discrete_actions(env: Any, learner: str) -> int:
    """How many actions there are; `InputError` unless they are discrete and counted from 0."""
    space = env.single_action_space
    if not isinstance(space, spaces.Discrete) or space.start != 0:
        raise InputError(
            f"agent {learner!r} needs a discrete action space that starts at 0, and this env has {space}; train vae "
            "in it"
        )
    return int(space.n)


def action_names(env: Any, actions: int) -> list[str]:
    """Names of the actions; their numbers where the environment has none for them."""
    return list(getattr(env, "action_names", ())) or [str(action) for action in range(actions)]
