"""Draw a run's figures and write its report, one self-contained page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ...errors import InputError
from ._options import parse, print_json, working


@dataclass(frozen=True)
class Options:
    """What to report on.

    Args:
        run: Folder of a trained run.
        compare: Folders of other runs in the same environment, for the table and the figures beside it.
        json: Print one JSON object.
    """

    run: Annotated[Path, tyro.conf.Positional]
    compare: tuple[Path, ...] = ()
    json: bool = False


def main(argv: Sequence[str]) -> None:
    """``unbraid report RUN [OPTIONS]``."""
    options = parse(Options, argv, "report", __doc__)
    from ..report import parts_of, write_report
    from ..runs import open_run

    run = open_run(options.run)
    others = {folder.resolve().name: open_run(folder) for folder in options.compare}
    parts = parts_of(run)
    own = parts.title(run)
    if len({own, *others}) <= len(options.compare):
        raise InputError(f"--compare: runs are told apart by their folders' names, and {own} is this run's: rename one")
    for folder, other in others.items():
        if parts_of(other) is not parts:
            raise InputError(f"--compare {folder}: nets of grasps and codes have no numbers in common")
    with working("measuring and drawing"):
        path = write_report(run, others)
    if options.json:
        print_json({"report": str(path)})
    else:
        print(f"wrote {path}")
