"""Pictures pasted at any place of an otherwise empty image, for a whole batch in one gather."""

from __future__ import annotations

import torch
from torch import Tensor


class Sheet:
    """A long strip of empty images with a picture in the top left corner of each.

    An image with its picture ``x`` to the right and ``y`` down is the strip's piece that starts as many pixels earlier:
    what it takes from the image before it is empty. So pasting is copying one piece of memory.

    Args:
        pictures: uint8 ``(N, h, w)``.
        image_size: Height and width of the images in pixels.
        channels: Of the images; a picture is in one of them.
    """

    def __init__(self, pictures: Tensor, image_size: int, channels: int) -> None:
        count, height, width = pictures.shape
        self.shape = (image_size, image_size, channels)
        strip = torch.zeros((1 + count, *self.shape), dtype=torch.uint8, device=pictures.device)
        strip[1:, :height, :width, 0] = pictures
        self._length = image_size * image_size * channels
        self._pieces = strip.as_strided((count * self._length + 1, self._length), (1, 1))
        self._scratch = strip.new_empty((0, self._length))

    def images(self, number: Tensor, x: Tensor, y: Tensor, channel: int = 0) -> Tensor:
        """One picture in each image: uint8 ``(n, image_size, image_size, channels)``.

        Args:
            number: Of the picture: int64 ``(n,)``.
            x: Pixels to its left, 0 .. image_size - w: int64 ``(n,)``.
            y: Pixels above it, 0 .. image_size - h: int64 ``(n,)``.
            channel: Where it is drawn.
        """
        return self._pieces.index_select(0, self._starts(number, x, y, channel)).view(-1, *self.shape)

    def overlay(self, images: Tensor, number: Tensor, x: Tensor, y: Tensor, channel: int = 0) -> Tensor:
        """Draw another picture into ``images`` themselves, the brighter pixel to be seen; arguments as above."""
        # The layer is kept for the next call: fresh memory of its size costs more time than all else.
        if len(self._scratch) != len(images):
            self._scratch = images.new_empty((len(images), self._length))
        torch.index_select(self._pieces, 0, self._starts(number, x, y, channel), out=self._scratch)
        return torch.maximum(images, self._scratch.view_as(images), out=images)

    def _starts(self, number: Tensor, x: Tensor, y: Tensor, channel: int) -> Tensor:
        size, _, channels = self.shape
        return (number + 1) * self._length - (y * size + x) * channels - channel
