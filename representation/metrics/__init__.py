"""Metrics of a representation, one file each; they take codes and factors and know nothing of models or worlds.

The file's name is the metric's name and the name of its function. Several by name::

    from unbraid.representation.metrics import evaluate
    evaluate(["mig", "dci"], codes, factors)      # {"mig": {"score": ...}, "dci": {...}}

or one by itself, with the options that are its own::

    from unbraid.representation.metrics import Arrays
    from unbraid.representation.metrics.mic import mic
    mic(Arrays.of(codes, factors), numpy.random.default_rng(0), subset=[0, 1, 2])

Nothing else of Unbraid is imported, so that codes can be scored wherever they come from.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, get_args

import numpy as np

from ... import lookup
from ...errors import InputError, UnknownNameError
from ._spec import Arrays, Reading

__all__ = ["Arrays", "evaluate", "names"]

PACKAGE = "representation.metrics"
PROTOCOLS: tuple[str, ...] = get_args(get_args(Reading)[0])


def names() -> list[str]:
    """All metrics."""
    return lookup.names(PACKAGE)


def evaluate(
    metrics: Sequence[str],
    codes: Any,
    factors: Any,
    codes_test: Any = None,
    factors_test: Any = None,
    seed: int = 0,
    protocol: str | None = None,
    bootstrap: int = 0,
) -> dict[str, dict[str, Any]]:
    """Several metrics of one representation.

    Args:
        metrics: Their names.
        codes: Arrays, lists or tensors ``(n, D)``; what is on a GPU stays there.
        factors: ``(n, K)``; a factor with few distinct values counts as discrete (see `Arrays`).
        codes_test: ``(m, D)``, held out; without it, the last third of the rows is.
        factors_test: ``(m, K)``.
        seed: Of every metric that draws at random.
        protocol: ``"disentanglement_lib"`` for that library's reading wherever a metric's own differs (its docstring
            says in what); None for ours.
        bootstrap: How often to draw the rows anew, with replacement, for standard errors; 0 for none.

    Returns:
        Metric name -> its numbers, ``"score"`` among them wherever there is a single one; with ``bootstrap``, also
        ``"std_error"``: for each single number its standard deviation over the draws.

    Raises:
        InputError: Arrays that don't match, too few rows, NaN; an unknown metric or protocol (`UnknownNameError`);
            a ``bootstrap`` of 1 or below 0.
    """
    check_names(metrics)
    if protocol is not None and protocol not in PROTOCOLS:
        raise UnknownNameError("protocol", protocol, PROTOCOLS)
    if seed < 0:
        raise InputError(f"seed must be at least 0, not {seed}")
    if bootstrap < 0 or bootstrap == 1:
        raise InputError(f"bootstrap must be 0, for no standard errors, or at least 2 draws, not {bootstrap}")
    functions = {name: _reading(name, protocol) for name in metrics}
    arrays = Arrays.of(codes, factors, codes_test, factors_test)
    found = {name: function(arrays, np.random.default_rng(seed)) for name, function in functions.items()}
    draws: list[dict[str, dict[str, Any]]] = []
    for k in range(bootstrap):
        drawn = arrays.resampled(np.random.default_rng([seed, k]))
        draws.append({name: function(drawn, np.random.default_rng(seed)) for name, function in functions.items()})
    return _with_errors(found, draws) if draws else found


def check_names(metrics: Sequence[str]) -> None:
    """Raise `UnknownNameError` for a name that no metric has, `InputError` where there are no names."""
    if not metrics:
        raise InputError(f"no metrics are named; known: {', '.join(names())}")
    for name in metrics:
        lookup.load(PACKAGE, name, "metric")


def _reading(name: str, protocol: str | None) -> Callable[[Arrays, np.random.Generator], dict[str, Any]]:
    """The metric's function, in the protocol's reading if it has one of its own."""
    function = getattr(lookup.load(PACKAGE, name, "metric"), name.rpartition(":")[2])
    if protocol is None or "protocol" not in inspect.signature(function).parameters:
        return function  # type: ignore[no-any-return]
    return lambda arrays, rng: function(arrays, rng, protocol=protocol)


def _with_errors(
    found: dict[str, dict[str, Any]], draws: Sequence[dict[str, dict[str, Any]]]
) -> dict[str, dict[str, Any]]:
    """``found`` with the standard deviations of its single numbers over the draws."""
    errors: dict[str, dict[str, float]] = {name: {} for name in found}
    for name, numbers in found.items():
        for part in (part for part, value in numbers.items() if isinstance(value, float)):
            drawn = [draw[name][part] for draw in draws if draw[name][part] is not None]
            if len(drawn) > 1:  # a draw may hold no row that such a number is of
                errors[name][part] = float(np.std(drawn, ddof=1))
    return {name: {**numbers, "std_error": errors[name]} for name, numbers in found.items()}
