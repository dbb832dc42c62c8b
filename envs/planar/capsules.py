"""Antialiased pictures of capsules (sticks with round ends), a whole batch at once, by their signed distance.

Each stick is drawn in short pieces, and each piece in a patch of its own, since most pixels are far from all of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

PIECE = 7.0


class Capsules:
    """Draws figures that are made of the same sticks in ever new places.

    Args:
        size: Height and width of the images in pixels.
        lengths: Of each stick, in pixels.
        radii: Of each stick, in pixels.
        device: Where the images are wanted.
    """

    def __init__(self, size: int, lengths: Sequence[float], radii: Sequence[float], device: torch.device) -> None:
        self.size = size
        counts = [math.ceil(length / PIECE) for length in lengths]
        self._sticks = [(n, length / n, radius) for n, length, radius in zip(counts, lengths, radii, strict=True)]
        longest = max(length + 2 * radius + 1 for _, length, radius in self._sticks)
        self._steps = torch.arange(math.ceil(longest), device=device)[:, None]

    def images(self, ends: Tensor) -> Tensor:
        """uint8 ``(n, size, size, frames)``: 0, and 255 inside of the sticks.

        Args:
            ends: Where each stick begins and ends, row and column in pixels: float32 ``(sticks, 2, 2, frames, n)``.
        """
        frames, n = ends.shape[-2:]
        images = torch.zeros(n * self.size**2 * frames, dtype=torch.uint8, device=ends.device)
        first = torch.arange(n, device=ends.device) * (self.size**2 * frames)
        origin = (first + torch.arange(frames, device=ends.device)[:, None]).flatten()
        for (begin, end), (pieces, length, radius) in zip(ends.flatten(-2), self._sticks, strict=True):
            way = (end - begin) / pieces
            for piece in range(pieces):
                rows, columns, ink = self._piece(begin + piece * way, way, length, radius)
                where = (rows * (self.size * frames) + origin)[:, None] + columns * frames
                images.scatter_reduce_(0, where.flatten(), ink.flatten(), "amax")
        return images.view(n, self.size, self.size, frames)

    def _piece(self, begin: Tensor, way: Tensor, length: float, radius: float) -> tuple[Tensor, Tensor, Tensor]:
        """Rows and columns around sticks from ``begin`` to ``begin + way``, and their ink there.

        They are ``(2, m)``, ``(patch, m)`` and ``(patch, patch, m)``: the batch comes last, where arithmetic on long
        rows is fast.
        """
        corner = (begin + way.clamp_max(0) - radius).floor().clamp(0, self.size - len(self._steps))
        rows, columns = corner[:, None] + self._steps
        # Distances are counted in 255ths of a pixel, along the stick and across it, so that they turn into ink at once.
        heading = way * (255 / length)
        down, right = (rows + 0.5 - begin[0])[:, None], (columns + 0.5 - begin[1])[None]
        along = down * heading[0] + right * heading[1]
        across = down * heading[1] - right * heading[0]
        beyond = along - along.clamp(0, 255 * length)
        far = across.mul_(across).add_(beyond.mul_(beyond)).sqrt_()
        ink = far.neg_().add_(255 * (radius + 0.5) + 0.5).clamp_(0, 255).to(torch.uint8)
        return rows.long(), columns.long(), ink
