"""What encoders say, as Gaussians, and what a step of training reads."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ...representation.recorded import Recalled


class Code(NamedTuple):
    """What an encoder says of images: a Gaussian of z, or of w."""

    mu: Tensor
    """``(B, D)``"""
    logvar: Tensor
    """``(B, D)``"""

    def draw(self, noise: Tensor) -> Tensor:
        """A sample of each, by noise ``(B, D)``."""
        return self.mu + (0.5 * self.logvar).exp() * noise


class Inputs(NamedTuple):
    """What a step of training reads."""

    batch: Recalled
    warmth: float
    """How far the warm-up is, from 0 to 1; below 0 the map is laid out."""
    noise: Tensor
    """Standard normal, ``(3, B, K)``: of the next code, of the backward transition, of other sets."""
    content_noise: Tensor
    """Standard normal, ``(2, B, W)``: of set X, of other sets."""


def moving(code: Code) -> Code:
    """Codes ``(B, K)`` of what moves, of those of frames: ``(2 B, K / 2)``, all of the one before first."""
    (before, now), (blur_before, blur) = code.mu.chunk(2), code.logvar.chunk(2)
    return Code(torch.cat([now, now - before], 1), torch.cat([blur, torch.logaddexp(blur, blur_before)], 1))


def within(logvar: Tensor) -> Tensor:
    """From -12 to 4, softly above, where a clamp would hold for good what has once come to it."""
    return (4 - functional.softplus(4 - logvar)).clamp_min(-12)


def sharp(code: Code) -> Code:
    """The same means with deviations of 1: a map is laid out by means, and codes that blur would meet anywhere."""
    return Code(code.mu, torch.zeros_like(code.logvar))
