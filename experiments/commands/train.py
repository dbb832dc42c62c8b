"""Train a learner in a world and keep the run in a folder."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import Any

from ... import lookup
from ...errors import InputError
from ..runs import Run, learner_module, learner_names
from ._options import DEFAULT_ENV, env_options, parse, print_json


@dataclass(frozen=True)
class Options:
    """Where to train and where to keep the run.

    Args:
        env: Environment: ID, or MODULE:ID for any package's.
        env_options: Options of the environment, NAME=VALUE each, as in goal=true.
        seed: Of weights, data and noise.
        out: Folder of the run; by default runs/LEARNER-SEED.
        device: auto, cpu or cuda.
        checkpoint_every: Steps from one checkpoint to the next.
        resume: Go on from the last checkpoint in the folder.
        overwrite: Replace the run in the folder.
        json: Print the run's numbers as one JSON object.
    """

    env: str = DEFAULT_ENV
    env_options: tuple[str, ...] = ()
    seed: int = 0
    out: Path | None = None
    device: str = "auto"
    checkpoint_every: int = 250
    resume: bool = False
    overwrite: bool = False
    json: bool = False


def main(argv: Sequence[str]) -> None:
    """``unbraid train LEARNER [OPTIONS]``."""
    if not argv or argv[0] in ("-h", "--help"):
        if not argv:
            raise InputError(f"train what? known learners: {', '.join(learner_names())}")
        print(
            f"usage: unbraid train {{{','.join(learner_names())}}} [OPTIONS]     (each has its own: train icf --help)"
        )
        return
    learner, options, config = _parse(argv[0], argv[1:])
    if options.resume and options.overwrite:
        raise InputError("--resume goes on with the run and --overwrite replaces it: give one of them")
    if options.checkpoint_every < 1:
        raise InputError(f"--checkpoint-every must be at least 1, not {options.checkpoint_every}")
    folder = options.out or Path("runs") / f"{learner}-{options.seed}"
    run = Run(folder, learner, options.env, env_options(options.env_options), options.seed, config)

    from .. import work

    prepared = work.prepare(run, options.device)  # what can be wrong is said before a folder is made
    if run.create(options.resume, options.overwrite):
        work.train(run, prepared, options.device, options.checkpoint_every)
    if options.json:
        print_json({"out": str(folder), **run.read_metrics()})
    else:
        print(f"the run is in {folder}; next: unbraid evaluate {folder}, unbraid report {folder}")


def _parse(learner: str, argv: Sequence[str]) -> tuple[str, Options, Any]:
    config_type = learner_module(learner).Config
    rest, description = list(argv), f"Train {learner!r}."
    typed: list[Any] = [("options", Options, field(default_factory=Options))]
    if "objective" in config_type.__dataclass_fields__:
        first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        first.add_argument("--objective", default="beta")
        chosen, rest = first.parse_known_args(argv)
        objective = lookup.load("representation.objectives", chosen.objective, "objective").Config
        known = ", ".join(lookup.names("representation.objectives"))
        description += f" --objective NAME chooses the objective ({known}; now {chosen.objective}) and its options."
        config_type = make_dataclass(
            "Config", [("objective", objective, field(default_factory=objective))], bases=(config_type,), frozen=True
        )
    typed.append(("config", config_type, field(default_factory=config_type)))
    given: Any = parse(make_dataclass("Train", typed), rest, f"train {learner}", description)
    return learner, given.options, learner_module(learner).Config(**vars(given.config))
