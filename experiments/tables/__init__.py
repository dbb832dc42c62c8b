"""The papers' tables, one file each; the file's name is the table's, and a user's own is ``module:name``.

A file offers

- its docstring: the title in the first line, then the paper's set-up and all that differs from it, which is printed;
- ``SCALES``: a `Scale` for each of smoke (seconds), cpu (minutes to an hour or so on two cores) and paper (the paper's
  own, on a GPU);
- ``NUMBERS``: what a row may hold, each number's name with what it is and its unit;
- ``PAPER``: the paper's values, where it prints them, by (label, number);
- ``jobs(scale)``: a list of `Job`, all independent;
- ``run(job, folder)``: trains and measures one job and returns its numbers; files that figures need go into the folder;
- ``figures(done)``: name -> figure, drawn from all that is done.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from ... import lookup
from ...errors import InputError
from ._jobs import Done, Job, Numbers, Scale

__all__ = ["Done", "Job", "Numbers", "Scale", "Table", "names", "table"]

PACKAGE = "experiments.tables"
PARTS = ("SCALES", "NUMBERS", "PAPER", "jobs", "run", "figures")


class Table(NamedTuple):
    """What a table's file offers, found once."""

    name: str
    about: str
    scales: Mapping[str, Scale]
    numbers: Mapping[str, str]
    paper: Mapping[tuple[str, str], float]
    jobs: Callable[[Scale], list[Job]]
    run: Callable[[Job, Path], Numbers]
    figures: Callable[[list[Done]], dict[str, Any]]

    @property
    def title(self) -> str:
        """The first line of what is said of it."""
        return self.about.partition("\n")[0]


def names() -> dict[str, str]:
    """Every table and its title, without importing any."""
    folder = files(f"unbraid.{PACKAGE}")
    texts = {name: folder.joinpath(f"{name}.py").read_text(encoding="utf-8") for name in lookup.names(PACKAGE)}
    return {name: (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0] for name, text in texts.items()}


def table(name: str) -> Table:
    """The table of that name, ours or a user's ``module:name``.

    Raises:
        UnknownNameError: There is none.
        InputError: The user's file can't be imported, or lacks a part.
    """
    file = lookup.load(PACKAGE, name, "table")
    missing = [part for part in PARTS if not hasattr(file, part)]
    if missing:
        raise InputError(f"table {name!r} lacks {', '.join(missing)}: its file must define {', '.join(PARTS)}")
    return Table(name, (file.__doc__ or name).strip(), *(getattr(file, part) for part in PARTS))
