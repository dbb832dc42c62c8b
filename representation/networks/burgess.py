"""Burgess et al. 2018 (arXiv:1804.03599, appendix A.1): four 4x4 convolutions of 32 channels, two layers of 256."""

from __future__ import annotations

from torch import nn

from ._parts import ImageShape, cells, channels_last, double, halve


def encoder(shape: ImageShape, outputs: int) -> nn.Sequential:
    """``(B, C, H, W)`` to ``(B, outputs)``; `InputError` unless both sides are multiples of 16."""
    height, width = cells(shape, 16, "burgess")
    return channels_last(
        *halve(shape.channels, 32, 32, 32, 32),
        nn.Flatten(),
        nn.Linear(32 * height * width, 256),
        nn.ReLU(),
        nn.Linear(256, 256),
        nn.ReLU(),
        nn.Linear(256, outputs),
    )


def decoder(latents: int, shape: ImageShape) -> nn.Sequential:
    """``(B, latents)`` to ``(B, C, H, W)``: the encoder's transpose."""
    height, width = cells(shape, 16, "burgess")
    return channels_last(
        nn.Linear(latents, 256),
        nn.ReLU(),
        nn.Linear(256, 256),
        nn.ReLU(),
        nn.Linear(256, 32 * height * width),
        nn.ReLU(),
        nn.Unflatten(1, (32, height, width)),
        *double(32, 32, 32, 32, shape.channels),
    )
