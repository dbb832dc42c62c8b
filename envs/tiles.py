"""Tile pictures, and batches of images put together from them by gathering rows of pixels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Colour = tuple[int, int, int]
Tile = NDArray[np.uint8]
Paint = Callable[[Tile], Tile]
_OVERSAMPLING = 8


def plain(size_px: int, colour: Colour) -> NDArray[np.uint8]:
    """A tile of one colour: uint8 ``(size_px, size_px, 3)``."""
    return np.full((size_px, size_px, 3), colour, dtype=np.uint8)


def disc(tile: NDArray[np.uint8], colour: Colour, radius: float) -> NDArray[np.uint8]:
    """The tile with an antialiased disc in its middle; ``radius`` is a fraction of the tile's side."""
    x, y = _subpixels(len(tile))
    return _paint(tile, colour, x**2 + y**2 <= radius**2)


def box(tile: NDArray[np.uint8], colour: Colour, half_width: float) -> NDArray[np.uint8]:
    """The tile with an antialiased square in its middle; ``half_width`` is a fraction of the tile's side."""
    x, y = _subpixels(len(tile))
    return _paint(tile, colour, np.maximum(abs(x), abs(y)) <= half_width)


def rounded(tile: NDArray[np.uint8], colour: Colour, half_width: float, corner: float) -> NDArray[np.uint8]:
    """The tile with an antialiased square in its middle whose corners are arcs of radius ``corner``."""
    x, y = (np.maximum(abs(axis) - half_width + corner, 0) for axis in _subpixels(len(tile)))
    return _paint(tile, colour, x**2 + y**2 <= corner**2)


def star(tile: NDArray[np.uint8], colour: Colour, radius: float) -> NDArray[np.uint8]:
    """The tile with an antialiased five-pointed star in its middle; ``radius`` is a fraction of the tile's side."""
    x, y = _subpixels(len(tile))
    turn = np.arctan2(x, -y) % (2 * np.pi / 5)
    fold, half, inner = np.minimum(turn, 2 * np.pi / 5 - turn), np.pi / 5, 0.45
    edge = inner * np.sin(half) / (np.sin(fold) + inner * np.sin(half - fold))
    return _paint(tile, colour, np.hypot(x, y) <= radius * edge)


def _subpixels(size_px: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    axis = (np.arange(size_px * _OVERSAMPLING) + 0.5) / (size_px * _OVERSAMPLING) - 0.5
    return axis[None, :], axis[:, None]


def _paint(tile: NDArray[np.uint8], colour: Colour, inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    size = len(tile)
    cover = inside.reshape(size, _OVERSAMPLING, size, _OVERSAMPLING).mean((1, 3))[:, :, None]
    mixed: NDArray[np.uint8] = np.rint(tile * (1 - cover) + np.array(colour) * cover).astype(np.uint8)
    return mixed


class Atlas:
    """A table of square tiles, and images gathered from it.

    Args:
        tiles: The pictures, uint8 ``(size_px, size_px, 3)`` each.
        device: Where the images are wanted.
    """

    def __init__(self, tiles: list[NDArray[np.uint8]], device: torch.device) -> None:
        self.size_px = len(tiles[0])
        table = torch.from_numpy(np.stack(tiles, axis=1)).to(device)
        self.rows = _words(table.reshape(self.size_px * len(tiles), 3 * self.size_px))
        self.offsets = torch.arange(self.size_px, device=device)[:, None] * len(tiles)

    def images(self, ids: Tensor) -> Tensor:
        """Images of grids of tile numbers.

        Args:
            ids: int64 ``(n, h, w)``.

        Returns:
            uint8 ``(n, h * size_px, w * size_px, 3)``.
        """
        n, h, w = ids.shape
        index = ids[:, :, None, :] + self.offsets
        picked = self.rows.index_select(0, index.view(-1)).view(torch.uint8)
        return picked.view(n, h * self.size_px, w * self.size_px, 3)

    def paste(self, image: Tensor, places: Tensor, ids: Tensor) -> Tensor:
        """Copies of one image with some tiles replaced: no more is written than the copies and those tiles.

        Args:
            image: uint8 ``(size, size, 3)``, where ``size`` is a multiple of ``size_px``.
            places: Tile numbers in the image's own grid of ``size // size_px`` columns: int64 ``(n, k)``. A place that
                occurs twice must have the same number both times.
            ids: The tiles to put there: int64 ``(n, k)``.

        Returns:
            uint8 ``(n, size, size, 3)``.
        """
        n, size = len(places), len(image)
        columns = size // self.size_px
        background = _words(image.view(1, -1, 3 * self.size_px))
        images = background.expand(n, -1, -1).clone().view(-1, background.shape[2])
        line = torch.arange(self.size_px, device=ids.device) * columns
        first = torch.arange(n, device=ids.device)[:, None] * (size * columns)
        corner = first + places // columns * (self.size_px * columns) + places % columns
        rows = self.rows.index_select(0, (ids[:, :, None] + self.offsets[:, 0]).view(-1))
        images.index_copy_(0, (corner[:, :, None] + line).view(-1), rows)
        return images.view(torch.uint8).view(n, size, size, 3)


def _words(rows: Tensor) -> Tensor:
    """uint8 rows as rows of the longest words that fit: those gather several times faster than single bytes."""
    for size, dtype in ((8, torch.int64), (4, torch.int32), (2, torch.int16)):
        if rows.shape[-1] % size == 0:
            return rows.view(dtype)
    return rows
