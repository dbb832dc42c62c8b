"""Groups of points that share some factors' values: found among rows, or made by intervening."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ._spec import Arrays, Reading, combinations

Encode = Callable[[Any], Any]
"""From observations ``(n, ...)``, as a sampler draws them, to codes ``(n, D)``, an array or a tensor."""


class Sampler(Protocol):
    """What can be intervened on: it shows states whose factors are drawn at random, some of them held in groups."""

    @property
    def factors(self) -> int:
        """How many factors there are, K; each takes more than one value."""

    def draw(self, held: Sequence[bool], groups: int, size: int, rng: np.random.Generator) -> tuple[Any, Any]:
        """States in groups that share the values of the factors that are held.

        Args:
            held: Of each factor, ``(K,)``, whether a group shares its value; the others are drawn anew for each state.
            groups: How many; each draws its own shared values.
            size: States of each group.
            rng: Of all draws.

        Returns:
            Observations, ``groups * size`` of them, group after group, and their factors' values ``(groups * size,
            K)``.
        """


class Drawn(NamedTuple):
    """Groups of points."""

    codes: Tensor
    """float64 ``(groups, size, D)``."""
    factors: Tensor
    """Values or labels, ``(groups, size, K)``."""


class Source(Protocol):
    """Where a metric's groups come from."""

    most: int
    """Points to draw at once, to bound memory."""

    def draw(self, held: Sequence[bool], groups: int, size: int, rng: np.random.Generator) -> Drawn:
        """See `Sampler.draw`."""


class Encoded:
    """A sampler's observations through an encoder."""

    most = 2**12

    def __init__(self, encode: Encode, sampler: Sampler) -> None:
        self.encode, self.sampler = encode, sampler

    def draw(self, held: Sequence[bool], groups: int, size: int, rng: np.random.Generator) -> Drawn:
        """Groups made for the occasion; `InputError` for codes that aren't finite numbers ``(n, D)``."""
        seen, factors = self.sampler.draw(held, groups, size, rng)
        codes = torch.as_tensor(self.encode(seen)).detach().double()
        if codes.ndim != 2 or len(codes) != groups * size:
            raise InputError(f"encode must give codes ({groups * size}, D), not {tuple(codes.shape)}")
        if not bool(codes.isfinite().all()):
            raise InputError("encode gave codes that are not finite")
        return Drawn(*(torch.unflatten(part, 0, (groups, size)) for part in (codes, torch.as_tensor(factors))))


class Rows:
    """Groups found among fixed rows: their values occur as often as in the rows, their members with replacement.

    Args:
        codes: ``(n, D)``.
        labels: int64 ``(n, K)``.
    """

    most = 2**17

    def __init__(self, codes: Tensor, labels: Tensor) -> None:
        self.codes, self.labels, self.whole = codes, labels, combinations(labels)
        self._kept: dict[tuple[bool, ...], tuple[Tensor, Tensor, Tensor]] = {}

    def able(self, held: Sequence[bool]) -> bool:
        """Whether two rows share the values of what is held, and differ in something else."""
        return len(self._grouped(held)[0]) > 0

    def draw(self, held: Sequence[bool], groups: int, size: int, rng: np.random.Generator) -> Drawn:
        """Groups of rows; a row that shares its values with no other, different one is in none of them."""
        order, first, count = self._grouped(held)
        device = self.codes.device
        member = torch.from_numpy(rng.integers(len(order), size=groups)).to(device)
        share = torch.from_numpy(rng.random((groups, size))).to(device)
        rows = order[first[member, None] + (share * count[member, None]).long()]
        codes = torch.unflatten(self.codes.index_select(0, rows.flatten()), 0, rows.shape)
        return Drawn(codes, self.labels[rows])

    def _grouped(self, held: Sequence[bool]) -> tuple[Tensor, Tensor, Tensor]:
        """Rows sorted by group; for each of these the place where its group begins, and its group's size."""
        key = tuple(held)
        if key not in self._kept:
            group = combinations(self.labels[:, torch.tensor(key, device=self.labels.device)])
            size, pairs = torch.bincount(group), torch.unique(group * len(self.whole) + self.whole)
            kinds = torch.bincount(pairs // len(self.whole), minlength=len(size))
            order = torch.nonzero((kinds > 1)[group])[:, 0]
            order = order[group[order].argsort(stable=True)]
            size = torch.where(kinds > 1, size, 0)
            self._kept[key] = order, (size.cumsum(0) - size)[group[order]], size[group[order]]
        return self._kept[key]


def row_sources(arrays: Arrays, protocol: Reading) -> tuple[Rows, Rows]:
    """To fit on and to score on: train and test rows; in the library's reading, which draws both alike, all rows."""
    n = len(arrays.codes)
    if protocol is not None:
        every = Rows(arrays.all_codes, arrays.all_labels)
        return every, every
    return Rows(arrays.codes, arrays.all_labels[:n]), Rows(arrays.codes_test, arrays.all_labels[n:])


def gather(
    source: Source,
    held: Sequence[bool],
    groups: int,
    size: int,
    rng: np.random.Generator,
    read: Callable[[Drawn], Tensor],
) -> Tensor:
    """``read`` of as many groups as are wanted, drawn some at a time: ``(groups, ...)``."""
    each = max(1, source.most // size)
    counts = [min(each, groups - first) for first in range(0, groups, each)]
    return torch.cat([read(source.draw(held, count, size, rng)) for count in counts])


def labelled(parts: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Points of several kinds, ``(n_i, D)`` each, together, and which kind each is: ``(n, D)``, int64 ``(n,)``."""
    sizes = torch.tensor([len(part) for part in parts])
    return torch.cat([*parts]), torch.arange(len(parts)).repeat_interleave(sizes).to(parts[0].device)


def shares(usable: Sequence[int], draws: int, rng: np.random.Generator) -> list[int]:
    """How many of the draws each usable factor gets when each draw picks one at random, and at least one."""
    counts = np.bincount(rng.integers(len(usable), size=draws), minlength=len(usable))
    return [max(1, int(count)) for count in counts]


def only(k: int, factors: int) -> tuple[bool, ...]:
    """Factor ``k`` alone held."""
    return tuple(j == k for j in range(factors))


def all_but(k: int, factors: int) -> tuple[bool, ...]:
    """All factors but ``k`` held."""
    return tuple(j != k for j in range(factors))
