"""The whole path: train an agent and a VAE in a maze, measure, plan, report."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import InputError
from ._options import DEFAULT_ENV, parse, print_json


@dataclass(frozen=True)
class Options:
    """The demo's few choices.

    Args:
        seed: Of everything.
        out: Folder of the run.
        steps: Optimiser steps of the agent; by default its own. The VAE takes as many.
        device: auto, cpu or cuda.
        resume: Go on where an interrupted demo stopped; a finished one is only measured and drawn again.
        overwrite: Replace the run in the folder.
        json: Print one JSON object.
    """

    seed: int = 0
    out: Path = Path("runs/demo")
    steps: int | None = None
    device: str = "auto"
    resume: bool = False
    overwrite: bool = False
    json: bool = False


def main(argv: Sequence[str]) -> None:
    """``unbraid demo [OPTIONS]``."""
    options = parse(Options, argv, "demo", __doc__)
    if options.resume and options.overwrite:
        raise InputError("--resume goes on with the run and --overwrite replaces it: give one of them")
    from ..report import write_report
    from ..runs import Run, learner_module

    def run_of(learner: str, folder: Path, **settings: Any) -> Run:
        config = learner_module(learner).Config()
        return Run(folder, learner, DEFAULT_ENV, {}, options.seed, dataclasses.replace(config, **settings))

    steps = {} if options.steps is None else {"steps": options.steps}
    agent = run_of("icf", options.out, **steps)
    vae = run_of("vae", options.out / "vae", steps=agent.config.steps)
    started = time.perf_counter()
    for name, run in (("the agent", agent), ("a beta-VAE, for comparison", vae)):
        _say(f"training {name}: {run.config.steps} steps in {run.folder}")
        _train(run, options)
        _say("measuring what it found")
        _measure(run)
    _say("drawing the report")
    path = write_report(agent, {"beta-VAE": vae})
    _print(agent, vae, path, time.perf_counter() - started, options.json)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _train(run: Any, options: Options) -> None:
    from .. import work
    from ..runs import How

    prepared = work.prepare(run, options.device)
    if run.create(options.resume, options.overwrite):
        work.train(run, prepared, How(options.device))


def _measure(run: Any) -> None:
    """Afresh, also where an earlier demo has measured: the figures are of this code."""
    from .. import work
    from ..report import DEFAULT_METRICS, EPISODES
    from ..runs import learner_module

    learner = run.load()
    run.write_metrics(evaluation=work.measure(run, learner, work.Measuring(DEFAULT_METRICS)))
    if hasattr(learner_module(run.learner), "plan"):
        run.write_metrics(plan=work.plan(run, learner, EPISODES, run.seed)[0])


def _print(agent: Any, vae: Any, path: Path, seconds: float, as_json: bool) -> None:
    numbers = {"icf": agent.read_metrics(), "beta-VAE": vae.read_metrics()}
    if as_json:
        print_json({"report": str(path), "seconds": seconds, **numbers})
        return
    from rich.console import Console
    from rich.table import Table

    from ..report import comparison, policies

    table = Table("", *numbers, title="found without labels or reward, checked against the truth", title_justify="left")
    for label, cells in comparison({"icf": agent, "beta-VAE": vae}, numbers):
        table.add_row(label, *cells)
    Console().print(table)
    for policy, action, _ in policies(numbers["icf"]["evaluation"]["agent"]):
        print(f"to {policy}, the agent prefers: {action}")
    print(f"done in {seconds:.0f} s; the report: {path.resolve()}")
