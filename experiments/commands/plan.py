"""Let a trained agent reach goal images, or hold objects, and count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from ...errors import InputError
from ._options import env_options, flat_rows, parse, print_json, print_table, refuse, working

if TYPE_CHECKING:
    from ..runs import Run


@dataclass(frozen=True)
class Options:
    """What to plan with.

    Args:
        run: Folder of a trained run.
        encoder: In its place: whose codes to fit locally linear dynamics on, and to plan in. The folder of a run,
            whatever its learner; MODULE:NAME, a torch module, or a function from images to codes; or pca, of pixels.
        env: Of --encoder: the environment, ID or MODULE:ID; by default that of the run.
        rows: Of --encoder: transitions that dynamics are fitted to.
        states: Of --encoder: where these begin: reset, as episodes do, or uniform, anywhere in the factors' ranges.
        latents: Of --encoder pca: components.
        objects: Of grasp: train, novel, all, categories or names of objects, with commas between them; pybullet; or
            meshes, files or folders.
        trials: Of grasp: scenes, each with a grasp that fails to begin with.
        tries: Of grasp: how many grasps of a plan are carried out, at most, until one holds.
        out: Of grasp: a movie of the plans, .gif or .mp4, red while they fail and green where they hold.
        episodes: Pairs of a start and a goal image.
        max_steps: Actions an episode may take; by default 64, and 40 of dynamics_content and --encoder.
        seed: Of the pairs.
        search: Search ways among codes where that is possible; --no-search walks greedily.
        observe: Of dynamics_content, the set whose images are seen: x, y, ...
        planner: Of dynamics_content and --encoder: ilqr, cem, icem or mppi; by default ilqr, and cem for actions of a
            list. Of grasp: paper, the best of ten random directions at each try, cem, a full search for each, or
            random, any of ten directions; by default paper.
        horizon: Of dynamics_content and --encoder: actions planned ahead; by default 10.
        env_options: Of the environment, NAME=VALUE each, beside what the agent was trained with, as in first_level=5000
            for mazes that it has not seen.
        device: auto, cpu or cuda.
        json: Print one JSON object.
    """

    run: Annotated[Path | None, tyro.conf.Positional] = None
    encoder: str = ""
    env: str = ""
    rows: int = 8000
    states: Literal["reset", "uniform"] = "reset"
    latents: int = 10
    objects: str = "novel"
    trials: int = 42
    tries: int = 20
    out: Path | None = None
    episodes: int = 100
    max_steps: int | None = None
    seed: int = 0
    search: bool = True
    observe: str | None = None
    planner: str | None = None
    horizon: int | None = None
    env_options: tuple[str, ...] = ()
    device: str = "auto"
    json: bool = False


OF_GRASP = ("objects", "trials", "tries", "out")
OF_OTHERS = ("rows", "states", "latents", "episodes", "max_steps", "search", "observe", "horizon", "env_options")


def main(argv: Sequence[str]) -> None:
    """``unbraid plan RUN [OPTIONS]``, or ``unbraid plan --encoder RUN_OR_MODULE:NAME --env ID [OPTIONS]``."""
    options = parse(Options, argv, "plan", __doc__)
    how = {name: getattr(options, name) for name in ("max_steps", "observe", "planner", "horizon")}
    how = {name: value for name, value in how.items() if value is not None}
    how |= {} if options.search else {"search": False}
    for name in ("episodes", "max_steps", "horizon", "rows", "trials", "tries"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise InputError(f"--{name.replace('_', '-')} must be at least 1, not {value}")
    if (options.run is None) == (not options.encoder):
        raise InputError("give one of RUN and --encoder: with what to plan")
    numbers = _of_encoder(options, how) if options.run is None else _of_run(options, options.run, how)
    if options.json:
        print_json(dict(numbers))
    else:
        print_table(f"plans with {options.run or options.encoder}", flat_rows(dict(numbers)))


def _of_run(options: Options, folder: Path, how: dict[str, Any]) -> Mapping[str, Any]:
    from ...representation.training import pick_device
    from .. import work
    from ..runs import GRASP, open_run

    if options.env:
        raise InputError("--env goes with --encoder; a run is planned with where it was trained")
    run = open_run(folder)
    learner = run.load(pick_device(options.device))
    if run.learner == GRASP:
        return _grasps(options, run, learner)
    refuse(options, OF_GRASP, f"runs of {run.learner}")
    with working("walking to goal images"):
        numbers, _ = work.plan(run, learner, options.episodes, options.seed, env_options(options.env_options), **how)
    if not how and not options.env_options:
        run.write_metrics(plan=numbers)
    return numbers


def _grasps(options: Options, run: Run, learner: Any) -> Mapping[str, Any]:
    """Plan grasps, carry them out, and show them where that is asked for; those of novel objects are kept."""
    from ...agents.grasp import plan
    from ...agents.grasp.plan import TRIES
    from ..movies import check_ending

    if options.out is not None:
        check_ending(options.out)
    refuse(options, OF_OTHERS, "grasps")
    planner = options.planner or "paper"
    with working("grasping") as status:
        numbers, tried = plan(
            learner, options.objects, options.trials, options.seed, planner, options.tries,
            progress=lambda done: status.update(f"grasping, {done} of {options.trials}"),
        )  # fmt: skip
    if options.objects == "novel" and options.tries == TRIES:
        run.write_metrics(plans={**run.read_metrics().get("plans", {}), planner: numbers})
    if options.out is not None:
        from ...agents.grasp.plan import pictures
        from ...envs.grasp.scene import Scene
        from ..movies import captioned, write_movie

        with Scene() as scene:
            write_movie(options.out, captioned(*pictures(scene, tried)), fps=2)
    return numbers


def _of_encoder(options: Options, how: dict[str, Any]) -> Mapping[str, Any]:
    from ...representation.training import pick_device
    from ..encoders import PIXELS, plan
    from ..runs import CONFIG

    refuse(options, ("observe", "search", *OF_GRASP), "--encoder")
    if not options.env and not (Path(options.encoder) / CONFIG).exists():
        raise InputError(f"--encoder {options.encoder} needs --env: the environment to plan in")
    if options.latents != 10 and options.encoder != PIXELS:
        raise InputError(f"--latents goes with --encoder {PIXELS}; other encoders have as many as they have")
    with working("fitting dynamics, and planning"):
        numbers, _ = plan(
            options.encoder,
            options.env,
            env_options(options.env_options),
            options.episodes,
            options.seed,
            options.rows,
            options.latents,
            pick_device(options.device),
            states=options.states,
            **how,
        )
    return numbers
