"""Options that several commands share, and how they are parsed and printed."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Sequence
from typing import Any, TypeVar

import tyro
import yaml

from ...errors import InputError

T = TypeVar("T")
SEED_BOUND = 2**32
DEFAULT_ENV = "unbraid.envs:unbraid/Maze-v0"


def parse(options: type[T], argv: Sequence[str], command: str, description: str | None = None) -> T:
    """The options dataclass, filled from the command line; ``--help`` prints it and exits with 0.

    Raises:
        InputError: Wrong arguments, in one line.
    """
    said = io.StringIO()
    config = (tyro.conf.OmitArgPrefixes,)
    try:
        with contextlib.redirect_stderr(said):
            given = tyro.cli(
                options, args=list(argv), prog=f"unbraid {command}", description=description, config=config
            )
    except SystemExit as stop:
        if stop.code:
            raise InputError(f"{command}: {_one_line(said.getvalue())}") from None
        raise
    seed = getattr(getattr(given, "training", given), "seed", 0)
    if not 0 <= seed < SEED_BOUND:
        raise InputError(f"--seed must be from 0 to {SEED_BOUND - 1}, not {seed}")
    return given


def _one_line(box: str) -> str:
    """Tyro's framed complaint without the frame, its title, and what it repeats of the help."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", box)
    inner = [line.strip("│ ") for line in plain.splitlines() if line.startswith("│")]
    said = [line for line in inner if line and not line.startswith("─")]
    complaint = re.split(r" Argument helptext:| For full helptext", " ".join(said))[0]
    return re.sub(r"^Error parsing [a-z_.]+: ", "", complaint) or plain.strip()


def env_options(given: Sequence[str]) -> dict[str, Any]:
    """``("goal=true", "image_size=32")`` as a dict; values are YAML.

    Raises:
        InputError: Something without ``=``, or a value that isn't YAML.
    """
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise InputError(f"--env-options takes NAME=VALUE, as in goal=true, not {text!r}")
        if name in ("device", "render_mode", "world"):
            raise InputError(f"--env-options {name}: that is not the environment's to choose; leave it out")
        try:
            found[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise InputError(f"--env-options {name}: {value!r} is not a YAML value") from None
    return found


def refuse(options: Any, names: Sequence[str], where: str) -> None:
    """Raise `InputError` where one of the options is given, and says nothing there."""
    usual = type(options)()
    for name in names:
        if getattr(options, name) != getattr(usual, name):
            raise InputError(f"--{name.replace('_', '-')} is not for {where}")


def print_json(numbers: dict[str, Any]) -> None:
    """One JSON object on stdout."""
    print(json.dumps(numbers))


def working(what: str) -> Any:
    """A context that shows on stderr that something is under way."""
    from rich.console import Console

    return Console(stderr=True).status(what)


def print_table(title: str, rows: Sequence[tuple[str, str]]) -> None:
    """Two columns for people."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("", "", show_header=False)
    for row in rows:
        table.add_row(*map(escape, row))
    print(title)
    Console().print(table)


def flat_rows(numbers: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested numbers as rows ``("dci.completeness", "0.913")``; matrices are left to ``--json``."""
    rows: list[tuple[str, str]] = []
    for name, value in numbers.items():
        if isinstance(value, dict):
            rows += flat_rows(value, f"{prefix}{name}.")
        else:
            matrix = isinstance(value, list) and bool(value) and isinstance(value[0], list)
            rows.append((f"{prefix}{name}", "a matrix, shown by --json" if matrix else _short(value)))
    return rows


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_short(part) for part in value)
    return f"{value:.3f}" if isinstance(value, float) else str(value)
