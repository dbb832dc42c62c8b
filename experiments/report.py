"""One self-contained page about a run: its numbers, its figures, and what they show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import jinja2

from .. import lookup
from ..representation import metrics
from ..representation.storage import write_atomically
from . import work
from .album import Album
from .figures import policy_names
from .runs import GRASP, Run, learner_module

DEFAULT_METRICS = ["mig", "dci", "factor_vae", "r2"]
EPISODES = 100
SETS = {"reconstruction": "loss of images, nats,", "prediction": "loss of images after an action, nats,"}
"""What is measured of every set of a recording."""
Numbers = dict[str, dict[str, Any]]
"""A run's metrics, by the name that the table gives the run."""
Row = tuple[str, list[str]]
"""What is measured, and each run's figure."""


class Parts(NamedTuple):
    """What a page says of one kind of learner."""

    title: Callable[[Run], str]
    """What the table calls the page's own run."""
    complete: Callable[[Run], None]
    """Measures what ``metrics.json`` doesn't say yet."""
    album: type[Album]
    rows: Callable[[dict[str, Run], Numbers], list[Row]]
    heads: tuple[str, ...]
    """How rows begin whose figures stand on top of the page."""
    explained: str
    metrics: Sequence[str]
    """Those that a line explains."""


def write_report(run: Run, compared: dict[str, Run] | None = None) -> Path:
    """Draw a finished run's figures into ``figures/`` and write ``report.html``; returns its path.

    What isn't measured yet (evaluation, and planning where the learner acts) is measured first.

    Args:
        run: The run.
        compared: Other runs in the same environment, by the name that the table gives them.
    """
    parts = parts_of(run)
    name = parts.title(run)
    runs = {name: run, **(compared or {})}
    for one in runs.values():
        parts.complete(one)
    several = len(runs) > 1
    pictures = [
        picture
        for title, one in runs.items()
        for picture in parts.album(one, run.folder / "figures", title if several else "").draw()
    ]
    numbers = {title: one.read_metrics() for title, one in runs.items()}
    rows = parts.rows(runs, numbers)
    source = files("unbraid.assets").joinpath("report.html.j2").read_text(encoding="utf-8")
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(source)
    page = template.render(
        asked=run.to_dict(),
        about=lookup.first_line(learner_module(run.learner)),
        glossary=[lookup.first_line(lookup.load(metrics.PACKAGE, metric, "metric")) for metric in parts.metrics],
        explained=parts.explained,
        seen=numbers[name],
        columns=list(numbers),
        rows=rows,
        tiles=tiles(rows, parts.heads, numbers[name]),
        policies=policies(numbers[name]["evaluation"].get("agent")),
        pictures=pictures,
    )
    path = run.folder / "report.html"
    write_atomically(path, lambda file: file.write_text(page, encoding="utf-8"))
    return path


def parts_of(run: Run) -> Parts:
    """What a page says of runs of this kind."""
    if run.learner != GRASP:
        return CODES
    from .report_grasps import GRASPS

    return GRASPS


def tiles(rows: list[Row], heads: tuple[str, ...], seen: dict[str, Any]) -> list[tuple[str, str]]:
    """What stands on top of the page: figures, and what they are."""
    shown = [(cells[0], label) for label, cells in rows if label.startswith(heads) and "whole" not in label]
    if "plan" in seen:
        planned = seen["plan"]
        share = planned.get("success", planned.get("success_rate"))
        shown.append((f"{100 * share:.0f} %", f"of {planned['episodes']:.0f} goal images reached"))
    return shown


def policies(agent: dict[str, Any] | None) -> list[tuple[str, str, float]]:
    """Each policy's name, the action that it prefers, and its selectivity; none where policies aren't counted."""
    if agent is None or "policy_selectivity" not in agent:
        return []
    return list(zip(policy_names(agent), agent["prefers"], agent["policy_selectivity"], strict=True))


def _complete(run: Run) -> None:
    """Evaluate, and plan with, a finished run where ``metrics.json`` doesn't say yet how that went."""
    known = run.read_metrics()
    if not set(DEFAULT_METRICS) <= set(known.get("evaluation", ())):
        run.write_metrics(evaluation=work.measure(run, run.load(), work.Measuring(DEFAULT_METRICS)))
    if "plan" not in known and hasattr(learner_module(run.learner), "plan"):
        run.write_metrics(plan=work.plan(run, run.load(), EPISODES, 0)[0])


def comparison(runs: dict[str, Run], numbers: Numbers) -> list[Row]:
    """The rows of the table of codes; see `filled`."""
    read = {name: _of_factors(runs[name], one["evaluation"]) for name, one in numbers.items()}
    factors = dict.fromkeys(factor for found in read.values() for factor in found["single"])
    numbers = {name: {**one, "read": read[name]} for name, one in numbers.items()}
    asked: list[tuple[str, tuple[str, ...]]] = [
        *((f"R² of {factor} from its best single latent", ("read", "single", factor)) for factor in factors),
        *((f"R² of {factor} from the whole code", ("read", "linear", factor)) for factor in factors),
        ("MIG", ("evaluation", "mig", "score")),
        ("DCI disentanglement", ("evaluation", "dci", "disentanglement")),
        ("DCI completeness", ("evaluation", "dci", "completeness")),
        ("DCI informativeness", ("evaluation", "dci", "informativeness")),
        ("FactorVAE score", ("evaluation", "factor_vae", "score")),
        ("reconstruction, nats an image", ("evaluation", "reconstruction", "nats")),
        ("squared error of a pixel and channel", ("evaluation", "reconstruction", "squared")),
        ("KL of an image's posterior, nats", ("evaluation", "reconstruction", "kl")),
        ("selectivity, mean over policies", ("evaluation", "agent", "selectivity")),
        ("selectivity of the best actions for this code", ("evaluation", "agent", "selectivity_ceiling")),
        ("information of policy and outcome, nats", ("evaluation", "agent", "information")),
        ("the most that so many policies can have, nats", ("evaluation", "agent", "information_ceiling")),
        ("policies that are one direction's own (diagonal mass)", ("evaluation", "agent", "diagonal_mass")),
        ("outcomes possible in a state that some option has", ("evaluation", "agent", "coverage")),
        ("share of its one factor in what a skill's component has", ("evaluation", "agent", "component_mass")),
        ("information of skill and all that it changes, nats", ("evaluation", "agent", "skill_information")),
        ("options whose end is foretold right", ("evaluation", "agent", "option_prediction_right")),
        ("effects of single actions that a policy has", ("evaluation", "agent", "modes_found")),
        ("effects of single actions that there are", ("evaluation", "agent", "modes")),
        ("agreement of latent changes and effects (NMI)", ("evaluation", "agent", "agreement")),
        *(
            (f"{what} of set {name}", ("evaluation", "agent", f"{number}_{name}"))
            for number, what in SETS.items()
            for name in ("x", "y")
        ),
        ("where it is, R², read from z", ("evaluation", "agent", "place_from_z")),
        ("where it is, R², read from w", ("evaluation", "agent", "place_from_w")),
        ("which set it is, accuracy, read from z", ("evaluation", "agent", "content_from_z")),
        ("which set it is, accuracy, read from w", ("evaluation", "agent", "content_from_w")),
        ("goal images reached", ("plan", "success")),
        ("episodes that end in the goal", ("plan", "success_rate")),
        ("percentage of the steps in the goal", ("plan", "goal_time")),
        ("goal images that a way leads to", ("plan", "reachable")),
        ("steps taken / shortest path", ("plan", "steps_ratio")),
        ("training seconds", ("train_seconds",)),
    ]
    return filled(asked, numbers)


def filled(asked: Sequence[tuple[str, tuple[str, ...]]], numbers: Numbers) -> list[Row]:
    """Rows of what is asked for, by its path in a run's numbers; those that no run has are left out."""
    rows = [(label, [_text(_dig(one, path)) for one in numbers.values()]) for label, path in asked]
    return [(label, cells) for label, cells in rows if set(cells) != {"–"}]


def _of_factors(run: Run, evaluation: dict[str, Any]) -> dict[str, dict[str, float]]:
    """R² of every factor that a run's code was held against, by its name."""
    names = work.held_against(run, evaluation)
    return {part: dict(zip(names, evaluation["r2"][part], strict=True)) for part in ("single", "linear")}


def _dig(tree: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def _text(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.0f}" if value >= 10 or isinstance(value, int) else f"{value:.3f}"


CODES = Parts(
    title=lambda run: run.learner,
    complete=_complete,
    album=Album,
    rows=comparison,
    heads=("R² of",),
    explained=(
        "R², MIG, DCI and the FactorVAE score go from 0 (nothing of it) to 1 (all of it), on freshly drawn states. A "
        "small maze has few places, so the training has met the same ones: informativeness says little here."
    ),
    metrics=DEFAULT_METRICS,
)
