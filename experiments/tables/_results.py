"""What a table says once its jobs are done: rows, a page, one JSON object."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...representation.storage import write_atomically
from ..runs import hardware, versions
from . import Table
from ._jobs import Done, Failed, Scale


class Row(NamedTuple):
    """A number, here and in the paper."""

    label: str
    number: str
    paper: float | None
    mean: float
    std: float | None
    """Over the repetitions, ddof 1; None for a single one."""
    n: int

    @property
    def difference(self) -> float | None:
        """Ours less the paper's."""
        return None if self.paper is None else self.mean - self.paper

    def texts(self) -> tuple[str, ...]:
        """Its cells, for people."""
        spread = "" if self.std is None else f" ± {short(self.std)}"
        gap = "" if self.difference is None else f"{'+' if self.difference >= 0 else ''}{short(self.difference)}"
        paper = "" if self.paper is None else short(self.paper)
        return self.label, self.number, paper, short(self.mean) + spread, str(self.n), gap


HEADER = ("", "number", "paper", "ours", "n", "difference")


def short(value: float) -> str:
    """Three digits that count, without an exponent where that is short."""
    return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"


def rows(table: Table, done: Sequence[Done]) -> list[Row]:
    """A row for each label and each of the table's numbers that its jobs have, in the jobs' order."""
    found: list[Row] = []
    for label in dict.fromkeys(one.job.label for one in done):
        for number in table.numbers:
            values = collect(done, label, number)
            if len(values):
                paper = table.paper.get((label, number))
                found.append(Row(label, number, paper, float(values.mean()), deviation(values), len(values)))
    return found


def deviation(values: Any) -> float | None:
    """Standard deviation over the repetitions ``(n,)``, ddof 1; None for a single one."""
    return float(values.std(ddof=1)) if len(values) > 1 else None


def collect(done: Sequence[Done], label: str, number: str) -> Any:
    """All repetitions of a label's number: float64 ``(n,)``."""
    chosen = [one.numbers[number] for one in done if one.job.label == label and number in one.numbers]
    return np.array([value for part in chosen for value in (part if isinstance(part, list) else [part])])


def summary(table: Table, scale: Scale, done: Sequence[Done], failed: Sequence[Failed]) -> dict[str, Any]:
    """All there is to say, as plain values."""
    return {
        "table": table.name,
        "title": table.title,
        "scale": vars(scale),
        "rows": [{**row._asdict(), "difference": row.difference} for row in rows(table, done)],
        "jobs": [
            {"name": one.job.name, **vars(one.job), "numbers": one.numbers, "seconds": one.seconds} for one in done
        ],
        "failed": [{"name": one.job.name, "error": one.error} for one in failed],
        "job_seconds": round(sum(one.seconds for one in done), 1),
        "versions": versions(),
        "hardware": hardware(),
        "commit": commit(),
        "date": time.strftime("%Y-%m-%d"),
    }


def commit() -> str | None:
    """Of the checkout that this code runs from; None where it is installed otherwise, or git is missing."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def write(table: Table, found: dict[str, Any], done: Sequence[Done], out: Path) -> None:
    """``table.json``, ``table.md`` and the figures, in the folder that the jobs are in."""
    drawn = table.figures(list(done)) if done else {}
    for name, figure in drawn.items():
        write_atomically(out / f"{name}.png", partial(figure.savefig, dpi=110, format="png", bbox_inches="tight"))
    text = json.dumps(found, indent=2)
    write_atomically(out / "table.json", lambda file: file.write_text(text))
    page = markdown(table, found, rows(table, done), list(drawn))
    write_atomically(out / "table.md", lambda file: file.write_text(page, encoding="utf-8"))


def markdown(table: Table, found: dict[str, Any], lines: Sequence[Row], figures: Sequence[str]) -> str:
    """The page: what was asked, the rows, the figures, and where it was measured."""
    cells = [HEADER, ("---",) * len(HEADER), *(row.texts() for row in lines)]
    grid = "\n".join(f"| {' | '.join(row)} |" for row in cells)
    meaning = "\n".join(f"- {name}: {what}." for name, what in table.numbers.items())
    pictures = "\n\n".join(f"![{name.replace('_', ' ')}]({name}.png)" for name in figures)
    failed = "\n".join(f"- failed: {one['name']}: {one['error']}" for one in found["failed"])
    machine, scale = found["hardware"], found["scale"]
    about = table.about.partition("\n")[2].strip()
    amount = f"{scale['seconds']:g} CPU-seconds each" if scale["seconds"] else f"{scale['steps']} steps"
    made = (
        f"Scale {scale['name']}: {scale['seeds']} seeds, {amount} of {scale['batch_size']} images, "
        f"network {scale['network']}, measured on {scale['points']} points; {found['job_seconds']:.0f} seconds of jobs "
        f"on {machine['processor']}, GPU {machine['gpu'] or 'none'}; "
        f"unbraid {found['versions']['unbraid']}, torch {found['versions']['torch']}, "
        f"commit {found['commit'] or 'unknown'}, {found['date']}."
    )
    parts = [f"# {table.title}", about, grid, meaning, pictures, failed, made]
    return "\n\n".join(part for part in parts if part) + "\n"
