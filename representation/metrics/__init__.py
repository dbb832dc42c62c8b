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
import math
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from torch import Tensor

from ... import lookup
from ...errors import InputError, UnknownNameError
from ._spec import Arrays, Reading, drawn_rows
from ._tensors import one_thread

__all__ = ["Arrays", "evaluate", "names", "standard_errors"]

PACKAGE, OTHERS = "representation.metrics", "representation.other_metrics"
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
    discrete: Sequence[bool | None] | None = None,
) -> dict[str, dict[str, Any]]:
    """Several metrics of one representation.

    Args:
        metrics: Their names.
        codes: Arrays, lists or tensors ``(n, D)``; what is on a GPU is computed there where the maths allows.
        factors: ``(n, K)``.
        codes_test: ``(m, D)``, held out; without it, the last third of the rows is.
        factors_test: ``(m, K)``.
        seed: Of every metric that draws at random.
        protocol: ``"disentanglement_lib"`` for that library's reading wherever a metric's own differs (its docstring
            says in what); None for ours. There factors of whole numbers are labels, however many.
        bootstrap: How often to draw the rows anew for standard errors; 0 for none. They are drawn with replacement
            (Efron 1979); where a metric takes equal rows for information, halves of them are drawn without (the
            delete-half jackknife: Shao & Wu 1989).
        discrete: Of each factor, whether it is a set of labels; by default where it has few values (see `Arrays`).

    Returns:
        Metric name -> its numbers, ``"score"`` among them wherever there is a single one; with ``bootstrap``, also
        ``"std_error"``: the standard deviation over the draws of each number, and of each in a list of some (a list
        that isn't as long in every draw, as those of a factor's values may not be, has none).

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
    arrays = Arrays.of(codes, factors, codes_test, factors_test, discrete)
    if protocol is not None and discrete is None:
        arrays = replace(arrays, discrete=arrays.whole_numbers())
    with one_thread():
        return {name: _measure(name, arrays, seed, protocol, bootstrap) for name in metrics}


def _measure(name: str, arrays: Arrays, seed: int, protocol: str | None, bootstrap: int) -> dict[str, Any]:
    """One metric's numbers, with their standard errors where draws are asked for."""
    function = _reading(name, protocol)
    found = _call(name, function, arrays, seed)
    if not bootstrap:
        return found
    halves = getattr(lookup.load(PACKAGE, name, "metric"), "DISTINCT_ROWS", False)
    drawn = [arrays.resampled(np.random.default_rng([seed, k]), halves) for k in range(bootstrap)]
    return {**found, "std_error": _errors(found, [_call(name, function, one, seed) for one in drawn])}


def standard_errors(
    measure: Callable[..., dict[str, Any]], *rows: Any, draws: int = 100, halves: bool = False, seed: int = 0
) -> dict[str, Any]:
    """Bootstrap of any numbers that are of rows, such as those of `unbraid.representation.other_metrics`.

    Args:
        measure: Rows to numbers.
        rows: What it takes: arrays, lists or tensors of n rows each, drawn together.
        draws: How often the rows are drawn anew, with replacement.
        halves: Draw halves of them without, where equal rows would be taken for information.
        seed: Of the draws.

    Returns:
        ``measure``'s dict with standard deviations over the draws, of what has one (see `evaluate`).

    Raises:
        InputError: Numbers of rows that differ, or fewer than 2 rows or draws.
    """
    parts = [part if isinstance(part, Tensor) else np.asarray(part) for part in rows]
    counts = {len(part) for part in parts}
    if len(counts) != 1 or min(*counts, draws) < 2:
        raise InputError(f"at least 2 rows, as many in all, and 2 draws: not {sorted(counts)} rows and {draws} draws")
    n, rng = counts.pop(), np.random.default_rng(seed)
    chosen = [drawn_rows(rng, n, halves) for _ in range(draws)]
    return _errors(_plain(measure(*parts)), [_plain(measure(*[part[one] for part in parts])) for one in chosen])


def _call(name: str, function: Callable[..., Any], arrays: Arrays, seed: int) -> dict[str, Any]:
    """A metric's numbers; `InputError` where a user's own fails, or gives something else."""
    try:
        found = _plain(function(arrays, np.random.default_rng(seed)))
        if not isinstance(found, dict):
            raise TypeError(f"it must give a dict of numbers, not {type(found).__name__}")
        return found
    except Exception as error:
        if ":" not in name or isinstance(error, InputError):
            raise
        own = inspect.getfile(_function(name))
        lines = [place.lineno for place in traceback.extract_tb(error.__traceback__) if place.filename == own]
        where = f" ({Path(own).name}, line {lines[-1]})" if lines else ""
        raise InputError(f"metric {name!r} fails: {type(error).__name__}: {error}{where}") from error


def _plain(value: Any) -> Any:
    """Numbers as Python's own, in lists and dicts; None for what is not finite.

    Raises:
        TypeError: There is something else in it.
    """
    if isinstance(value, dict):
        return {str(part): _plain(one) for part, one in value.items()}
    if isinstance(value, (Tensor, np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (int, str)):
        return value
    raise TypeError(f"it must give a dict of numbers, not of {type(value).__name__}")


def check_names(metrics: Sequence[str]) -> None:
    """Raise `UnknownNameError` for a name that no metric has, `InputError` where there are no names, or a text."""
    if isinstance(metrics, str):
        raise InputError(f"metrics must be a list of names, such as [{metrics!r}]")
    if not metrics:
        raise InputError(f"no metrics are named; known: {', '.join(names())}")
    for name in metrics:
        if name not in names() and name in lookup.names(OTHERS):
            raise InputError(f"{name} takes other things than codes and factors: call unbraid.{OTHERS}.{name}")
        _function(name)


def _function(name: str) -> Callable[..., dict[str, Any]]:
    """The function of the metric's name in the metric's file."""
    own = name.rpartition(":")[2]
    function = getattr(lookup.load(PACKAGE, name, "metric"), own, None)
    if not callable(function):
        raise InputError(f"metric {name!r} can't be used: its file defines no function {own}(arrays, rng)")
    return function  # type: ignore[no-any-return]


def _reading(name: str, protocol: str | None) -> Callable[[Arrays, np.random.Generator], dict[str, Any]]:
    """The metric's function, in the protocol's reading if it has one of its own."""
    function = _function(name)
    if protocol is None or "protocol" not in inspect.signature(function).parameters:
        return function
    return lambda arrays, rng: function(arrays, rng, protocol=protocol)


def _errors(found: dict[str, Any], draws: list[dict[str, Any]]) -> dict[str, Any]:
    """Standard deviations over the draws of all numbers of a metric that have one."""
    errors: dict[str, Any] = {}
    for part, value in found.items():
        drawn = [draw[part] for draw in draws if part in draw]  # those of a factor's values may lack some
        if isinstance(value, dict):
            errors[part] = _errors(value, drawn)
        elif _varies(value):
            errors[part] = _deviation(drawn)
    return {part: error for part, error in errors.items() if error is not None}


def _varies(value: Any) -> bool:
    """Whether it is a number, or a list with some that aren't whole: places of latents have no standard error."""
    if isinstance(value, list):
        return any(isinstance(entry, (float, list)) and _varies(entry) for entry in value)
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _deviation(draws: list[Any]) -> Any:
    """Standard deviation of a number, or of each in a list, over the draws.

    None for what too few draws know, and for a list whose length isn't the same in all: a draw may lack rows of a
    value.
    """
    try:
        values = np.array(draws, dtype=np.float64)  # None becomes NaN: a draw may hold no row that such a number is of
    except ValueError:
        return None
    known = np.isfinite(values).sum(0) > 1
    spread = np.ma.masked_invalid(values).std(axis=0, ddof=1)
    return np.where(known, np.ma.filled(spread, 0.0), np.array(None)).tolist()
