"""Record transitions of a world, or images of it, for learners that plan; or grasps, what came of them and views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ...errors import InputError
from ._options import env_options, parse, refuse


@dataclass(frozen=True)
class Options:
    """What to record, and where to.

    Args:
        world: planar, grasp, or an environment's ID; MODULE:ID for any package's.
        out: The HDF5 file, by default planar.h5 or grasps.h5; sets are added to it one after the other.
        set: x: transitions, of an action drawn uniformly. y: images alone, of the world seen otherwise. pairs: states
            seen both ways.
        name: Of the set in the file; by default x, y or pairs.
        rows: How many.
        env_options: Of the environment, NAME=VALUE each, as in sigma=1.
        other_options: How the world is seen otherwise, as in content=disc; for planar by default content=y.
        states: reset: as episodes begin; uniform: every factor drawn anywhere in its range.
        objects: Of grasp: train, novel, all, categories or names of objects, with commas between them; pybullet; or
            meshes, files or folders.
        trials: Of grasp: how many attempts.
        scene_trials: Of grasp: how many of them in a scene.
        demonstrations: Of grasp: a JSON file of grasps that people gave, from objects' names to lists of poses in their
            frames; of other objects they are sought.
        image_size: Of grasp: of views, pixels; our own nets see 64.
        seed: Of all draws.
        workers: Processes side by side.
        backend: What runs them, of joblib: loky, ray or dask.
        overwrite: Replace a set of that name, or a file of grasps.
    """

    world: Annotated[str, tyro.conf.Positional] = "planar"
    out: Path | None = None
    set: Literal["x", "y", "pairs"] = "x"
    name: str = ""
    rows: int = 8000
    env_options: tuple[str, ...] = ()
    other_options: tuple[str, ...] = ()
    states: Literal["reset", "uniform"] = "reset"
    objects: str = "train"
    trials: int = 20_000
    scene_trials: int = 25
    demonstrations: Path | None = None
    image_size: int = 64
    seed: int = 0
    workers: int = 1
    backend: Literal["loky", "ray", "dask"] = "loky"
    overwrite: bool = False


def main(argv: Sequence[str]) -> None:
    """``unbraid collect planar --set x|y|pairs --out FILE.h5 [OPTIONS]``."""
    options = parse(Options, argv, "collect", __doc__)
    for name in ("rows", "workers", "trials", "scene_trials", "image_size"):
        if getattr(options, name) < 1:
            raise InputError(f"--{name.replace('_', '-')} must be at least 1, not {getattr(options, name)}")
    idle = ("set", "name", "rows", "env_options", "other_options", "states")
    if options.world == "grasp":
        refuse(options, idle, "collections of grasps")
        _grasps(options)
        return
    refuse(
        options,
        ("objects", "trials", "scene_trials", "demonstrations", "image_size"),
        f"collections of {options.world}",
    )
    from ..collecting import KIND, Asked, collect

    out = options.out or Path("planar.h5")
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
        out,
        options.name or options.set,
        options.workers,
        options.backend,
        options.overwrite,
    )
    print(f"{options.rows} rows of {asked.kind} are in {out}, set {options.name or options.set!r}")


def _grasps(options: Options) -> None:
    """Collect grasps, and say how it went."""
    from ..grasps import Asked, collect

    out = options.out or Path("grasps.h5")
    given = str(options.demonstrations or "")
    asked = Asked(options.objects, options.trials, options.scene_trials, options.seed, options.image_size, given)
    made = collect(asked, out, options.workers, options.backend, options.overwrite)
    held, left = f"{made['success']:.1%} of which hold", len(made["left_out"])
    after = f"; objects left out: {left}" if left else ""
    print(f"{made['trials']} grasps, {held}, are in {out}; scenes: {made['scenes']}{after}")
