"""What a page says of nets that foretell grasps."""

from __future__ import annotations

from ..agents.grasp.evaluate import elevations_of
from . import work
from .album_grasps import GraspAlbum
from .report import Numbers, Parts, Row, filled
from .runs import Run


def _complete(run: Run) -> None:
    if "grasps" not in run.read_metrics().get("evaluation", ()):
        run.write_metrics(evaluation=work.measure_grasps(run, run.load(), None))


def _rows(runs: dict[str, Run], numbers: Numbers) -> list[Row]:
    del runs
    angles = elevations_of(next(iter(numbers.values()))["evaluation"])
    asked: list[tuple[str, tuple[str, ...]]] = [
        ("foretold right, from 15 and 45°", ("evaluation", "seen_elevations")),
        ("foretold right, from 30 and 60°", ("evaluation", "novel_elevations")),
    ]
    for words, name in (
        ("area under the ROC curve", "roc_auc"),
        ("calibration error", "calibration_error"),
        ("overlap of shapes", "iou"),
    ):
        asked += [(f"{words}, from {angle}°", ("evaluation", angle, name)) for angle in angles]
    asked += [
        ("plans that held within 20 tries", ("plans", "paper", "success_rate")),
        ("plans of the full search that held at the first try", ("plans", "cem", "first_success_rate")),
        ("plans of it that held within 20 tries", ("plans", "cem", "success_rate")),
        ("training seconds", ("train_seconds",)),
    ]
    return filled(asked, numbers)


GRASPS = Parts(
    title=lambda run: run.folder.resolve().name,  # nets come in kinds
    complete=_complete,
    album=GraspAlbum,
    rows=_rows,
    heads=("foretold right",),
    explained=(
        "Measured on grasps of objects that weren't learnt from, half of which hold. The net learnt from views from 15 "
        "and 45 degrees; 30 and 60 are new to it. Overlap, of nets that find shapes, is intersection over union of "
        "voxels. Plans of novel objects are counted by unbraid plan RUN, with --planner paper and cem."
    ),
    metrics=(),
)
