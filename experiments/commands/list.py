"""Show what there is: environments, learners, objectives, metrics, networks; or the objects to be grasped."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from ...errors import InputError
from ._options import parse, print_json, print_table


@dataclass(frozen=True)
class Options:
    """What to show.

    Args:
        what: all, or objects: those of the grasping worlds.
        env: Also list the environments of these modules, as in their_pkg.
        objects: Of objects: which, as in train, novel:cup, pybullet, or meshes: files or folders; by default the
            101.
        sheet: Of objects: draw all of them into this file, as in sheet.png.
        json: Print one JSON object.
    """

    what: Annotated[Literal["all", "objects"], tyro.conf.Positional] = "all"
    env: tuple[str, ...] = ()
    objects: str | None = None
    sheet: Path | None = None
    json: bool = False


def main(argv: Sequence[str]) -> None:
    """``unbraid list [objects] [OPTIONS]``."""
    options = parse(Options, argv, "list", __doc__)
    if options.what == "objects":
        _objects(options)
        return
    for name in ("objects", "sheet"):
        if getattr(options, name) is not None:
            raise InputError(f"--{name} goes with unbraid list objects")
    found = everything(options.env)
    if options.json:
        print_json(found)
    else:
        worlds = found.pop("worlds")
        found["envs"] = by_family(worlds)
        print_table("what there is", [(kind, "\n".join(names)) for kind, names in found.items()])


def _objects(options: Options) -> None:
    """Print objects, and draw them where that is asked for."""
    from ...envs.grasp import PARAMETERS, Instance

    found = _readable(options.objects)
    if options.sheet is not None:
        from ..solids import sheet

        try:
            options.sheet.parent.mkdir(parents=True, exist_ok=True)
            sheet(found).savefig(options.sheet, dpi=120)
        except (OSError, ValueError) as error:
            raise InputError(f"can't write {options.sheet}: {error}") from None
    about: dict[str, dict[str, Any]] = {}
    for one in found:
        size = one.solid.bounds[1] - one.solid.bounds[0]
        about[one.name] = {
            "size": size.round(4).tolist(),
            "mass": round(one.mass, 4),
            "friction": round(one.friction, 3),
        }
        if isinstance(one, Instance):
            parameters = dict(zip(PARAMETERS, one.parameters, strict=True))
            about[one.name] |= {"category": one.category, "parameters": parameters, "novel": one.novel}
    if options.json:
        print_json({"objects": about})
        return
    rows = []
    for name, said in about.items():
        size = " x ".join(f"{100 * side:.1f}" for side in said["size"])
        split = "" if "novel" not in said else ", novel" if said["novel"] else ", training"
        rows.append((name, f"{size} cm, {1000 * said['mass']:.0f} g, friction {said['friction']:.2f}{split}"))
    print_table("1 object" if len(rows) == 1 else f"{len(rows)} objects", rows)


def _readable(asked: str | None) -> list[Any]:
    """Objects; those that are none are named on stderr."""
    from ...envs.grasp import instances
    from ...envs.grasp.objects import things

    found = []
    for one in instances() if asked is None else things(asked):
        try:
            one.solid, one.mass, one.friction  # noqa: B018 (they are read here)
        except InputError as error:
            print(f"left out {one.name}: {error}", file=sys.stderr)
        else:
            found.append(one)
    if not found:
        raise InputError("none of these can be an object")
    return found


def everything(modules: Sequence[str] = ()) -> dict[str, Any]:
    """Names of all that can be asked for; environments as ``module:id``, and in ``worlds`` what is known of each."""
    import gymnasium

    from ... import lookup
    from ...envs import import_module_of
    from ..runs import learner_names

    worlds: dict[str, dict[str, Any]] = {}
    for module in ("unbraid.envs", *modules):
        import_module_of(module)
        package = module.partition(".")[0]
        for id, spec in list(gymnasium.registry.items()):
            code = _code_of(spec)
            if code.partition(":")[0].partition(".")[0] == package:
                worlds[f"{module}:{id}"] = {"family": code, **_describe(f"{module}:{id}", spec)}
    return {
        "envs": sorted(worlds),
        "worlds": dict(sorted(worlds.items())),
        "learners": learner_names(),
        "objectives": lookup.names("representation.objectives"),
        "metrics": lookup.names("representation.metrics"),
        "networks": lookup.names("representation.networks"),
    }


def by_family(worlds: dict[str, dict[str, Any]]) -> list[str]:
    """Lines for people: what a family is, and below it its environments with their numbers of factors."""
    families: dict[str, list[str]] = {}
    for name, world in worlds.items():
        count = "can't be made here" if world["factors"] is None else f"{world['factors']} factors"
        families.setdefault(world["family"], [world["about"]]).append(f"  {name} ({count})")
    return [line for lines in families.values() for line in lines]


def _code_of(spec: Any) -> str:
    """Where an environment's own code is, as ``"module:name"``."""
    code = spec.kwargs.get("world", spec.entry_point)
    return code if isinstance(code, str) else f"{code.__module__}:{getattr(code, '__name__', code)}"


def _describe(name: str, spec: Any) -> dict[str, Any]:
    """The first line of what is said of an environment, and how many factors it has; None where it can't be made."""
    from gymnasium.envs.registration import load_env_creator

    from ...envs import make_single

    code = spec.kwargs.get("world", spec.entry_point)
    about = (load_env_creator(code) if isinstance(code, str) else code).__doc__ or name
    try:
        env = make_single(name)
    except InputError:  # data or a library that isn't here
        return {"about": about.partition("\n")[0], "factors": None}
    factors = len(getattr(env.unwrapped, "factors", ()))
    env.close()
    return {"about": about.partition("\n")[0], "factors": factors}
