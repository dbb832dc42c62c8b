"""How well outcomes are foretold, and shapes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...representation.grasps import Loader
from .model import SEEN, GraspNet, check_camera

BINS = 10
SCENES = 16
"""That are looked at at once."""


@torch.no_grad()
def foretell(learner: GraspNet, loader: Loader, elevation: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """What is said of every grasp of a collection, seen from one of its elevations.

    Returns:
        Rows of the collection ``(N,)``, probabilities of success ``(N,)``, and overlap of the shape with the true one,
        intersection over union, a scene each (of geometry; else empty).
    """
    rows, said, overlap = [], [], []
    for scenes in np.array_split(loader.scenes, -(-len(loader.scenes) // SCENES)):
        own, real = loader.rows_of(scenes)
        batch = loader.batch(scenes, np.full(len(scenes), elevation), own)
        seen = learner.see(batch.rgbd, batch.elevation)
        logits, shape = learner.logits(seen, batch.position, batch.rotation), seen.shape
        rows.append(own[real])
        said.append(logits.sigmoid().cpu().numpy()[real])
        if shape is not None:
            overlap.append(overlap_of(shape, batch.occupancy).cpu().numpy())
    return np.concatenate(rows), np.concatenate(said), np.concatenate(overlap) if overlap else np.zeros(0)


def overlap_of(shape: Tensor, occupancy: Tensor) -> Tensor:
    """Intersection over union of logits of occupancy above 0 and what is full, both ``(B, X, Y, Z)``: ``(B,)``."""
    full, true = (shape > 0).flatten(1), (occupancy > 0.5).flatten(1)
    return (full & true).sum(1) / (full | true).sum(1)


def evaluate(learner: GraspNet, loader: Loader) -> dict[str, Any]:
    """Numbers of a collection whose objects the net hasn't seen, by the elevation that it looks from.

    Returns:
        For each elevation in degrees, ``accuracy``, 0 to 1, its standard error over scenes, and ``by_category``; the
        area under the ROC curve ``roc_auc``, the expected calibration error in ten bins ``calibration_error`` (Guo et
        al. 2017), and of geometry ``iou``. Beside these ``grasps``, how many of each category; ``seen_elevations``, the
        mean accuracy over the elevations that were learnt from, and ``novel_elevations``, over the others; None where
        the collection has no such.

    Raises:
        InputError: The collection was seen by another camera.
    """
    check_camera(loader, learner.camera)
    categories = np.array(loader.found.categories)
    success = loader.found.grasps["success"]
    found: dict[str, Any] = {}
    for number, angle in enumerate(loader.found.about["elevations"]):
        rows, said, overlap = foretell(learner, loader, number)
        right = (said > 0.5) == success[rows]
        each = {name: float(right[categories[rows] == name].mean()) for name in dict.fromkeys(categories.tolist())}
        found[f"{math.degrees(angle):.0f}"] = {
            "accuracy": float(right.mean()),
            "standard_error": _standard_error(right, loader.found.grasps["scene"][rows]),
            "by_category": each,
            "roc_auc": roc_auc(said, success[rows]),
            "calibration_error": calibration_error(said, success[rows]),
            **({"iou": float(overlap.mean())} if len(overlap) else {}),
        }
    kept = {name: one["accuracy"] for name, one in found.items()}
    found["grasps"] = {name: int((categories == name).sum()) for name in dict.fromkeys(categories.tolist())}
    for name, wanted in (("seen_elevations", True), ("novel_elevations", False)):
        of = [value for angle, value in kept.items() if (int(angle) in SEEN) == wanted]
        found[name] = float(np.mean(of)) if of else None
    return found


def elevations_of(found: Mapping[str, Any]) -> list[str]:
    """Those of what `evaluate` gives that are elevations, in degrees."""
    return [name for name in found if name.isdigit()]


def _standard_error(right: NDArray[np.bool_], scenes: NDArray[Any]) -> float | None:
    """Of a mean of what comes in scenes, by the spread of scenes' sums; None of a single scene."""
    _, of = np.unique(scenes, return_inverse=True)
    off = np.bincount(of, right - right.mean())
    return float(np.sqrt((off**2).sum() * len(off) / (len(off) - 1)) / len(right)) if len(off) > 1 else None


def roc_auc(said: NDArray[Any], success: NDArray[np.bool_]) -> float | None:
    """Probability that a success is thought likelier than a failure, ties by half; None where there is but one kind."""
    from scipy.stats import rankdata

    positive, negative = int(success.sum()), int((~success).sum())
    if not positive or not negative:
        return None
    ranks = rankdata(said)
    return float((ranks[success].sum() - positive * (positive + 1) / 2) / (positive * negative))


def calibration_error(said: NDArray[Any], success: NDArray[np.bool_]) -> float:
    """Mean distance of what is said from how often it holds, over ten bins of what is said, by how much is in each."""
    places = np.minimum((said * BINS).astype(int), BINS - 1)
    total = np.bincount(places, minlength=BINS)
    off = np.abs(np.bincount(places, said, BINS) - np.bincount(places, success, BINS))
    return float(off.sum() / total.sum())
