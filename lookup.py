"""Names on the command line are file names: what lies in a package's folder is what can be asked for."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from .errors import UnknownNameError


def names(package: str) -> list[str]:
    """Names of the public modules and sub-packages of ``package`` (dotted name, below ``unbraid``), sorted."""
    folder = importlib.import_module(f"unbraid.{package}").__path__
    return sorted(module.name for module in pkgutil.iter_modules(folder) if not module.name.startswith("_"))


def load(package: str, name: str, kind: str) -> ModuleType:
    """Import the module ``name`` of ``package``.

    Raises:
        UnknownNameError: No such module; ``kind`` ("metric", "objective", ...) says in the message what was meant.
    """
    known = names(package)
    if name not in known:
        raise UnknownNameError(kind, name, known)
    return importlib.import_module(f"unbraid.{package}.{name}")
