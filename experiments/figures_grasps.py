"""Pictures of grasp nets, drawn with Matplotlib; each function returns a `Figure`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

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
    """Left: how often grasps hold of which so much is said. Right: ROC curves.

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
        means = (np.bincount(places, part, bins)[kept] / counts[kept] for part in (values, success.astype(float)))
        left.plot(*means, marker="o", markersize=3, linewidth=1, label=f"{angle}°")
        order = np.argsort(-values, kind="stable")
        hits, alarms = np.cumsum(success[order]), np.cumsum(~success[order])
        right.plot(alarms / max(alarms[-1], 1), hits / max(hits[-1], 1), linewidth=1)
    describe(left, "calibration", "probability that was foretold", "share that held")
    describe(right, "ROC", "failures taken for successes", "successes found")
    left.legend(title="seen from", fontsize=7, title_fontsize=7, frameon=False)
    return figure


def accuracies(evaluation: Mapping[str, Any]) -> Figure:
    """Accuracy by category (rows) and elevation (columns)."""
    angles = [angle for angle, numbers in evaluation.items() if isinstance(numbers, Mapping)]
    kinds = list(evaluation[angles[0]]["by_category"])
    figure = Figure(figsize=(1.6 + 0.8 * len(angles), 0.8 + 0.34 * len(kinds)), layout="constrained")
    matrix = np.array([[evaluation[angle]["by_category"][kind] for angle in angles] for kind in kinds])
    heat(figure.subplots(), matrix, ("foretold right", kinds, [f"{angle}°" for angle in angles]), ("Blues", 0.3, 1))
    return figure
