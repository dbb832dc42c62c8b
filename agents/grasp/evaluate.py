"""How well outcomes are foretold, and shapes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...representation.grasps import Loader
from .model import GraspNet

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
            full, true = (shape > 0).flatten(1), (batch.occupancy > 0.5).flatten(1)
            overlap.append(((full & true).sum(1) / (full | true).sum(1)).cpu().numpy())
    return np.concatenate(rows), np.concatenate(said), np.concatenate(overlap) if overlap else np.zeros(0)


def evaluate(learner: GraspNet, loader: Loader) -> dict[str, Any]:
    """Numbers of a collection whose objects the net hasn't seen, by the elevation that it looks from.

    Returns:
        For each elevation in degrees, ``accuracy``, 0 to 1, the mean over categories' grasps and of each category, the
        area under the ROC curve ``roc_auc``, the expected calibration error in ten bins ``calibration_error`` (Guo et
        al. 2017), and of geometry ``iou``; beside these their means over the elevations that were learnt from (seen)
        and the others (novel).
    """
    categories = np.array(loader.found.categories)
    success = loader.found.grasps["success"]
    found: dict[str, Any] = {}
    for number, angle in enumerate(loader.found.about["elevations"]):
        rows, said, overlap = foretell(learner, loader, number)
        right = (said > 0.5) == success[rows]
        each = {name: float(right[categories[rows] == name].mean()) for name in dict.fromkeys(categories.tolist())}
        found[f"{math.degrees(angle):.0f}"] = {
            "accuracy": float(right.mean()),
            "by_category": each,
            "roc_auc": roc_auc(said, success[rows]),
            "calibration_error": calibration_error(said, success[rows]),
            **({"iou": float(overlap.mean())} if len(overlap) else {}),
        }
    kept = list(found.values())
    found["seen"] = float(np.mean([one["accuracy"] for one in kept[::2]]))
    found["novel"] = float(np.mean([one["accuracy"] for one in kept[1::2]]))
    return found


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
