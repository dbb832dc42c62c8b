"""Single-latent AUC of every factor value, and Recall@k (Ridgeway & Mozer, the F statistic loss)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from ...errors import InputError
from ._spec import Arrays, mean_known
from ._tensors import checked, dense, mid_ranks

RANKS = (1, 5, 10)
DISTINCT_ROWS = True
"""A row that is there twice would be its own neighbour."""


def retrieval(arrays: Arrays, rng: np.random.Generator) -> dict[str, Any]:
    """How well one latent tells each factor value from the factor's others, and Recall@k of every factor.

    ``auc`` (section 3 of the paper): for each value of a factor, the area under the ROC curve of the best latent, read
    upwards or downwards, that tells points of this value from the others. Of a factor with two values only one is
    taken, as the other's is the same. From 0.5 to 1: a perfect code of two-valued factors scores 1, a duplicated one
    too, a random one 0.5 and a little (the best of D tries on n points), a constant one 0.5. A factor of several
    values that are ordered along one latent scores 1 at both ends only, as one threshold can't cut out the middle:
    the metric favours one-hot codes. A rotated code scores less: .875 for two two-valued factors turned by 45 degrees.
    It is meant for categorical factors; a continuous one is cut into 20 bins.

    ``recall`` (section 2), of each factor: see `recall_at_k`, with the factor's value as the class.

    Args:
        arrays: AUC uses train and test rows together; Recall@k the test rows alone.
        rng: Unused: nothing is drawn.

    Returns:
        ``score``, the mean of all values' AUC (None without any); ``auc`` ``(K, values)``, None for a constant factor;
        ``recall``, for k = 1, 5, 10 (less where there are fewer test rows), one number a factor, of all factors,
        constant ones too.
    """
    codes = arrays.all_codes
    ranks = mid_ranks(codes)
    table: list[list[float] | None] = [
        _areas(ranks, dense(arrays.all_labels[:, k])) for k in range(arrays.factors.shape[1])
    ]
    known: list[float | None] = [area for row in table if row is not None for area in row]
    tests = arrays.codes_test
    kept = [k for k in RANKS if k < len(tests)]
    found = [recall_at_k(tests, labels, kept) for _, labels in map(arrays.labels, range(len(table)))] if kept else []
    recall = {str(k): [row[k] for row in found] for k in kept}
    return {"score": mean_known(known), "auc": table, "recall": recall}


def recall_at_k(codes: Any, labels: Any, ranks: Sequence[int]) -> dict[int, float]:
    """Share of points with a point of their own class among their k nearest others, by Euclidean distance.

    From 0 to 1. A code in which classes lie apart scores 1, and any rotation or duplication of a code as the code
    itself does; a random one ``1 - (1 - p)^k`` where the classes have the share p. A point whose class has no other
    member can't be found and counts 0. Among equally distant points the choice is arbitrary, so codes with many equal
    rows aren't ranked well.

    Args:
        codes: ``(n, D)``.
        labels: ``(n,)``, each point's class.
        ranks: The k, each from 1 to n - 1.

    Raises:
        InputError: Shapes that don't match, NaN or infinity, a rank out of range.
    """
    points, classes = checked("codes", codes, ("points", "latents")), checked("labels", labels, ("points",))
    if len(points) != len(classes):
        raise InputError(f"codes has {len(points)} points and labels {len(classes)}; they must agree")
    for rank in ranks:
        if not 1 <= rank < len(points):
            raise InputError(f"ranks must be from 1 to {len(points) - 1}, one less than the points, not {rank}")
    found = classes.cpu().numpy()
    same = found[_neighbours(points, max(ranks, default=1))] == found[:, None]
    return {rank: float(same[:, :rank].any(1).mean()) for rank in ranks}


def _neighbours(points: Tensor, most: int) -> Any:
    """Numbers of each point's nearest others, nearest first: ``(n, most)``."""
    values = points.cpu().numpy()
    near = cKDTree(values).query(values, most + 1)[1]
    own = near == np.arange(len(near))[:, None]
    own[~own.any(1), -1] = True  # behind equal points it may not be among its own nearest
    return near[~own].reshape(len(near), most)


def _areas(ranks: Tensor, labels: Tensor) -> list[float] | None:
    """Best AUC of each value of a factor ``(n,)``, by the Mann-Whitney statistic of ranks ``(n, D)``."""
    member = torch.nn.functional.one_hot(dense(labels)).double()
    size = member.sum(0)[:, None]
    if len(size) == 1:
        return None
    area = (member.T @ ranks - size * (size + 1) / 2) / (size * (len(labels) - size))
    best = torch.maximum(area, 1 - area).amax(1)
    found: list[float] = (best[:1] if len(size) == 2 else best).tolist()
    return found
