"""Fully connected, 300-300 with ReLU, both ways: for the planar system (Levine et al. 2020, PCC; as E2C and RCE)."""

from __future__ import annotations

from torch import nn

from ._parts import ImageShape, connected

UNITS = 300


def encoder(shape: ImageShape, outputs: int) -> nn.Sequential:
    """``(B, C, H, W)`` of any size to ``(B, outputs)``."""
    return nn.Sequential(nn.Flatten(), *connected(shape.size, UNITS, UNITS, outputs))


def decoder(latents: int, shape: ImageShape) -> nn.Sequential:
    """``(B, latents)`` to ``(B, C, H, W)``."""
    painted = nn.Unflatten(1, (shape.channels, shape.height, shape.width))
    return nn.Sequential(*connected(latents, UNITS, UNITS, shape.size), painted)
