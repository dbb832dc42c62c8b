"""Fully connected: 1200-1200 with ReLU, back through 1200-1200-1200 with tanh (Higgins et al. 2017, dSprites)."""

from __future__ import annotations

from torch import nn

from ._parts import ImageShape, connected

UNITS = 1200


def encoder(shape: ImageShape, outputs: int) -> nn.Sequential:
    """``(B, C, H, W)`` of any size to ``(B, outputs)``."""
    return nn.Sequential(nn.Flatten(), *connected(shape.size, UNITS, UNITS, outputs))


def decoder(latents: int, shape: ImageShape) -> nn.Sequential:
    """``(B, latents)`` to ``(B, C, H, W)``."""
    painted = nn.Unflatten(1, (shape.channels, shape.height, shape.width))
    return nn.Sequential(*connected(latents, UNITS, UNITS, UNITS, shape.size, between=nn.Tanh), painted)
