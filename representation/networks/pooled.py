"""What an image shows and not where: feature maps are pooled over the whole image. For contents."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ._parts import ImageShape, channels_last
from .conv import decoder

__all__ = ["decoder", "encoder"]


def encoder(shape: ImageShape, outputs: int) -> nn.Sequential:
    """``(B, C, H, W)`` of any size to ``(B, outputs)``: three convolutions, maximum and mean, a hidden layer.

    A shape that was seen in one place is told in any other: an encoder that reads places apart has to see it in each.
    """
    return channels_last(
        nn.Conv2d(shape.channels, 16, 4, stride=2, padding=1),
        nn.LeakyReLU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.LeakyReLU(),
        nn.Conv2d(32, 32, 3, stride=2, padding=1),
        nn.LeakyReLU(),
        Pool(),
        nn.Linear(2 * 32, 64),
        nn.LeakyReLU(),
        nn.Linear(64, outputs),
    )


class Pool(nn.Module):
    """Maximum and mean of each feature map: ``(B, C, H, W)`` to ``(B, 2 C)``."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x.amax((2, 3)), x.mean((2, 3))], 1)
