"""Codes and factors, checked once; and the ways to make them discrete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

BINS = 20
MAX_LABELS = 100


@dataclass(frozen=True)
class Arrays:
    """A representation and the truth, row by row.

    Args:
        codes: ``(n, D)``.
        factors: ``(n, K)``. A factor with at most 100 different values, fewer than half the rows, is discrete.
        codes_test: ``(m, D)``, held out; by default the last third of ``codes``.
        factors_test: ``(m, K)``, held out.

    Raises:
        InputError: Shapes that don't match, fewer than 10 rows, NaN or infinity.
    """

    codes: Floats
    factors: Floats
    codes_test: Floats
    factors_test: Floats

    @classmethod
    def of(cls, codes: Any, factors: Any, codes_test: Any = None, factors_test: Any = None) -> Arrays:
        """From arrays or tensors of any number type; without test arrays the last third is held out."""
        if (codes_test is None) != (factors_test is None):
            raise InputError("codes_test and factors_test come together: give both or neither")
        train = _matrix("codes", codes), _matrix("factors", factors)
        _match(*train, "codes", "factors")
        if codes_test is None:
            cut = len(train[0]) - len(train[0]) // 3
            return cls(train[0][:cut], train[1][:cut], train[0][cut:], train[1][cut:])
        test = _matrix("codes_test", codes_test), _matrix("factors_test", factors_test)
        _match(*test, "codes_test", "factors_test")
        for name, one, other in (("codes", train[0], test[0]), ("factors", train[1], test[1])):
            if one.shape[1] != other.shape[1]:
                raise InputError(f"{name} has {one.shape[1]} columns and {name}_test {other.shape[1]}; they must agree")
        return cls(*train, *test)

    @property
    def all_codes(self) -> Floats:
        """Train and test codes together."""
        return np.concatenate([self.codes, self.codes_test])

    @property
    def all_factors(self) -> Floats:
        """Train and test factors together."""
        return np.concatenate([self.factors, self.factors_test])

    def is_discrete(self, k: int) -> bool:
        """Whether factor ``k`` is treated as a set of labels."""
        different = len(np.unique(self.all_factors[:, k]))
        return different <= min(MAX_LABELS, len(self.all_factors) // 2)

    def labels(self, k: int) -> tuple[Labels, Labels]:
        """Factor ``k`` as labels 0, 1, ... on the train and the test rows; a continuous one in 20 equal bins."""
        values = self.all_factors[:, k]
        if self.is_discrete(k):
            found = np.unique(values, return_inverse=True)[1].astype(np.int64)
        else:
            found = equal_width_bins(values[:, None])[:, 0]
        return found[: len(self.codes)], found[len(self.codes) :]


def equal_width_bins(values: Floats, bins: int = BINS) -> Labels:
    """Each column's values in ``bins`` bins of equal width from its minimum to its maximum: int64 1 .. bins.

    The same cuts as disentanglement_lib: `numpy.histogram`'s edges without the last, then `numpy.digitize`.
    """
    edges = [np.histogram_bin_edges(column, bins)[:-1] for column in values.T]
    return np.stack([np.digitize(column, cut) for column, cut in zip(values.T, edges, strict=True)], 1).astype(np.int64)


def _matrix(name: str, array: Any) -> Floats:
    given = np.asarray(array)
    if given.dtype.kind not in "biuf":
        raise InputError(f"{name} must be a matrix of real numbers, not of {given.dtype}")
    matrix = given.astype(np.float64)
    if matrix.ndim != 2 or not matrix.shape[1]:
        raise InputError(f"{name} must have shape (points, columns), not {matrix.shape}")
    bad = np.argwhere(~(np.abs(matrix) < np.finfo(np.float32).max))
    if len(bad):
        row, column = bad[0]
        raise InputError(
            f"{name}[{row}, {column}] is {matrix[row, column]}; every number must be finite (and below 3.4e38)"
        )
    return matrix


def _match(codes: Floats, factors: Floats, one: str, other: str) -> None:
    if len(codes) != len(factors):
        raise InputError(f"{one} has {len(codes)} rows and {other} {len(factors)}; they must agree")
    if len(codes) < 10:
        raise InputError(f"{one} has {len(codes)} rows; metrics need at least 10")
