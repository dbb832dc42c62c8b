"""What a decoder's output says about an image: likelihoods by name."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from ..errors import InputError, UnknownNameError


class Likelihood(ABC):
    """p(x | z), read from what a decoder gives; pixels are independent."""

    def channels(self, image: int) -> int:
        """How many channels the decoder gives for an image of so many."""
        return image

    @abstractmethod
    def distortion(self, x: Tensor, params: Tensor) -> Tensor:
        """Mean over images of ``-log p(x | z)``, summed over pixels and channels, in nats: scalar.

        Args:
            x: Images in [0, 1], ``(B, C, H, W)``.
            params: What the decoder gave, ``(B, channels(C), H, W)``.
        """

    @abstractmethod
    def mean(self, params: Tensor) -> Tensor:
        """The mean image ``(B, C, H, W)``, in [0, 1] where the likelihood knows of that range."""


@dataclass(frozen=True)
class Bernoulli(Likelihood):
    """Pixels are 0 or 1 with the decoder's logits; grey ones count as the probability of a 1."""

    def distortion(self, x: Tensor, params: Tensor) -> Tensor:
        """Binary cross-entropy."""
        return binary_cross_entropy_with_logits(params, x, reduction="sum") / len(x)

    def mean(self, params: Tensor) -> Tensor:
        """The probabilities."""
        return params.sigmoid()


@dataclass(frozen=True)
class Gaussian(Likelihood):
    """Pixels are normal around the decoder's output.

    Args:
        sigma: Standard deviation, of intensities in [0, 1].
    """

    sigma: float = 0.1

    def __post_init__(self) -> None:
        if not self.sigma > 0:
            raise InputError(f"sigma must be above 0, not {self.sigma}")

    def distortion(self, x: Tensor, params: Tensor) -> Tensor:
        """Squared error over 2 sigma^2, and the normalising constant."""
        constant = math.log(self.sigma * math.sqrt(2 * math.pi)) * x[0].numel()
        return 0.5 * (x - params).square().sum() / (self.sigma**2 * len(x)) + constant

    def mean(self, params: Tensor) -> Tensor:
        """The decoder's output as it is."""
        return params


@dataclass(frozen=True)
class Categorical(Likelihood):
    """Each pixel and channel takes one of some evenly spaced intensities, of which 0 is the first and 1 the last.

    Args:
        levels: How many.
    """

    levels: int = 8

    def __post_init__(self) -> None:
        if not 2 <= self.levels <= 256:
            raise InputError(f"levels must be from 2 to 256, not {self.levels}")

    def channels(self, image: int) -> int:
        """One logit per level."""
        return self.levels * image

    def distortion(self, x: Tensor, params: Tensor) -> Tensor:
        """Cross-entropy of the nearest level."""
        labels = (x * (self.levels - 1)).round().long()
        return cross_entropy(self._by_level(params), labels, reduction="sum") / len(x)

    def mean(self, params: Tensor) -> Tensor:
        """The expected intensity."""
        share = self._by_level(params).softmax(1)
        values = torch.linspace(0, 1, self.levels, dtype=share.dtype, device=share.device)
        return (share * values.view(-1, 1, 1, 1)).sum(1)

    def _by_level(self, params: Tensor) -> Tensor:
        """``(B, levels C, H, W)`` as ``(B, levels, C, H, W)``."""
        return params.view(len(params), self.levels, -1, *params.shape[2:])


LIKELIHOODS = ("bernoulli", "categorical", "gaussian")


def likelihood(name: str, sigma: float, levels: int) -> Likelihood:
    """The likelihood of that name.

    Args:
        name: One of `LIKELIHOODS`; `UnknownNameError` for another.
        sigma: Of the Gaussian.
        levels: Of the categorical.
    """
    if name not in LIKELIHOODS:
        raise UnknownNameError("likelihood", name, LIKELIHOODS)
    return {"bernoulli": Bernoulli(), "gaussian": Gaussian(sigma), "categorical": Categorical(levels)}[name]
