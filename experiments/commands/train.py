"""Train a learner in a world and keep the run in a folder."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field, make_dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ... import lookup
from ...errors import InputError
from ..runs import FILE, GRASP, RECORDED, How, Run, create, learner_module, learner_names
from ._options import DEFAULT_ENV, env_options, parse, print_json


@dataclass(frozen=True)
class Options:
    """Where to train and where to keep the run.

    Args:
        env: Environment: ID, or MODULE:ID for any package's.
        env_options: Options of the environment, NAME=VALUE each, as in goal=true.
        images: Learn from these instead of an environment: an .npy file of uint8 images (n, H, W) or (n, H, W, C).
        data: Learn from this recording instead of acting in an environment: an HDF5 file that unbraid collect wrote.
        seed: Of weights, data and noise.
        out: Folder of the run; by default runs/LEARNER-SEED.
        device: auto, cpu or cuda.
        precision: 32, or bf16: forward passes in bfloat16 where that is safe; weights stay float32.
        compile: Compile the step into one program; it takes minutes to build, for long trainings.
        ensemble: Train so many seeds, from --seed on, as one batched program, a run each in the folder.
        vary: Train several values of a coefficient of the objective as one batched program, as in beta=1,4,16; one
            that may be any number, not a whole number or a name.
        checkpoint_every: Steps from one checkpoint to the next.
        resume: Go on from the last checkpoint in the folder; begin where there is none.
        overwrite: Replace the run in the folder.
        json: Print the run's numbers as one JSON object.
    """

    env: str = DEFAULT_ENV
    env_options: tuple[str, ...] = ()
    images: Path | None = None
    data: Path | None = None
    seed: int = 0
    out: Path | None = None
    device: str = "auto"
    precision: Literal["32", "bf16"] = "32"
    compile: bool = False
    ensemble: int = 1
    vary: str = ""
    checkpoint_every: int = 250
    resume: bool = False
    overwrite: bool = False
    json: bool = False


def main(argv: Sequence[str]) -> None:
    """``unbraid train LEARNER [OPTIONS]``."""
    if not argv or argv[0] in ("-h", "--help"):
        if not argv:
            raise InputError(f"train what? known learners: {', '.join(learner_names())}")
        print("usage: unbraid train LEARNER [OPTIONS]     (each has its own: unbraid train icf --help)\n")
        for name in learner_names():
            print(f"  {name:15s} {lookup.first_line(learner_module(name))}")
        return
    learner, options, config = _parse(argv[0].replace("-", "_"), argv[1:])
    _check(options)
    if learner in (GRASP, RECORDED) and options.data is None:
        made = "collection: give --data FILE.h5, made with unbraid collect grasp"
        made = made if learner == GRASP else "recording: give --data FILE.h5, made with unbraid collect"
        raise InputError(f"{learner} learns from a {made}")
    folder = options.out or Path("runs") / f"{learner}-{options.seed}"
    env = options.env if options.images is None else f"{FILE}{options.images.resolve()}"
    run = Run(folder, learner, env, env_options(options.env_options), options.seed, config)
    run = _recorded(run, options.data) if options.data is not None else run
    runs = _members(run, options) if _together(options) else [run]
    _train(folder, runs, options)
    if options.json:
        found = [{"out": str(one.folder), **one.read_metrics()} for one in runs]
        print_json(found[0] if len(runs) == 1 else {"members": found})
        return
    for one in runs:
        after = f"; next: unbraid evaluate {one.folder}, unbraid report {one.folder}" if options.images is None else ""
        print(f"the run is in {one.folder}{after}")


def _recorded(run: Run, path: Path) -> Run:
    """The run with its environment as a recording says it."""
    if run.learner == GRASP:
        return replace(run, env="unbraid.envs:unbraid/Grasp-v0", data=str(path.resolve()))
    from ...representation.recorded import Recording

    found = Recording(path, 1, 0)
    return replace(
        run, env=found.env, env_options=found.env_options, data=str(path.resolve()), others=tuple(found.others)
    )


def _check(options: Options) -> None:
    """Raise `InputError` where options contradict each other."""
    if options.resume and options.overwrite:
        raise InputError("--resume goes on with the run and --overwrite replaces it: give one of them")
    if options.checkpoint_every < 1:
        raise InputError(f"--checkpoint-every must be at least 1, not {options.checkpoint_every}")
    if options.images is not None and options.env != DEFAULT_ENV:
        raise InputError("--images are learnt from instead of an environment: give one of --images and --env")
    if options.data is not None and (options.images or options.env_options or options.env != DEFAULT_ENV):
        raise InputError("--data says which environment it is of: give no --env, --env-options or --images beside it")


def _together(options: Options) -> bool:
    return options.ensemble != 1 or bool(options.vary)


def _train(folder: Path, runs: list[Run], options: Options) -> None:
    """Train the runs, as one program where they are an ensemble, unless they are finished."""
    from .. import work

    how = How(options.device, options.precision, options.compile, options.checkpoint_every)
    prepared = [work.prepare(one, options.device) for one in runs]  # what can be wrong is said before folders are made
    joined = work.join(runs, prepared, options.vary.partition("=")[0]) if _together(options) else None
    if create(folder, runs, options.resume, options.overwrite):
        if joined is None:
            work.train(runs[0], prepared[0], how)
        else:
            work.train_together(runs, joined, how)


def _members(run: Run, options: Options) -> list[Run]:
    """The runs of an ensemble, in folders named after what differs."""
    if options.ensemble < 1:
        raise InputError(f"--ensemble must be at least 1, not {options.ensemble}")
    if options.precision != "32":
        raise InputError("--ensemble and --vary train in --precision 32")
    if options.ensemble > 1 and options.vary:
        raise InputError("--ensemble trains several seeds and --vary several values: give one of them")
    if not options.vary:
        seeds = range(run.seed, run.seed + options.ensemble)
        return [replace(run, folder=run.folder / f"seed-{seed}", seed=seed) for seed in seeds]
    name, _, values = options.vary.partition("=")
    objective = getattr(run.config, "objective", None)
    if objective is None or not isinstance(getattr(objective, name, None), float):
        known = [field for field, value in vars(objective).items() if isinstance(value, float)] if objective else []
        raise InputError(f"--vary {options.vary!r}: NAME=V1,V2,... of a coefficient; here {', '.join(known) or 'none'}")
    try:
        numbers = [float(value) for value in values.split(",")]
    except ValueError:
        raise InputError(f"--vary {options.vary!r}: {values!r} is not a list of numbers, as in {name}=1,4,16") from None
    folders = [run.folder / f"{name}-{value:.12g}" for value in numbers]
    if len(set(folders)) < len(folders):
        raise InputError(f"--vary {options.vary!r}: a value is given twice; --ensemble trains several seeds")
    try:
        configs = [replace(run.config, objective=replace(objective, **{name: value})) for value in numbers]
    except ValueError as error:
        raise InputError(f"--vary {options.vary!r}: {error}") from None
    return [replace(run, folder=folder, config=config) for folder, config in zip(folders, configs, strict=True)]


def _parse(learner: str, argv: Sequence[str]) -> tuple[str, Options, Any]:
    config_type = learner_module(learner).Config
    rest, description = list(argv), f"Train {learner!r}."
    typed: list[Any] = [("training", Options, field(default_factory=Options))]
    if "objective" in config_type.__dataclass_fields__:
        first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        first.add_argument("--objective", default="beta")
        chosen, rest = first.parse_known_args(argv)
        from ...representation.objectives import names
        from ...representation.objectives import objective as found

        objective, known = found(chosen.objective).Config, ", ".join(names())
        taken = set(getattr(objective, "__dataclass_fields__", ())) & {
            *Options.__dataclass_fields__,
            *config_type.__dataclass_fields__,
        }
        if taken:
            raise InputError(
                f"objective {chosen.objective!r} calls a coefficient {', '.join(sorted(taken))}, which is an option of "
                "train already: choose another name"
            )
        description += f" --objective NAME chooses the objective ({known}; now {chosen.objective}) and its options."
        config_type = make_dataclass(
            "Config", [("objective", objective, field(default_factory=objective))], bases=(config_type,), frozen=True
        )
    typed.append((learner, config_type, field(default_factory=config_type)))
    given: Any = parse(make_dataclass("Train", typed), rest, f"train {learner}", description)
    return learner, given.training, learner_module(learner).Config(**vars(getattr(given, learner)))
