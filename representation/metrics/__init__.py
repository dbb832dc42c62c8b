"""Metrics of a representation, one file each; they take codes and factors and know nothing of models or worlds.

The file's name is the metric's name and the name of its function::

    from unbraid.representation.metrics import evaluate
    evaluate(["mig", "dci"], codes, factors)      # {"mig": {"score": ...}, "dci": {...}}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import lookup
from ...errors import InputError
from ._spec import Arrays

__all__ = ["Arrays", "evaluate", "names"]

PACKAGE = "representation.metrics"


def names() -> list[str]:
    """All metrics."""
    return lookup.names(PACKAGE)


def evaluate(
    metrics: Sequence[str], codes: Any, factors: Any, codes_test: Any = None, factors_test: Any = None, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Several metrics of one representation.

    Args:
        metrics: Their names.
        codes: Arrays or tensors ``(n, D)``.
        factors: ``(n, K)``; a factor with few distinct values counts as discrete (see `Arrays`).
        codes_test: ``(m, D)``, held out; without it, the last third of the rows is.
        factors_test: ``(m, K)``.
        seed: Of every metric that draws at random.

    Returns:
        Metric name -> its numbers, ``"score"`` among them wherever there is a single one.

    Raises:
        InputError: Arrays that don't match, too few rows, NaN; an unknown metric (`UnknownNameError`).
    """
    check_names(metrics)
    modules = {name: lookup.load(PACKAGE, name, "metric") for name in metrics}
    arrays = Arrays.of(codes, factors, codes_test, factors_test)
    return {name: getattr(module, name)(arrays, np.random.default_rng(seed)) for name, module in modules.items()}


def check_names(metrics: Sequence[str]) -> None:
    """Raise `UnknownNameError` for a name that no metric has, `InputError` where there are no names."""
    if not metrics:
        raise InputError(f"no metrics are named; known: {', '.join(names())}")
    for name in metrics:
        lookup.load(PACKAGE, name, "metric")
