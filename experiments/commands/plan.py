"""Let a trained agent reach random goal images, and count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ...errors import InputError
from ._options import env_options, flat_rows, parse, print_json, print_table, working


@dataclass(frozen=True)
class Options:
    """What to plan with.

    Args:
        run: Folder of a trained run.
        episodes: Pairs of a start and a goal image.
        max_steps: Actions an episode may take; by default 64, and 40 of dynamics_content.
        seed: Of the pairs.
        search: Search ways among codes where that is possible; --no-search walks greedily.
        observe: Of dynamics_content, the set whose images are seen: x, y, ...
        planner: Of dynamics_content: ilqr, cem, icem or mppi; by default ilqr.
        horizon: Of dynamics_content: actions planned ahead; by default 10.
        env_options: Of the environment, NAME=VALUE each, beside what the agent was trained with, as in first_level=5000
            for mazes that it has not seen.
        device: auto, cpu or cuda.
        json: Print one JSON object.
    """

    run: Annotated[Path, tyro.conf.Positional]
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


def main(argv: Sequence[str]) -> None:
    """``unbraid plan RUN [OPTIONS]``."""
    options = parse(Options, argv, "plan", __doc__)
    how = {name: getattr(options, name) for name in ("max_steps", "observe", "planner", "horizon")}
    how = {name: value for name, value in how.items() if value is not None}
    for name in ("episodes", "max_steps", "horizon"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise InputError(f"--{name.replace('_', '-')} must be at least 1, not {value}")
    from ...representation.training import pick_device
    from .. import work
    from ..runs import open_run

    run = open_run(options.run)
    learner = run.load(pick_device(options.device))
    how |= {} if options.search else {"search": False}
    with working("walking to goal images"):
        numbers, _ = work.plan(run, learner, options.episodes, options.seed, env_options(options.env_options), **how)
    if not how and not options.env_options:
        run.write_metrics(plan=numbers)
    if options.json:
        print_json(dict(numbers))
    else:
        print_table(f"goal reaching with {options.run}", flat_rows(dict(numbers)))
