"""What the commands do, as functions: train a run, measure it, plan with it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from ..errors import InputError
from ..representation import metrics as scores
from ..representation.data import draw_states
from ..representation.ensemble import Ensemble, EnsembleData
from ..representation.training import CHECKPOINT, FitOptions, fit, pick_device
from .runs import How, Run, learner_module

METRIC_POINTS = 3000
METRIC_SEED = 1_000_003  # states for the metrics come from other seeds than training's


class Prepared(NamedTuple):
    """An untrained learner and its data."""

    learner: Any
    data: Any


def prepare(run: Run, device: str = "auto") -> Prepared:
    """What a run trains, from scratch; nothing is written.

    Raises:
        InputError: No such environment, device or network; or an environment that the learner can't be trained in.
    """
    module = learner_module(run.learner)
    env = run.source(run.config.batch_size, pick_device(device))
    learner = module.build(run.config, env, torch.Generator().manual_seed(run.seed))
    return Prepared(learner, module.data(run.config, env, run.seed))


def train(run: Run, prepared: Prepared, how: How) -> None:
    """Train (or go on training) in the run's folder, which is there; the weights are written at the end."""
    started = time.perf_counter()
    fit(prepared.learner, prepared.data, fit_options(run, how, f"{run.learner}, seed {run.seed}"), run.folder)
    run.save(prepared.learner)
    run.write_metrics(train_seconds=time.perf_counter() - started)


def train_together(runs: list[Run], prepared: list[Prepared], how: How, vary: str = "", afresh: bool = False) -> None:
    """Train runs that differ in their seed, or in the coefficient ``vary``, as one batched program.

    Each run's weights end up in its own folder; scalars and the checkpoint lie in the folder above.

    Args:
        runs: Their folders are there, side by side.
        prepared: Their learners and data.
        how: How to train.
        vary: Name of the coefficient.
        afresh: Delete an earlier ensemble's checkpoint.
    """
    folder, seeds = runs[0].folder.parent, [run.seed for run in runs]
    if afresh:
        (folder / CHECKPOINT).unlink(missing_ok=True)
    started = time.perf_counter()
    ensemble = Ensemble([one.learner for one in prepared], [vary] if vary else [])
    data = EnsembleData([one.data for one in prepared], seeds, pick_device(how.device))
    fit(ensemble, data, fit_options(runs[0], how, f"{len(runs)} x {runs[0].learner}"), folder)
    seconds = time.perf_counter() - started
    for run, member in zip(runs, ensemble.members(), strict=True):
        run.save(member)
        run.write_metrics(train_seconds=seconds / len(runs), trained_together=len(runs))


def fit_options(run: Run, how: How, title: str) -> FitOptions:
    """How a run is trained; the title stands beside the progress bar."""
    config = run.config
    decay = getattr(config, "weight_decay", 0.0)
    return FitOptions(config.steps, config.learning_rate, weight_decay=decay, seed=run.seed, title=title, **vars(how))


@dataclass(frozen=True)
class Measuring:
    """How a code is measured.

    Args:
        names: Of the metrics.
        seed: Of the states and of metrics that draw at random.
        points: How many states.
        protocol: See `metrics.evaluate`.
        bootstrap: See `metrics.evaluate`.
    """

    names: Sequence[str]
    seed: int = 0
    points: int = METRIC_POINTS
    protocol: str | None = None
    bootstrap: int = 0


def measure(run: Run, learner: Any, how: Measuring) -> dict[str, Any]:
    """Metrics of a trained learner's code on fresh states, and what its own module measures."""
    run.require_world()
    images, factors = draw_states(
        run.env, how.points, METRIC_SEED + how.seed, next(learner.parameters()).device, **run.env_options
    )
    codes = torch.cat([learner.encode(part) for part in torch.split(images, 512)])
    numbers: dict[str, Any] = scores.evaluate(
        how.names, codes.cpu(), factors.cpu(), seed=how.seed, protocol=how.protocol, bootstrap=how.bootstrap
    )
    module = learner_module(run.learner)
    if hasattr(module, "evaluate"):
        numbers["agent"] = module.evaluate(learner, run.env, METRIC_SEED + how.seed, **run.env_options)
    return numbers


def plan(run: Run, learner: Any, episodes: int, seed: int, max_steps: int = 64) -> tuple[dict[str, Any], Any]:
    """Goal reaching with a trained agent; `InputError` for a learner that doesn't act."""
    run.require_world()
    module = learner_module(run.learner)
    if not hasattr(module, "plan"):
        raise InputError(f"{run.folder} holds a {run.learner!r}, which doesn't act; plan with an agent, such as icf")
    numbers, trip = module.plan(learner, run.env, episodes, seed, max_steps, **run.env_options)
    return numbers, trip
