"""Pictures of a run, drawn with Matplotlib; each function returns a `Figure`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from ..envs import Factor
from .movies import coloured

INK, BLUE, GREY = "#22313f", "#2f6fb3", "#b8c0c8"
SHOWN_LATENTS = 10
SHOWN_COLUMNS = 6
SHOWN_CURVES = 4


def read_scalars(folder: Path) -> dict[str, tuple[list[int], list[float]]]:
    """All TensorBoard scalars of a run: name -> steps, values."""
    from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator

    series: dict[str, dict[int, float]] = {}
    for path in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns):  # a resumed run's later file counts
        events = EventAccumulator(str(path), size_guidance={SCALARS: 0})
        events.Reload()
        for name in events.Tags()["scalars"]:
            series.setdefault(name, {}).update((event.step, event.value) for event in events.Scalars(name))
    return {name: (sorted(points), [points[step] for step in sorted(points)]) for name, points in series.items()}


def learning_curves(scalars: Mapping[str, tuple[list[int], list[float]]]) -> Figure:
    """Every loss term against the step, with its running mean on top."""
    columns = min(len(scalars), SHOWN_CURVES)
    rows = -(-len(scalars) // columns)
    figure = Figure(figsize=(3.2 * columns, 2.6 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes in panels[len(scalars) :]:
        axes.set_axis_off()
    for axes, (name, (steps, values)) in zip(panels, scalars.items(), strict=False):
        axes.plot(steps, values, color=GREY, linewidth=0.8)
        axes.xaxis.get_major_locator().set_params(integer=True)
        width = max(1, len(values) // 40)
        smooth = np.convolve(values, np.ones(width) / width, mode="valid")
        axes.plot(steps[width - 1 :], smooth, color=BLUE, linewidth=1.6)
        settled = np.asarray(values[len(values) // 20 :])
        if name in ("loss", "reconstruction") and np.ptp(settled) > 0:  # the first steps dwarf all the rest
            axes.set_ylim(settled.min() - 0.05 * np.ptp(settled), np.quantile(settled, 0.98) + 0.1 * np.ptp(settled))
        describe(axes, name, "step", "")
    return figure


def latents_against_factors(
    codes: NDArray[Any], factors: NDArray[Any], stated: Sequence[Factor], best: Sequence[int | None]
) -> Figure:
    """One panel per factor (row) and latent (column): each state is a dot; the best latent of a factor is blue."""
    shown = sorted(_most_telling(codes, best)[:SHOWN_COLUMNS])
    figure = Figure(figsize=(1.2 + 1.75 * len(shown), 1.9 * len(stated)), layout="constrained")
    panels = figure.subplots(len(stated), len(shown), squeeze=False, sharex="row")
    jitter = np.random.default_rng(0).uniform(-0.15, 0.15, len(codes))
    for k, factor in enumerate(stated):
        for column, d in enumerate(shown):
            colour = BLUE if d == best[k] else GREY
            panels[k][column].scatter(factors[:, k] + jitter, codes[:, d], s=3, color=colour, alpha=0.5, linewidths=0)
            title = f"latent {d}" if k == 0 else ""
            describe(panels[k][column], title, f"{factor.name} ({factor.unit})".removesuffix(" ()"), "")
    return figure


def _most_telling(codes: NDArray[Any], best: Sequence[int | None]) -> list[int]:
    """All latents: those that read a factor best, then the others from the most varying on."""
    varying = [int(d) for d in codes.var(0).argsort()[::-1]]
    return list(dict.fromkeys([d for d in best if d is not None] + varying))


def latent_plane(
    codes: NDArray[Any], factors: NDArray[Any], stated: Sequence[Factor], best: Sequence[int | None]
) -> Figure:
    """States in the plane of the two latents that read the first two factors best, coloured by each of the two.

    Where one latent reads both (or none is named), the most varying other one is the second.
    """
    one, other = _most_telling(codes, best[:2])[:2]
    shown = stated[:2]
    figure = Figure(figsize=(3.8 * len(shown), 3.2), layout="constrained")
    for k, axes in enumerate(figure.subplots(1, len(shown), squeeze=False)[0]):
        dots = axes.scatter(codes[:, one], codes[:, other], c=factors[:, k], s=14, cmap="viridis", linewidths=0)
        figure.colorbar(dots, ax=axes, label=shown[k].name)
        describe(axes, "", f"latent {one}", f"latent {other}")
    return figure


def traversal_grid(images: NDArray[np.uint8]) -> Figure:
    """One row per latent, swept from left to right: images ``(D, values, H, W, C)``."""
    rows, columns = min(len(images), SHOWN_LATENTS), images.shape[1]
    figure = Figure(figsize=(0.95 * columns + 0.9, 0.98 * rows), layout="constrained")
    for d, row in enumerate(figure.subplots(rows, columns, squeeze=False)):
        for axes, image in zip(row, images[d], strict=True):
            axes.imshow(coloured(image), interpolation="nearest")
            axes.set_xticks([])
            axes.set_yticks([])
        row[0].set_ylabel(f"latent {d}", rotation=0, ha="right", va="center", color=INK)
    return figure


def policy_table(agent: Mapping[str, Any], factors: Sequence[str]) -> Figure:
    """What each policy does (probability of each action) and what it changes (mean change of each factor)."""
    policies, actions = policy_names(agent), agent["actions"]
    figure = Figure(
        figsize=(2.4 + 0.8 * (len(actions) + len(factors)), 0.6 + 0.55 * len(policies)), layout="constrained"
    )
    left, right = figure.subplots(1, 2, width_ratios=[len(actions), len(factors)])
    heat(left, np.array(agent["policy"]), ("probability of each action", policies, actions), ("Blues", 0, 1))
    heat(
        right, np.array(agent["effect"]), ("mean change of each factor", [""] * len(policies), factors), ("RdBu", -1, 1)
    )
    return figure


def variations(found: Mapping[str, Any]) -> Figure:
    """Options in the plane of the first two latents: their factors, what these changed, what was foretold.

    Args:
        found: ``factors``, ``changes``, ``foretold`` ``(n, K)``, the first ``action`` ``(n,)``, which colours the dots,
            and the actions' ``names``.
    """
    shown = {"factors": "factors", "changes": "changes of the code", "foretold": "changes foretold"}
    figure = Figure(figsize=(3.2 * len(shown), 3.3), layout="constrained")
    panels = figure.subplots(1, len(shown), squeeze=False)[0]
    names = [str(name) for name in found["names"]]
    jitter = np.random.default_rng(0).normal(0, 0.02, (len(found["action"]), 2))
    for axes, (name, title) in zip(panels, shown.items(), strict=True):
        points = np.asarray(found[name])
        points = np.pad(points, ((0, 0), (0, max(0, 2 - points.shape[1]))))[:, :2] + jitter
        for action, label in enumerate(names):
            rows = np.asarray(found["action"]) == action
            axes.scatter(*points[rows].T, s=7, color=f"C{action}", alpha=0.6, linewidths=0, label=label)
        axes.set_aspect("equal", adjustable="datalim")
        describe(axes, title, "latent 0", "latent 1")
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, fontsize=8, frameon=False
    )
    return figure


def behaviour(found: Mapping[str, Any]) -> Figure:
    """An option on its way: what is seen, and below what each policy would do there, the option's own framed.

    Args:
        found: ``images`` ``(T + 1, H, W, C)``, ``chances`` ``(T, P, A)``, ``actions`` ``(T,)``, ``followed``, and the
            actions' ``names``.
    """
    chances, names, followed = np.asarray(found["chances"]), [str(name) for name in found["names"]], found["followed"]
    steps, policies, actions = chances.shape
    figure = Figure(figsize=(1.7 * (steps + 1), 2.4 + 0.16 * policies), layout="constrained")
    panels = figure.subplots(2, steps + 1, height_ratios=[1.6, 0.16 * policies + 0.3])
    for axes, image in zip(panels[0], np.asarray(found["images"]), strict=True):
        axes.imshow(coloured(image), interpolation="nearest")
        axes.set_axis_off()
    for step, (axes, action) in enumerate(zip(panels[1][:-1], np.asarray(found["actions"]), strict=True)):
        drawn = axes.imshow(chances[step], cmap="Blues", vmin=0, vmax=1, aspect="auto")
        axes.add_patch(
            Rectangle((-0.5, int(followed) - 0.5), actions, 1, fill=False, edgecolor="#d1783c", linewidth=1.6)
        )
        axes.set_xticks(range(actions), names, rotation=90)
        axes.set_yticks([])
        axes.tick_params(length=0, labelsize=7, colors=INK)
        axes.set_title(f"then: {names[int(action)]}", fontsize=8, color=INK)
    panels[1][0].set_ylabel("policies of different factors", fontsize=8, color=INK)
    panels[1][-1].set_axis_off()
    bar = figure.colorbar(drawn, cax=panels[1][-1].inset_axes((0.02, 0.1, 0.08, 0.8)))
    bar.set_label("probability", fontsize=8, color=INK)
    bar.ax.tick_params(labelsize=7, colors=INK)
    return figure


def policy_names(agent: Mapping[str, Any]) -> list[str]:
    """What an agent's evaluation calls its policies; ``raise latent 0``, ..., ``lower latent 0``, ... where nothing."""
    count = len(agent["policy"])
    half = count // 2
    return agent.get("policies") or [f"{'raise' if k < half else 'lower'} latent {k % half}" for k in range(count)]


def heat(
    axes: Any, matrix: NDArray[Any], texts: tuple[str, Sequence[str], Sequence[str]], colours: tuple[str, float, float]
) -> None:
    """A matrix as a table of coloured numbers; texts: title, rows, columns; colours: map, low, high."""
    title, rows, columns = texts
    axes.imshow(matrix, cmap=colours[0], vmin=colours[1], vmax=colours[2], aspect="auto")
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    for (row, column), value in np.ndenumerate(matrix):
        dark = abs(value) > 0.6 * colours[2]
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8, color="white" if dark else INK)
    axes.set_title(title, fontsize=9, color=INK)
    axes.tick_params(length=0, labelsize=8, colors=INK)


def describe(axes: Any, title: str, x: str, y: str) -> None:
    """Write a panel's title and what its axes are."""
    axes.set_title(title, fontsize=9, color=INK)
    axes.set_xlabel(x, fontsize=8, color=INK)
    axes.set_ylabel(y, fontsize=8, color=INK)
    axes.tick_params(labelsize=7, colors=INK)
    axes.spines[["top", "right"]].set_visible(False)
