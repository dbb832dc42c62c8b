"""The fast default: a wide first stride, 1.6 million multiply-adds for a 64x64 image, any image size."""

from __future__ import annotations

from torch import nn

from ._parts import ImageShape, channels_last


def encoder(shape: ImageShape, outputs: int) -> nn.Sequential:
    """``(B, C, H, W)`` to ``(B, outputs)``: 8x8 convolution of stride 4, two 4x4 of stride 2, one hidden layer.

    Sides that are no multiples of 16 are filled up with zeros at the right and bottom.
    """
    height, width = _cells(shape)
    return channels_last(
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


def decoder(latents: int, shape: ImageShape) -> nn.Sequential:
    """``(B, latents)`` to ``(B, C, H, W)``: the encoder turned round, what was filled up cut off."""
    height, width = _cells(shape)
    return channels_last(
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
