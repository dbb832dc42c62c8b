"""How worlds get their ids, and how ``module:id`` becomes environments again."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any

import gymnasium
import torch

from ..errors import InputError, UnknownNameError
from .core import Factored, World


def register_world(id: str, world: str, max_episode_steps: int | None = None, **options: Any) -> None:
    """Give a world a Gymnasium id; third parties' packages call this just as ours does.

    Args:
        id: As in ``"Their/World-v0"``.
        world: Where its class is, as in ``"their_pkg.world:TheirWorld"``.
        max_episode_steps: Episodes are truncated after so many steps; None for never.
        options: Default options of the world.
    """
    gymnasium.register(
        id=id,
        entry_point="unbraid.envs.single:WorldEnv",
        vector_entry_point="unbraid.envs.vector:WorldVectorEnv",
        max_episode_steps=max_episode_steps,
        kwargs={"world": world, **options},
    )


def resolve_world(world: World[Any] | str, device: torch.device | str, options: dict[str, Any]) -> World[Any]:
    """The world itself, or a new one of the class that ``"module:Class"`` names."""
    if isinstance(world, World):
        return world
    kind = world_class(world)
    for option in options:
        if option not in kind.option_names():
            raise UnknownNameError(f"option of {kind.__name__}", option, kind.option_names())
    _check_types(kind, options)
    return kind(device=device, **options)


_TYPES: dict[Any, tuple[Any, str]] = {
    bool: (bool, "true or false"), int: (Integral, "a whole number"), float: (Real, "a number"), str: (str, "a string")
}  # fmt: skip


def _check_types(kind: type[World[Any]], options: dict[str, Any]) -> None:
    """Raise `ValueError` for an option that is stated as a truth value, a number or a string and is given as none."""
    stated = inspect.get_annotations(kind.options_class().__init__, eval_str=True)  # type: ignore[misc]
    for option, value in options.items():
        wanted, words = _TYPES.get(stated.get(option), (object, ""))
        if not isinstance(value, wanted) or (wanted in (Integral, Real) and isinstance(value, bool)):
            raise ValueError(f"option {option} of {kind.__name__} must be {words}, not {value!r}")


def world_class(world: str) -> type[World[Any]]:
    """The class that ``"module:Class"`` names."""
    module, _, name = world.partition(":")
    kind = getattr(importlib.import_module(module), name)
    if not (isinstance(kind, type) and issubclass(kind, World)):
        raise TypeError(f"{world} is no World")
    return kind


def find_spec(env: str) -> gymnasium.envs.registration.EnvSpec:
    """The registered spec of ``"id"`` or ``"module:id"`` (the module is imported, which registers its ids).

    Raises:
        UnknownNameError: No such id.
        InputError: No such module.
    """
    module, _, name = env.rpartition(":")
    import_module_of(module or "unbraid.envs")
    if name not in gymnasium.registry:
        raise UnknownNameError("env", name, gymnasium.registry)
    return gymnasium.spec(name)


def import_module_of(module: str) -> None:
    """Import a module that registers environments; `InputError` where there is none of that name."""
    try:
        importlib.import_module(module)
    except (ModuleNotFoundError, ValueError) as error:
        missing = getattr(error, "name", None) or module
        raise InputError(
            f"there is no module {missing!r} to take environments from; install the package that holds it"
        ) from None


@contextmanager
def _naming(env: str) -> Iterator[None]:
    """What an environment complains of, its options or a missing library, as an `InputError` that names it."""
    try:
        yield
    except InputError:
        raise
    except (TypeError, ValueError, gymnasium.error.Error) as error:
        said = str(error).partition(" was raised from the environment creator")[0]
        raise InputError(f"env {env!r}: {said}") from error


def make_single(env: str, **options: Any) -> Any:
    """One environment by ``"id"`` or ``"module:id"``; `InputError` where there is none, or its options are wrong."""
    spec = find_spec(env)
    with _naming(env):
        return gymnasium.make(spec, **options)


def make_factored(env: str, num_envs: int, device: torch.device | str = "cpu", **options: Any) -> Any:
    """A vector environment that is `Factored`, with tensors out and autoreset ``SAME_STEP``.

    A world runs as one native batch; any other `Factored` environment as Gymnasium's `SyncVectorEnv`.

    Args:
        env: An id, or ``"module:id"``.
        num_envs: How many copies.
        device: Where the observations are wanted.
        options: Options of the environment.

    Raises:
        InputError: No such environment, one that states no factors, or options that it doesn't take.
    """
    from .adapter import FactoredVector  # imports what most callers don't need

    spec = find_spec(env)
    with _naming(env):
        if spec.vector_entry_point == "unbraid.envs.vector:WorldVectorEnv":
            return gymnasium.make_vec(
                spec, num_envs, output="torch", autoreset_mode="SameStep", device=device, **options
            )
        probe = gymnasium.make(spec, **options)
        stated = isinstance(probe.unwrapped, Factored)
        probe.close()
        if not stated:
            raise InputError(
                f"env {env!r} states no factors; give it factors, get_factors(), set_factors() and observe()"
            )
        return FactoredVector(spec, num_envs, device, options)
