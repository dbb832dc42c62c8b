"""Kim & Mnih 2018 (ICML, appendix A, table 1): convolutions of 32, 32, 64, 64 channels, one layer of 128."""

from __future__ import annotations

from torch import nn

from ._parts import ImageShape, cells, channels_last, double, halve


def encoder(shape: ImageShape, outputs: int) -> nn.Sequential:
    """``(B, C, H, W)`` to ``(B, outputs)``; `InputError` unless both sides are multiples of 16."""
    height, width = cells(shape, 16, "factor_vae")
    flat = 64 * height * width
    convolutions = halve(shape.channels, 32, 32, 64, 64)
    return channels_last(*convolutions, nn.Flatten(), nn.Linear(flat, 128), nn.ReLU(), nn.Linear(128, outputs))


def decoder(latents: int, shape: ImageShape) -> nn.Sequential:
    """``(B, latents)`` to ``(B, C, H, W)``: the encoder's transpose."""
    height, width = cells(shape, 16, "factor_vae")
    return channels_last(
        nn.Linear(latents, 128),
        nn.ReLU(),
        nn.Linear(128, 64 * height * width),
        nn.ReLU(),
        nn.Unflatten(1, (64, height, width)),
        *double(64, 64, 32, 32, shape.channels),
    )
