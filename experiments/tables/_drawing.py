"""What the tables' figures share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..figures import INK
from ..movies import coloured
from ._jobs import Done
from ._results import collect, deviation

GAP_PX = 3
COLOURS = ("#2f6fb3", "#d1783c", "#3f8f5b", "#a34a6f", "#7a6cb0", "#8a8f45")


def panels(rows: int, columns: int, size: tuple[float, float] = (3.4, 2.7)) -> tuple[Figure, Any]:
    """A figure of so many panels of that size in inches, and its axes ``(rows, columns)``."""
    figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def say(axes: Any, title: str, x: str, y: str) -> None:
    """Title and names of the axes, in the house's style."""
    axes.set_title(title, fontsize=9, color=INK)
    axes.set_xlabel(x, fontsize=8, color=INK)
    axes.set_ylabel(y, fontsize=8, color=INK)
    axes.tick_params(which="both", labelsize=7, colors=INK)
    axes.spines[["top", "right"]].set_visible(False)


def folders(done: Sequence[Done]) -> dict[str, Path]:
    """Each label's folder, of its first seed, in the jobs' order."""
    found: dict[str, Path] = {}
    for one in done:
        found.setdefault(one.job.label, one.folder)
    return found


def explain(axes: Any) -> None:
    """A legend, where there is something to explain."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=7, frameon=False)


def curve(axes: Any, done: Sequence[Done], labels: Mapping[float, str], number: str, **style: Any) -> None:
    """Mean over the repetitions against the labels' values, with a bar of one standard deviation to both sides."""
    values = {x: collect(done, label, number) for x, label in labels.items()}
    known = [(x, found.mean(), deviation(found) or 0.0) for x, found in values.items() if len(found)]
    if known:
        at, means, spread = zip(*known, strict=True)
        axes.errorbar(at, means, spread, marker="o", markersize=4, linewidth=1.4, capsize=2, **style)


def dots(axes: Any, done: Sequence[Done], labels: Sequence[str], number: str) -> None:
    """A dot for each repetition, a column for each label, and a line at each mean."""
    for place, label in enumerate(labels):
        found = collect(done, label, number)
        axes.plot(np.full(len(found), place), found, "o", color=COLOURS[0], markersize=4, alpha=0.7)
        if len(found):
            axes.plot([place - 0.25, place + 0.25], [found.mean()] * 2, color=COLOURS[1], linewidth=1.8)
    axes.set_xticks(range(len(labels)), labels)


def heat_maps(row: Sequence[Any], maps: NDArray[Any], reach: float = 3.0) -> Any:
    """Maps ``(n, rows, columns)``, one to a panel, blue to red from ``-reach`` to ``reach``; returns the last image."""
    drawn: Any = None
    for place, one in zip(row, maps, strict=False):
        drawn = place.imshow(one, cmap="bwr", vmin=-reach, vmax=reach)
        place.set_xticks([])
        place.set_yticks([])
    return drawn


def smooth(values: Any, share: int) -> Any:
    """Running means over one in ``share`` of the values, as many fewer as that takes."""
    width = max(1, len(values) // share)
    return np.convolve(values, np.full(width, 1 / width), mode="valid")


def strips(images: NDArray[np.uint8], names: Sequence[str]) -> Figure:
    """Rows of images ``(rows, columns, H, W, C)``, each with its name at the left, drawn as one."""
    rows, columns, height, width = images.shape[:4]
    tiles = np.full((rows, columns, height + GAP_PX, width + GAP_PX, 3), 255, np.uint8)
    tiles[:, :, :height, :width] = coloured(images)
    figure, ((axes,),) = panels(1, 1, (0.75 * columns + 1, 0.75 * rows))
    axes.imshow(tiles.swapaxes(1, 2).reshape(rows * (height + GAP_PX), -1, 3), interpolation="nearest")
    axes.set_yticks((np.arange(rows) + 0.5) * (height + GAP_PX), names, fontsize=8, color=INK)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure
