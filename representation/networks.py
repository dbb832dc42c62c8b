"""Encoders and decoders by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..errors import UnknownNameError


class ImageShape(NamedTuple):
    """Height, width and channels of an image."""

    height: int
    width: int
    channels: int


def conv_encoder(shape: ImageShape, outputs: int) -> nn.Sequential:
    """``(B, C, H, W)`` to ``(B, outputs)``: 8x8 convolution of stride 4, two 4x4 of stride 2, one hidden layer.

    The wide first stride makes it fast: 1.6 million multiply-adds for a 64x64 image. Sides that are no multiples of 16
    are filled up with zeros at the right and bottom.
    """
    height, width = _cells(shape)
    return _channels_last(
        *_fill(shape, 1),
        nn.Conv2d(shape.channels, 16, 8, stride=4, padding=2),
        nn.LeakyReLU(),
        nn.Conv2d(16, 32, 4, stride=2, padding=1),
        nn.LeakyReLU(),
        nn.Conv2d(32, 32, 4, stride=2, padding=1),
        nn.LeakyReLU(),
        nn.Flatten(),
        nn.Linear(32 * height * width, 128),
        nn.LeakyReLU(),
        nn.Linear(128, outputs),
    )


def conv_decoder(latents: int, shape: ImageShape) -> nn.Sequential:
    """``(B, latents)`` to image logits ``(B, C, H, W)``: `conv_encoder` turned round, what was filled up cut off."""
    height, width = _cells(shape)
    return _channels_last(
        nn.Linear(latents, 128),
        nn.LeakyReLU(),
        nn.Linear(128, 32 * height * width),
        nn.LeakyReLU(),
        nn.Unflatten(1, (32, height, width)),
        nn.ConvTranspose2d(32, 32, 4, stride=2, padding=1),
        nn.LeakyReLU(),
        nn.ConvTranspose2d(32, 32, 4, stride=2, padding=1),
        nn.LeakyReLU(),
        nn.Conv2d(32, 16 * shape.channels, 1),
        nn.PixelShuffle(4),
        *_fill(shape, -1),
    )


def _cells(shape: ImageShape) -> tuple[int, int]:
    """Height and width of the last feature map: pixels over 16, rounded up."""
    return -(-shape.height // 16), -(-shape.width // 16)


def _fill(shape: ImageShape, sign: int) -> list[nn.Module]:
    """What fills an image up to multiples of 16 (sign 1) or cuts that off again (-1); nothing where it fits."""
    height, width = _cells(shape)
    missing = (16 * width - shape.width, 16 * height - shape.height)
    return [nn.ZeroPad2d((0, sign * missing[0], 0, sign * missing[1]))] if any(missing) else []


def _channels_last(*layers: nn.Module) -> nn.Sequential:
    """The layers in a row, their weights stored as images are: twice as fast on a CPU."""
    stack = nn.Sequential(*layers)
    for weight in stack.parameters():
        if weight.ndim == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    return stack


class Network(NamedTuple):
    """An encoder and the decoder that goes with it."""

    encoder: Callable[[ImageShape, int], nn.Module]
    decoder: Callable[[int, ImageShape], nn.Module]


NETWORKS = {"conv": Network(conv_encoder, conv_decoder)}


def network(name: str) -> Network:
    """The pair of that name; `UnknownNameError` for another."""
    if name not in NETWORKS:
        raise UnknownNameError("network", name, NETWORKS)
    return NETWORKS[name]


def mlp(inputs: int, outputs: int, hidden: int = 64) -> nn.Sequential:
    """``(B, inputs)`` to ``(B, outputs)`` through two hidden layers."""
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.LeakyReLU(), nn.Linear(hidden, hidden), nn.LeakyReLU(), nn.Linear(hidden, outputs)
    )


def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Draw all weights anew from ``generator``: He et al. 2015 for the layers' LeakyReLU, biases zero."""
    for part in module.modules():
        if isinstance(part, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            overlap = part.stride[0] * part.stride[1] if isinstance(part, nn.ConvTranspose2d) else 1
            fan_in = part.weight[:, 0].numel() // overlap if overlap > 1 else part.weight[0].numel()
            bound = math.sqrt(6 / fan_in)
            nn.init.uniform_(part.weight, -bound, bound, generator=generator)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def to_floats(images: Tensor) -> Tensor:
    """uint8 ``(B, H, W, C)`` to float32 ``(B, C, H, W)`` in [0, 1]; stored channels last, as convolutions like it."""
    return images.permute(0, 3, 1, 2).to(torch.float32) / 255


def to_images(x: Tensor) -> Tensor:
    """Float ``(B, C, H, W)`` in [0, 1] to uint8 ``(B, H, W, C)``."""
    return (x.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
