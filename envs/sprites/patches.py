"""Batches of sprites drawn by copying small pictures, in words of eight pixels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from .shapes import FULL

FRAME_PX = 64
_WORD = 8  # bytes


class Patches:
    """A table of square pictures of coverage, and how they come onto frames of 64 x 64 pixels.

    Each picture is kept at the eight pixel offsets within a word, so that drawing copies whole 8-byte words: about
    four times faster than bytes, and far faster than computing a shape's pixels.

    Args:
        coverage: uint8 ``(P, side, side)``, 0 .. `FULL`; ``side`` is a multiple of 8 below 64.
        channels: Channels of the frames.
        device: Where the frames are wanted.

    Attributes:
        blank: The number of a picture that covers nothing.
        last: The greatest corner coordinate at which a picture may be put.
    """

    def __init__(self, coverage: Tensor, channels: int, device: torch.device) -> None:
        self.blank, self.side = coverage.shape[:2]
        self.last = FRAME_PX - self.side - 1
        self.channels = channels
        whole = torch.cat([coverage, torch.zeros_like(coverage[:1])]).to(device)
        shifted = torch.stack([pad(whole, (by, _WORD - by)) for by in range(_WORD)], 1)
        row = shifted.repeat_interleave(channels, -1) if channels > 1 else shifted
        self.table = row.reshape(_WORD * (self.blank + 1), -1).view(torch.int64)
        self._row_words = FRAME_PX // _WORD * channels
        inside = torch.arange(row.shape[-1] // _WORD, device=device)
        self._offsets = (torch.arange(self.side, device=device)[:, None] * self._row_words + inside).flatten()

    def frames(self, n: int) -> Tensor:
        """Black frames to draw on: int64 words ``(n, 512 * channels)``."""
        return torch.zeros((n, FRAME_PX * self._row_words), dtype=torch.int64, device=self.table.device)

    def images(self, frames: Tensor) -> Tensor:
        """The frames' pixels: uint8 ``(n, 64, 64, channels)``."""
        return frames.view(torch.uint8).view(-1, FRAME_PX, FRAME_PX, self.channels)

    def add(self, frames: Tensor, picture: Tensor, corner: Tensor, colour: Tensor, blank: bool = False) -> None:
        """Add one picture to each frame, in place; sums are clipped at 255.

        Args:
            frames: From `frames`.
            picture: Numbers of pictures, int64 ``(n,)``.
            corner: x and y of their upper left corners, int64 ``(n, 2)``, 0 .. `last`.
            colour: uint8 ``(n, channels)``.
            blank: Whether nothing has been drawn on the frames yet, which is faster.
        """
        words = self.table.index_select(0, picture * _WORD + corner[:, 0] % _WORD)
        pixels = self._paint(words, colour)
        start = corner[:, 1] * self._row_words + corner[:, 0] // _WORD * self.channels
        where = start[:, None] + self._offsets
        if not blank:
            under = frames.gather(1, where).view(torch.uint8)
            pixels = torch.minimum(under, ~pixels).add_(pixels)
        frames.scatter_(1, where, pixels.view(torch.int64))

    def _paint(self, words: Tensor, colour: Tensor) -> Tensor:
        """Coverage times colour, rounded down: uint8 ``(n, bytes)``."""
        rows = words.view(torch.uint8).view(len(words), self.side, -1)
        ink = colour.to(torch.int16).repeat(1, rows.shape[-1] // self.channels)
        painted = rows.to(torch.int16).mul_(ink[:, None]).bitwise_right_shift_(FULL.bit_length() - 1)
        return painted.to(torch.uint8).view(len(words), -1)
