"""Fully connected, 300-300 with ReLU, both ways: for the planar system (Levine et al. 2020, PCC; as E2C and RCE)."""

from __future__ import annotations

from torch import nn

from ._parts import ImageShape

UNITS = 300


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
        nn.ReLU(),
        nn.Linear(UNITS, UNITS),
        nn.ReLU(),
        nn.Linear(UNITS, shape.size),
        nn.Unflatten(1, (shape.channels, shape.height, shape.width)),
    )
