"""Codes and factors, checked once; and the ways to make them discrete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...errors import InputError

Floats = NDArray[np.float64]
Reading = Literal["disentanglement_lib"] | None
"""Whose reading of a metric's definition is followed; None for ours."""

BINS = 20
MAX_LABELS = 100
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Arrays:
    """A representation and the truth, row by row: float64 tensors on the device that the codes came on.

    `Arrays.of` makes them of NumPy arrays, lists or tensors, with every check. What is fitted is fitted on ``codes``
    and scored on ``codes_test``; what is only counted (information, deviations) reads `measured_codes`.

    Args:
        codes: ``(n, D)``.
        factors: ``(n, K)``.
        codes_test: ``(m, D)``, held out; by default the last third of ``codes``.
        factors_test: ``(m, K)``, held out.
        apart: Whether the test rows were given as such, rather than cut off here.
        discrete: Of each factor, whether it is a set of labels, each value one; None: where it has few, which is at
            most 100 different values, and no more than half as many as there are rows.
        discrete_codes: Whether latents are labels, too; None: where all have few values.

    Raises:
        InputError: Shapes that don't match, fewer than 10 rows, NaN or infinity.
    """

    codes: Tensor
    factors: Tensor
    codes_test: Tensor
    factors_test: Tensor
    apart: bool = True
    discrete: tuple[bool | None, ...] | None = None
    discrete_codes: bool | None = None

    @classmethod
    def of(
        cls,
        codes: Any,
        factors: Any,
        codes_test: Any = None,
        factors_test: Any = None,
        discrete: Sequence[bool | None] | None = None,
    ) -> Arrays:
        """From arrays, lists or tensors of any number type; without test arrays the last third is held out."""
        if (codes_test is None) != (factors_test is None):
            raise InputError("codes_test and factors_test come together: give both or neither")
        z = _matrix("codes", codes)
        s = _matrix("factors", factors).to(z.device)
        _match(z, s, "codes", "factors")
        stated = None if discrete is None else tuple(discrete)
        if stated is not None and len(stated) != s.shape[1]:
            raise InputError(f"discrete must say it of each of the {s.shape[1]} factors, not of {len(stated)}")
        if codes_test is None:
            cut = len(z) - len(z) // 3
            return cls(z[:cut], s[:cut], z[cut:], s[cut:], apart=False, discrete=stated)
        z_test, s_test = (
            _matrix(f"{name}_test", array).to(z.device)
            for name, array in (("codes", codes_test), ("factors", factors_test))
        )
        _match(z_test, s_test, "codes_test", "factors_test")
        for name, one, other in (("codes", z, z_test), ("factors", s, s_test)):
            if one.shape[1] != other.shape[1]:
                raise InputError(f"{name} has {one.shape[1]} columns and {name}_test {other.shape[1]}; they must agree")
        return cls(z, s, z_test, s_test, discrete=stated)

    @cached_property
    def all_codes(self) -> Tensor:
        """Train and test codes together: ``(n + m, D)``."""
        return torch.cat([self.codes, self.codes_test])

    @cached_property
    def all_factors(self) -> Tensor:
        """Train and test factors together: ``(n + m, K)``."""
        return torch.cat([self.factors, self.factors_test])

    @property
    def measured_codes(self) -> Tensor:
        """What nothing is fitted on: ``codes`` as they were given, so without test rows that were given apart."""
        return self.codes if self.apart else self.all_codes

    @property
    def measured_factors(self) -> Tensor:
        """The truth of `measured_codes`: ``(rows, K)``."""
        return self.factors if self.apart else self.all_factors

    @property
    def measured_labels(self) -> Tensor:
        """Labels of `measured_codes`' rows: int64 ``(rows, K)``."""
        return self.all_labels[: len(self.measured_codes)]

    @cached_property
    def _found(self) -> tuple[tuple[bool, ...], Tensor]:
        """Which factors are discrete, and the labels of all rows."""
        pairs = [torch.unique(column, return_inverse=True) for column in self.all_factors.T]
        stated = self.discrete or [None] * len(pairs)
        discrete = tuple(
            len(values) <= self._few if said is None else said for (values, _), said in zip(pairs, stated, strict=True)
        )
        bins = equal_width_bins(self.all_factors)
        columns = [pairs[k][1] if discrete[k] else bins[:, k] for k in range(len(pairs))]
        return discrete, torch.stack(columns, 1)

    @property
    def _few(self) -> int:
        return min(MAX_LABELS, len(self.all_factors) // 2)

    @cached_property
    def are_codes_discrete(self) -> bool:
        """Whether latents are treated as labels."""
        if self.discrete_codes is not None:
            return self.discrete_codes
        return all(len(column.unique()) <= self._few for column in self.all_codes.T)

    @property
    def all_labels(self) -> Tensor:
        """Every factor as labels 0, 1, ... on all rows, a continuous one in 20 equal bins: int64 ``(n + m, K)``."""
        return self._found[1]

    def is_discrete(self, k: int) -> bool:
        """Whether factor ``k`` is treated as a set of labels."""
        return self._found[0][k]

    def whole_numbers(self) -> tuple[bool | None, ...]:
        """True of factors all of whose values are whole numbers, None of others: `discrete` as labels would have it."""
        whole = (self.all_factors == self.all_factors.round()).all(0)
        return tuple(True if one else None for one in whole.tolist())

    def unseen(self) -> list[int]:
        """Discrete factors of which test rows have values that no train row has."""
        pairs = [self.labels(k) for k in range(self.factors.shape[1])]
        return [k for k, (seen, new) in enumerate(pairs) if self.is_discrete(k) and not torch.isin(new, seen).all()]

    def labels(self, k: int) -> tuple[Tensor, Tensor]:
        """Factor ``k`` as labels 0, 1, ... on the train and the test rows; a continuous one in 20 equal bins."""
        found = self.all_labels[:, k]
        return found[: len(self.codes)], found[len(self.codes) :]

    def resampled(self, rng: np.random.Generator, halves: bool = False) -> Arrays:
        """As many train rows drawn from the train rows with replacement, and test rows from the test rows.

        What is discrete here is so there.

        Args:
            rng: Draws them.
            halves: Draw half as many, without replacement.
        """
        rows, rows_test = (
            torch.from_numpy(drawn_rows(rng, n, halves)).to(self.codes.device)
            for n in (len(self.codes), len(self.codes_test))
        )
        train, test = (self.codes[rows], self.factors[rows]), (self.codes_test[rows_test], self.factors_test[rows_test])
        return Arrays(*train, *test, self.apart, self._found[0], self.are_codes_discrete)


def drawn_rows(rng: np.random.Generator, n: int, halves: bool) -> NDArray[np.int64]:
    """Numbers of n rows drawn with replacement, or of half of them without."""
    return rng.permutation(n)[: n // 2] if halves else rng.integers(n, size=n)


def equal_width_bins(values: Tensor, bins: int = BINS) -> Tensor:
    """Each column's values, ``(n, D)``, in bins of equal width from its minimum to its maximum: int64 1 .. ``bins``.

    The same cuts as disentanglement_lib's (`numpy.histogram`'s edges without the last, then `numpy.digitize`), bit
    for bit; a constant column is all in one bin.
    """
    low, high = values.amin(0), values.amax(0)
    same = low == high
    low, high = torch.where(same, low - 0.5, low), torch.where(same, high + 0.5, high)
    steps = torch.arange(bins, dtype=values.dtype, device=values.device)
    edges = steps * ((high - low) / bins)[:, None] + low[:, None]
    return torch.searchsorted(edges, values.T.contiguous(), right=True).T.contiguous()


def varying(labels: Tensor) -> list[int]:
    """Columns of ``labels``, ``(n, K)``, with more than one value."""
    return torch.nonzero(labels.amax(0) > labels.amin(0))[:, 0].tolist()


def combinations(labels: Tensor) -> Tensor:
    """A number for each different row of ``labels``, int64 ``(n, K)``: ``(n,)``, from 0 without gaps."""
    found = labels.new_zeros(len(labels))
    for column in labels.T:  # sorting rows at once is many times slower
        found = torch.unique(found * (column.max() + 1) + column, return_inverse=True)[1]
    return found


def mean_known(values: list[float | None]) -> float | None:
    """Mean of what is not None; None where nothing is known."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _matrix(name: str, array: Any) -> Tensor:
    """``array`` as a float64 matrix, checked; a tensor stays where it is."""
    given = array.detach() if isinstance(array, Tensor) else _tensor(name, array)
    if given.is_complex():
        raise InputError(f"{name} must be a matrix of real numbers, not of {given.dtype}")
    matrix = given.double()
    if matrix.ndim != 2 or not matrix.shape[1]:
        raise InputError(f"{name} must have shape (points, columns), not {tuple(matrix.shape)}")
    bad = torch.nonzero(~(matrix.abs() < _LARGEST))
    if len(bad):
        row, column = bad[0].tolist()
        raise InputError(
            f"{name}[{row}, {column}] is {matrix[row, column]}; every number must be finite (and below 3.4e38)"
        )
    return matrix


def _tensor(name: str, array: Any) -> Tensor:
    try:
        given = np.asarray(array)
    except ValueError:
        raise InputError(f"{name} must be a matrix; its rows differ in length") from None
    if given.dtype.kind not in "biuf":
        raise InputError(f"{name} must be a matrix of real numbers, not of {given.dtype}")
    return torch.from_numpy(given.astype(np.float64))


def _match(codes: Tensor, factors: Tensor, one: str, other: str) -> None:
    if len(codes) != len(factors):
        raise InputError(f"{one} has {len(codes)} rows and {other} {len(factors)}; they must agree")
    if len(codes) < 10:
        raise InputError(f"{one} has {len(codes)} rows; metrics need at least 10")
