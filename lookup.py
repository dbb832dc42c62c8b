"""Names on the command line are file names: what lies in a package's folder is what can be asked for.

A user's own file is named ``module:name``: the file ``name.py`` in the folder (or package) ``module``; a file beside
them is ``name:name``.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Any

from .errors import InputError, UnknownNameError


def names(package: str) -> list[str]:
    """Names of the public modules and sub-packages of ``package`` (dotted name, below ``unbraid``), sorted."""
    folder = importlib.import_module(f"unbraid.{package}").__path__
    return sorted(module.name for module in pkgutil.iter_modules(folder) if not module.name.startswith("_"))


def folders(package: str) -> list[str]:
    """Names of its public sub-packages, sorted."""
    folder = importlib.import_module(f"unbraid.{package}").__path__
    return sorted(part.name for part in pkgutil.iter_modules(folder) if part.ispkg and not part.name.startswith("_"))


def load(package: str, name: str, kind: str) -> Any:
    """Import the module ``name`` of ``package``, or a user's own ``module:name``.

    Raises:
        UnknownNameError: No such module; ``kind`` ("metric", "objective", ...) says in the message what was meant.
        InputError: ``module:name`` can't be imported.
    """
    if ":" in name:
        return _load_own(name, kind)
    known = names(package)
    if name not in known:
        raise UnknownNameError(kind, name, known)
    return importlib.import_module(f"unbraid.{package}.{name}")


def first_line(module: ModuleType) -> str:
    """What a module says of itself in its first line."""
    return str(module.__doc__).partition("\n")[0]


def _load_own(given: str, kind: str) -> Any:
    module, _, name = given.partition(":")
    try:
        found = importlib.import_module(module)
        if module == name:
            return found
        return getattr(found, name) if hasattr(found, name) else importlib.import_module(f"{module}.{name}")
    except Exception as error:  # whatever a user's file raises
        what = error if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
        raise InputError(
            f"{kind} {given!r} can't be imported ({what}); MODULE:NAME is NAME in a MODULE that Python finds here"
        ) from None
