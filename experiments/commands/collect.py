"""Record transitions of a world, or images of it, for learners that plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ...errors import InputError
from ._options import env_options, parse


@dataclass(frozen=True)
class Options:
    """What to record, and where to.

    Args:
        world: planar, or an environment's ID; MODULE:ID for any package's.
        out: The HDF5 file; sets are added to it one after the other.
        set: x: transitions, of an action drawn uniformly. y: images alone, of the world seen otherwise. pairs: states
            seen both ways.
        name: Of the set in the file; by default x, y or pairs.
        rows: How many.
        env_options: Of the environment, NAME=VALUE each, as in sigma=1.
        other_options: How the world is seen otherwise, as in content=disc; for planar by default content=y.
        states: reset: as episodes begin; uniform: every factor drawn anywhere in its range.
        seed: Of all draws.
        workers: Processes side by side.
        backend: What runs them, of joblib: loky, ray or dask.
        overwrite: Replace a set of that name.
    """

    world: Annotated[str, tyro.conf.Positional] = "planar"
    out: Path = Path("planar.h5")
    set: Literal["x", "y", "pairs"] = "x"
    name: str = ""
    rows: int = 8000
    env_options: tuple[str, ...] = ()
    other_options: tuple[str, ...] = ()
    states: Literal["reset", "uniform"] = "reset"
    seed: int = 0
    workers: int = 1
    backend: Literal["loky", "ray", "dask"] = "loky"
    overwrite: bool = False


def main(argv: Sequence[str]) -> None:
    """``unbraid collect planar --set x|y|pairs --out FILE.h5 [OPTIONS]``."""
    options = parse(Options, argv, "collect", __doc__)
    for name in ("rows", "workers"):
        if getattr(options, name) < 1:
            raise InputError(f"--{name} must be at least 1, not {getattr(options, name)}")
    from ..collecting import KIND, Asked, collect

    planar = options.world == "planar"
    other = env_options(options.other_options) or ({"content": "y"} if planar else {})
    if options.set != "x" and not other:
        raise InputError(f"--set {options.set} needs --other-options: how the world is seen otherwise")
    asked = Asked(
        "unbraid.envs:unbraid/Planar-v0" if planar else options.world,
        env_options(options.env_options),
        KIND[options.set],
        other if options.set != "x" else {},
        options.seed,
        options.states,
    )
    collect(
        asked,
        options.rows,
        options.out,
        options.name or options.set,
        options.workers,
        options.backend,
        options.overwrite,
    )
    print(f"{options.rows} rows of {asked.kind} are in {options.out}, set {options.name or options.set!r}")
