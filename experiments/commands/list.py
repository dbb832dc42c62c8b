"""Show what there is: environments, learners, objectives, metrics, networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import InputError
from ._options import parse, print_json, print_table


@dataclass(frozen=True)
class Options:
    """What to show.

    Args:
        env: Also list the environments of these modules, as in their_pkg.
        json: Print one JSON object.
    """

    env: tuple[str, ...] = ()
    json: bool = False


def main(argv: Sequence[str]) -> None:
    """``unbraid list [OPTIONS]``."""
    options = parse(Options, argv, "list", __doc__)
    found = everything(options.env)
    if options.json:
        print_json(found)
    else:
        worlds = found.pop("worlds")
        found["envs"] = by_family(worlds)
        print_table("what there is", [(kind, "\n".join(names)) for kind, names in found.items()])


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
