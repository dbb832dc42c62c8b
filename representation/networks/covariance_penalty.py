"""Kågebäck & Mogren 2018, section 3.4: two convolutions and two layers each way, half a million weights in all.

The paper gives no widths; with 32 and 64 channels and a layer of 50 units, 84 latents of a 32x32 image in colour come
to 495,000.
"""

from __future__ import annotations

from torch import nn

from ._parts import ImageShape, cells, channels_last, double, halve

UNITS = 50


def encoder(shape: ImageShape, outputs: int) -> nn.Sequential:
    """``(B, C, H, W)`` to ``(B, outputs)``; `InputError` unless both sides are multiples of 4."""
    height, width = cells(shape, 4, "covariance_penalty")
    inside = nn.Linear(64 * height * width, UNITS)
    return channels_last(*halve(shape.channels, 32, 64), nn.Flatten(), inside, nn.ReLU(), nn.Linear(UNITS, outputs))


def decoder(latents: int, shape: ImageShape) -> nn.Sequential:
    """``(B, latents)`` to ``(B, C, H, W)``: the encoder's transpose."""
    height, width = cells(shape, 4, "covariance_penalty")
    return channels_last(
        nn.Linear(latents, UNITS),
        nn.ReLU(),
        nn.Linear(UNITS, 64 * height * width),
        nn.ReLU(),
        nn.Unflatten(1, (64, height, width)),
        *double(64, 32, shape.channels),
    )
