"""Fully connected: 1200-1200 with ReLU, back through 1200-1200-1200 with tanh (Higgins et al. 2017, dSprites)."""

from __future__ import annotations

from torch import nn

from ._parts import ImageShape

UNITS = 1200


def encoder(shape: ImageShape, outputs: int) -> nn.Sequential:
    """``(B, C, H, W)`` of any size to ``(B, outputs)``."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(shape.size, UNITS),
        nn.ReLU(),
        nn.Linear(UNITS, UNITS),
        nn.ReLU(),
        nn.Linear(UNITS, outputs),
    )


def decoder(latents: int, shape: ImageShape) -> nn.Sequential:
    """``(B, latents)`` to ``(B, C, H, W)``."""
    return nn.Sequential(
        nn.Linear(latents, UNITS),
        nn.Tanh(),
        nn.Linear(UNITS, UNITS),
        nn.Tanh(),
        nn.Linear(UNITS, UNITS),
        nn.Tanh(),
        nn.Linear(UNITS, shape.size),
        nn.Unflatten(1, (shape.channels, shape.height, shape.width)),
    )
