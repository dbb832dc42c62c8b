"""Train and measure what a paper's table or figure holds, beside the paper's numbers."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from ...errors import InputError
from ._options import parse, print_json, print_table

if TYPE_CHECKING:
    from ..tables import Done, Job, Scale, Table
    from ..tables._jobs import Failed


@dataclass(frozen=True)
class Options:
    """Which table, how large, and where.

    Args:
        table: Its name, or MODULE:NAME for one of your own; without it, all are listed.
        scale: smoke: seconds, to see that it works; cpu: minutes to an hour or so on two cores; paper: the paper's own,
            for a GPU.
        out: Folder; by default tables/NAME-SCALE. Jobs that are done there are not done again.
        workers: Jobs at a time, one thread each.
        backend: Who does them: loky, processes here; ray or dask, a cluster.
        seeds: Repetitions of each point, instead of the scale's.
        steps: Of each training, instead of the scale's.
        seconds: Of each training, instead of the scale's, in tables that give each job a time.
        only: Only the jobs of this label, or else those with this in their label, as in beta.
        json: Print one JSON object.
    """

    table: Annotated[str, tyro.conf.Positional] = ""
    scale: Literal["smoke", "cpu", "paper"] = "cpu"
    out: Path | None = None
    workers: int = 2
    backend: Literal["loky", "ray", "dask"] = "loky"
    seeds: int | None = None
    steps: int | None = None
    seconds: float | None = None
    only: str = ""
    json: bool = False


def main(argv: Sequence[str]) -> None:
    """``unbraid table [NAME] [OPTIONS]``; the exit status is 1 where a job failed."""
    options = parse(Options, argv, "table", __doc__)
    from .. import tables

    if not options.table:
        _list(tables.names(), options)
        return
    table = tables.table(options.table)
    scale = _scale(table, options)
    jobs = _jobs(table, scale, options.only)
    out = options.out or Path("tables") / f"{table.name.rpartition(':')[2]}-{scale.name}"
    done, failed = _work(table, jobs, out, options)

    from ..tables import _results

    found = _results.summary(table, scale, done, failed)
    _results.write(table, found, done, out)
    if options.json:
        print_json(found)
    else:
        _print(table.title, _results.HEADER, [row.texts() for row in _results.rows(table, done)])
        print(f"the table is in {out}: table.md, table.json and its figures")
    if failed:
        for one in failed:
            print(f"unbraid: {one.job.name} failed: {one.error}", file=sys.stderr)
        raise SystemExit(1)


def _list(known: dict[str, str], options: Options) -> None:
    if options.json:
        print_json({"tables": known})
    else:
        print_table("tables; unbraid table NAME makes one", list(known.items()))


def _scale(table: Table, options: Options) -> Scale:
    """The scale, with what the options change."""
    for name, low in (("workers", 1), ("seeds", 1), ("steps", 1)):
        value = getattr(options, name)
        if value is not None and value < low:
            raise InputError(f"--{name} must be at least {low}, not {value}")
    if options.scale not in table.scales:
        raise InputError(f"--scale must be {' or '.join(table.scales)} for {table.name}, not {options.scale}")
    scale = table.scales[options.scale]
    if options.seconds is not None and not (options.seconds > 0 and scale.seconds):
        timed = "must be above 0" if scale.seconds else f"isn't for {table.name}, whose jobs are given --steps"
        raise InputError(f"--seconds {timed}; it was {options.seconds:g}")
    if options.steps is not None and scale.seconds:
        raise InputError(f"--steps isn't for {table.name}, whose jobs are given --seconds")
    given = {name: getattr(options, name) for name in ("seeds", "steps", "seconds")}
    return replace(scale, **{name: value for name, value in given.items() if value is not None})


def _jobs(table: Table, scale: Scale, only: str) -> list[Job]:
    jobs = table.jobs(scale)
    named = [job for job in jobs if only.lower() == job.label.lower()]
    chosen = named or [job for job in jobs if only.lower() in job.label.lower()]
    if not chosen:
        known = ", ".join(dict.fromkeys(repr(job.label) for job in jobs))
        raise InputError(f"--only {only!r}: no label holds it; there are {known}")
    return chosen


def _work(table: Table, jobs: list[Job], out: Path, options: Options) -> tuple[list[Done], list[Failed]]:
    """Do what isn't done yet, under a bar on stderr; what is done comes back in the jobs' order."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from ..tables._jobs import Done, read, run_all

    known = {job.name: read(job, out) for job in jobs}
    left = [job for job in jobs if known[job.name] is None]
    columns: list[Any] = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()]
    failed: list[Failed] = []
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(table.name, total=len(jobs), completed=len(jobs) - len(left))
        for one in run_all(table.run, left, out, options.workers, options.backend):
            if isinstance(one, Done):
                known[one.job.name] = one
            else:
                failed.append(one)
            bar.advance(task)
    return [one for one in known.values() if one is not None], failed


def _print(title: str, header: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table as Grid

    grid = Grid(*header)
    for line in lines:
        grid.add_row(*map(escape, line))
    print(title)
    Console().print(grid)
