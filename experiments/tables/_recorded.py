"""Learners of recordings in a table's jobs: what they learn from is recorded, and both go on where they stopped."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ...agents.dynamics_content import Config
from ...representation.recorded import read_recording
from .. import work
from ..collecting import Asked, collect
from ..runs import RECORDED, How, Run
from ._jobs import Numbers

Sets = dict[str, tuple[Asked, int]]
"""Name -> what is recorded, and how many rows; the first are transitions, the others show their world otherwise."""


def trained(folder: Path, sets: Sets, config: dict[str, Any], device: str) -> tuple[Run, Numbers]:
    """The job's run after its training, and the CPU-seconds that took, if it was done now."""
    path = folder / "recording.h5"
    for name, (asked, rows) in sets.items():
        if not path.exists() or name not in read_recording(path):
            collect(asked, rows, path, name, progress=False)
    (first, _), *rest = sets.values()
    others = tuple(asked.other_options for asked, _ in rest)
    made = Run(
        folder / "run", RECORDED, first.env, first.options, first.seed, Config.from_dict(config), str(path), others
    )
    if not made.create(resume=True):
        return made, Numbers()
    started = time.process_time()
    work.train(made, work.prepare(made, device), How(device=device, progress=False))
    return made, Numbers(training=time.process_time() - started)
