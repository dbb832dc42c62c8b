"""What networks are made of: image shapes, stacks of layers, first weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ...errors import InputError


class ImageShape(NamedTuple):
    """Height, width and channels of an image."""

    height: int
    width: int
    channels: int

    @property
    def size(self) -> int:
        """Numbers an image holds."""
        return self.height * self.width * self.channels


def cells(shape: ImageShape, stride: int, name: str) -> tuple[int, int]:
    """Height and width of the last feature map of a network whose strides multiply to ``stride``.

    Raises:
        InputError: The sides are no multiples of it.
    """
    if shape.height % stride or shape.width % stride:
        raise InputError(
            f"network {name!r} halves images down to 1/{stride}, so their sides must be multiples of {stride}, and "
            f"these are {shape.height}x{shape.width}; choose another image size, or network conv or dense"
        )
    return shape.height // stride, shape.width // stride


def halve(*channels: int) -> list[nn.Module]:
    """4x4 convolutions of stride 2, each with its ReLU, from ``channels[0]`` to ``channels[-1]``."""
    return [
        part
        for inside, out in pairwise(channels)
        for part in (nn.Conv2d(inside, out, 4, stride=2, padding=1), nn.ReLU())
    ]


def double(*channels: int) -> list[nn.Module]:
    """4x4 transposed convolutions of stride 2, with ReLU between them, from ``channels[0]`` to ``channels[-1]``."""
    layers: list[nn.Module] = []
    for inside, out in pairwise(channels):
        layers += [nn.ConvTranspose2d(inside, out, 4, stride=2, padding=1), nn.ReLU()]
    return layers[:-1]


def channels_last(*layers: nn.Module) -> nn.Sequential:
    """The layers in a row, their weights stored as images are: twice as fast on a CPU."""
    stack = nn.Sequential(*layers)
    for weight in stack.parameters():
        if weight.ndim == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    return stack


def connected(*sizes: int, between: type[nn.Module] = nn.ReLU) -> list[nn.Module]:
    """Fully connected layers from ``sizes[0]`` to ``sizes[-1]``, with a nonlinearity between them."""
    layers: list[nn.Module] = []
    for inside, out in pairwise(sizes):
        layers += [nn.Linear(inside, out), between()]
    return layers[:-1]


def mlp(inputs: int, outputs: int, hidden: int = 64) -> nn.Sequential:
    """``(B, inputs)`` to ``(B, outputs)`` through two hidden layers."""
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.LeakyReLU(), nn.Linear(hidden, hidden), nn.LeakyReLU(), nn.Linear(hidden, outputs)
    )


def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Draw all weights anew from ``generator``, biases zero.

    Uniform, with a variance of 2 over the inputs a unit sees (He et al. 2015), or of 1 over them where tanh follows
    (LeCun et al. 1998). Parts that are marked by `as_made` keep theirs.
    """
    squashed = _before_tanh(module)
    for part in dict.fromkeys(_drawn(module)):
        if isinstance(part, (nn.Linear, nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)):
            overlap = math.prod(part.stride) if isinstance(part, (nn.ConvTranspose2d, nn.ConvTranspose3d)) else 1
            fan_in = part.weight[:, 0].numel() // overlap if overlap > 1 else part.weight[0].numel()
            bound = math.sqrt((3 if part in squashed else 6) / fan_in)
            nn.init.uniform_(part.weight, -bound, bound, generator=generator)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def as_made(module: Any) -> Any:
    """A user's own module (anything else passes), marked so that `initialise` leaves its weights alone."""
    if isinstance(module, nn.Module):
        module.own_weights = True  # type: ignore[assignment]
    return module


def _drawn(module: nn.Module) -> Iterator[nn.Module]:
    """A module and its parts, but for those that keep their weights."""
    if not getattr(module, "own_weights", False):
        yield module
        for child in module.children():
            yield from _drawn(child)


def _before_tanh(module: nn.Module) -> set[nn.Module]:
    stacks = [part for part in module.modules() if isinstance(part, nn.Sequential)]
    return {layer for stack in stacks for layer, after in pairwise(stack) if isinstance(after, nn.Tanh)}


def to_floats(images: Tensor) -> Tensor:
    """uint8 ``(B, H, W, C)`` to float32 ``(B, C, H, W)`` in [0, 1]; stored channels last, as convolutions like it."""
    return images.permute(0, 3, 1, 2).to(torch.float32) / 255


def to_images(x: Tensor) -> Tensor:
    """Float ``(B, C, H, W)`` in [0, 1] to uint8 ``(B, H, W, C)``."""
    return (x.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
