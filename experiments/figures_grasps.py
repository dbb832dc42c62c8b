"""Pictures of grasp nets, drawn with Matplotlib; each function returns a `Figure`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from ..agents.grasp.evaluate import elevations_of, roc_auc
from .figures import GREY, INK, describe, heat


def shapes(images: Sequence[Mapping[str, NDArray[Any]]], captions: Sequence[str]) -> Figure:
    """A row of pictures for each scene, under the same titles; depths, where nothing is seen NaN, are shaded."""
    titles = list(images[0])
    figure = Figure(figsize=(1.35 * len(titles) + 0.6, 1.4 * len(images)), layout="constrained")
    for row, seen, caption in zip(
        figure.subplots(len(images), len(titles), squeeze=False), images, captions, strict=True
    ):
        for axes, (title, image) in zip(row, seen.items(), strict=True):
            axes.imshow(image, cmap="bone_r", interpolation="nearest")
            axes.set_title(title if seen is images[0] else "", fontsize=8, color=INK)
            axes.set_xticks([])
            axes.set_yticks([])
        row[0].set_ylabel(caption, fontsize=7, color=INK)
    return figure


def calibration(said: Mapping[str, NDArray[Any]], success: NDArray[np.bool_], bins: int = 10) -> Figure:
    """Left: how often grasps hold of which so much is said, dots as large as there are of them. Right: ROC curves.

    Args:
        said: Elevation -> probabilities of success ``(N,)``.
        success: Whether grasps held.
        bins: Of what is said.
    """
    figure = Figure(figsize=(6.6, 3.1), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes in (left, right):
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8)
        axes.set_aspect("equal")
    for angle, values in said.items():
        places = np.minimum((values * bins).astype(int), bins - 1)
        counts = np.bincount(places, minlength=bins)
        kept = counts > 0
        said_of, held_of = (np.bincount(places, part, bins)[kept] / counts[kept] for part in (values, success))
        (line,) = left.plot(said_of, held_of, linewidth=1, label=f"{angle}°")
        left.scatter(
            said_of, held_of, s=400 * counts[kept] / counts.sum(), color=line.get_color(), alpha=0.6, linewidths=0
        )
        area = roc_auc(values, success)
        if area is not None:
            alarms, hits, _ = roc_curve(success, values)
            right.plot(alarms, hits, linewidth=1, label=f"{angle}°, {area:.2f}")
    describe(left, "calibration", "probability that was foretold", "share that held")
    describe(right, "ROC", "failures taken for successes", "successes found")
    left.legend(title="seen from", fontsize=7, title_fontsize=7, frameon=False)
    right.legend(title="area below", fontsize=7, title_fontsize=7, frameon=False)
    return figure


def accuracies(evaluation: Mapping[str, Any]) -> Figure:
    """Accuracy by category (rows) and elevation (columns, with the mean and its standard error below)."""
    angles, counts = elevations_of(evaluation), evaluation["grasps"]
    figure = Figure(figsize=(1.6 + 0.8 * len(angles), 0.8 + 0.34 * len(counts)), layout="constrained")
    matrix = np.array([[evaluation[angle]["by_category"][kind] for angle in angles] for kind in counts])
    columns = [f"{angle}°\n{_with_error(evaluation[angle])}" for angle in angles]
    texts = "foretold right", [f"{kind}, {count}" for kind, count in counts.items()], columns
    heat(figure.subplots(), matrix, texts, ("Blues", 0.3, 1))
    return figure


def _with_error(found: Mapping[str, Any]) -> str:
    """An accuracy, and its standard error where there is one."""
    error = found["standard_error"]
    return f"{found['accuracy']:.2f}" + ("" if error is None else f" ± {error:.2f}")
