"""Random numbers for a batch: one independent stream per row, so a batch of n draws what n single worlds would."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy

import torch
from torch import Tensor


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


_GOLDEN = _signed(0x9E3779B97F4A7C15)
_MIX_1 = _signed(0xBF58476D1CE4E5B9)
_MIX_2 = _signed(0x94D049BB133111EB)


def _shift(bits: Tensor, by: int) -> Tensor:
    """Logical right shift of int64 (torch's own keeps the sign)."""
    return (bits >> by) & ((1 << (64 - by)) - 1)


def _mix(bits: Tensor) -> Tensor:
    """SplitMix64's finaliser (Steele, Lea & Flood, 2014); int64 multiplication wraps."""
    bits = (bits ^ _shift(bits, 30)) * _MIX_1
    bits = (bits ^ _shift(bits, 27)) * _MIX_2
    return bits ^ _shift(bits, 31)


class Streams:
    """``n`` counter-based random streams on one device; row i depends on its own seed and its own draws alone.

    Every draw is SplitMix64 of a row's key and counter, in int64 arithmetic, so CPU and GPU give the same bits.

    Args:
        seeds: One seed per row; integers of any size, taken modulo 2**63, or int64 ``(n,)`` of no negative ones.
        device: Where the numbers are wanted.
    """

    def __init__(self, seeds: Sequence[int] | Tensor, device: torch.device | str = "cpu") -> None:
        known = seeds if isinstance(seeds, Tensor) else torch.tensor([int(s) % 2**63 for s in seeds], dtype=torch.int64)
        start = known.to(device)
        self.keys = _mix(_mix(start + _GOLDEN) + _GOLDEN)
        self.counters = torch.zeros_like(start)

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, rows: Tensor) -> Streams:
        """The streams of these rows, as a copy; `put` brings their progress back."""
        part = copy(self)
        part.keys, part.counters = self.keys[rows], self.counters[rows]
        return part

    def put(self, rows: Tensor, part: Streams) -> None:
        """Replace these rows (their keys too: this is also how rows are seeded anew)."""
        self.keys = self.keys.index_copy(0, rows, part.keys)
        self.counters = self.counters.index_copy(0, rows, part.counters)

    def bits(self, k: int) -> Tensor:
        """``k`` fresh 64-bit words a row: int64 ``(n, k)``."""
        counts = self.counters[:, None] + torch.arange(1, k + 1, device=self.counters.device)
        self.counters = self.counters + k
        return _mix(self.keys[:, None] + counts * _GOLDEN)

    def uniform(self, k: int) -> Tensor:
        """Uniform on [0, 1) with 24 random bits: float32 ``(n, k)``."""
        return _shift(self.bits(k), 40).to(torch.float32) * 2.0**-24

    def normal(self, k: int) -> Tensor:
        """Standard normal, by Box and Muller's transform: float32 ``(n, k)``."""
        first, second = self.uniform(2 * k).double().chunk(2, 1)
        return ((-2 * (1 - first).log()).sqrt() * (2 * math.pi * second).cos()).float()

    def integers(self, high: int, k: int = 1) -> Tensor:
        """Uniform on 0 .. ``high`` - 1 (bias below ``high`` / 2**53): int64 ``(n, k)``."""
        return (self.fractions(k) * high).to(torch.int64)

    def fractions(self, k: int) -> Tensor:
        """Uniform on [0, 1) with 53 random bits: float64 ``(n, k)``."""
        return _shift(self.bits(k), 11).to(torch.float64) * 2.0**-53

    def choice(self, allowed: Tensor, fraction: Tensor | None = None) -> Tensor:
        """For each row, the index of one of its True columns, all equally likely.

        Args:
            allowed: bool ``(n, m)`` with at least one True in each row.
            fraction: A column of `fractions`, float64 ``(n, 1)``, drawn before; None: drawn now.

        Returns:
            int64 ``(n,)``.
        """
        ranks = allowed.cumsum(1)
        wanted = ((self.fractions(1) if fraction is None else fraction) * ranks[:, -1:]).to(torch.int64)
        return (ranks > wanted).to(torch.int8).argmax(1)

    def state_dict(self) -> dict[str, Tensor]:
        """Keys and counters, for a checkpoint."""
        return {"keys": self.keys, "counters": self.counters}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on exactly where `state_dict` was taken."""
        self.keys = state["keys"].to(self.keys.device)
        self.counters = state["counters"].to(self.keys.device)
