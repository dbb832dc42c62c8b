"""One matrix in, one matrix out, as for covariance-penalty figures 1 and 2."""

from __future__ import annotations

from torch import nn

from ._parts import ImageShape


def encoder(shape: ImageShape, outputs: int) -> nn.Sequential:
    """``(B, C, H, W)`` of any size to ``(B, outputs)``."""
    return nn.Sequential(nn.Flatten(), nn.Linear(shape.size, outputs))


def decoder(latents: int, shape: ImageShape) -> nn.Sequential:
    """``(B, latents)`` to ``(B, C, H, W)``."""
    return nn.Sequential(nn.Linear(latents, shape.size), nn.Unflatten(1, (shape.channels, shape.height, shape.width)))
