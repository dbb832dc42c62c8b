"""Which latent goes with which factor: squares for importances, a heat map for mutual information."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from ..errors import InputError
from .figures import BLUE, GREY, INK, heat

LARGEST_SIDE = 0.92


def hinton(importance: Any, factors: Sequence[str]) -> Figure:
    """A Hinton diagram: one row per factor, one column per latent, squares whose area is the importance.

    The largest importance nearly fills its cell. One square in each row and column is a disentangled code; several in
    a row are a factor spread over latents, several in a column a latent that mixes factors.

    Args:
        importance: ``(D, K)``, at least 0, as ``dci`` gives it.
        factors: The K names.

    Raises:
        InputError: Shapes that don't match, a negative or missing number.
    """
    matrix = _checked(importance, factors).T
    figure = _figure(matrix)
    axes = figure.subplots()
    side = LARGEST_SIDE * np.sqrt(matrix / max(matrix.max(), np.finfo(float).tiny))
    squares = [
        Rectangle((column - width / 2, row - width / 2), width, width) for (row, column), width in np.ndenumerate(side)
    ]
    axes.add_collection(PatchCollection(squares, facecolor=BLUE, linewidths=0))
    axes.set(xlim=(-0.5, matrix.shape[1] - 0.5), ylim=(matrix.shape[0] - 0.5, -0.5), aspect="equal")
    axes.set_xticks(range(matrix.shape[1]), _latents(matrix.shape[1]))
    axes.set_yticks(range(matrix.shape[0]), factors)
    axes.set_xticks(np.arange(matrix.shape[1] - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(matrix.shape[0] - 1) + 0.5, minor=True)
    axes.grid(which="minor", color=GREY, linewidth=0.6)
    axes.tick_params(which="both", length=0, labelsize=8, colors=INK)
    axes.spines[:].set_color(GREY)
    _title(axes, "importance of each latent")
    return figure


def information_map(information: Any, factors: Sequence[str]) -> Figure:
    """A heat map in nats: one row per factor, one column per latent; estimates below 0 are shown as 0.

    Args:
        information: ``(D, K)``, as ``ksg`` gives it.
        factors: The K names.

    Raises:
        InputError: Shapes that don't match, a missing number.
    """
    matrix = _checked(np.maximum(information, 0), factors).T
    figure = _figure(matrix)
    axes = figure.subplots()
    heat(axes, matrix, ("", list(factors), _latents(matrix.shape[1])), ("Blues", 0, max(float(matrix.max()), 1e-3)))
    _title(axes, "mutual information (nats)")
    return figure


def _checked(values: Any, factors: Sequence[str]) -> NDArray[np.float64]:
    matrix = np.asarray(values, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[1] != len(factors) or not matrix.size:
        raise InputError(f"the matrix must have shape (latents, {len(factors)} factors), not {matrix.shape}")
    if not (matrix >= 0).all():
        raise InputError("the matrix holds a negative number or NaN; importances are at least 0")
    return matrix


def _figure(matrix: NDArray[np.float64]) -> Figure:
    """Of a size that suits the cells."""
    return Figure(figsize=(1.4 + 0.5 * matrix.shape[1], 0.9 + 0.5 * matrix.shape[0]), layout="constrained")


def _latents(count: int) -> list[str]:
    """Numbered from 1, as in the other figures."""
    return [str(d + 1) for d in range(count)]


def _title(axes: Any, title: str) -> None:
    axes.set_title(title, fontsize=9, color=INK)
    axes.set_xlabel("latent", fontsize=8, color=INK)
