"""Show what there is: environments, learners, objectives, metrics, networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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
        print_table("what there is", [(kind, "\n".join(names)) for kind, names in found.items()])


def everything(modules: Sequence[str] = ()) -> dict[str, Any]:
    """Names of all that can be asked for; environments as ``module:id``."""
    import gymnasium

    from ... import lookup
    from ...envs import import_module_of
    from ...representation.networks import NETWORKS
    from ..runs import learner_names

    envs = []
    for module in ("unbraid.envs", *modules):
        import_module_of(module)
        package = module.partition(".")[0]
        envs += [f"{module}:{id}" for id, spec in gymnasium.registry.items() if _origin(spec) == package]
    return {
        "envs": sorted(envs),
        "learners": learner_names(),
        "objectives": lookup.names("representation.objectives"),
        "metrics": lookup.names("representation.metrics"),
        "networks": sorted(NETWORKS),
    }


def _origin(spec: Any) -> str:
    """The package that an environment's own code is in."""
    return str(spec.kwargs.get("world", spec.entry_point)).partition(":")[0].partition(".")[0]
