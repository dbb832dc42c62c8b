"""Modularity and explicitness (Ridgeway & Mozer 2018, arXiv:1802.05312, section 3)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ._information import mutual_information
from ._logistic import fit_logistic, predict_log
from ._spec import Arrays, Reading, equal_width_bins, mean_known, varying
from ._tensors import mid_ranks, standardised_alike


def modularity(arrays: Arrays, rng: np.random.Generator, protocol: Reading = None) -> dict[str, Any]:
    """Whether each latent tells of one factor alone, and whether a linear classifier reads each factor's values.

    Modularity of latent d: ``1 - sum over k != k* of I(z_d; s_k)^2 / (I(z_d; s_k*)^2 (K - 1))``, k* its most
    informative factor, with the plug-in information of 20 bins of equal width; ``score`` is the mean over latents.
    Explicitness of factor k: the area under the ROC curve of a multinomial logistic regression (standardised codes,
    scikit-learn's penalty, at its optimum), one value against the rest, mean over the values that occur on the test
    rows; ``explicitness`` is the mean over factors.

    Modularity is from 0 to 1: a code with one latent per factor scores 1, and so does a duplicated one; a rotated code
    scores less, often still above 0.5, as squares favour the largest; a random one scores anything, for its ratios are
    those of noise. With a single factor nothing can be shared and every informative latent scores 1. Explicitness is
    0.5 at chance and 1 where every value can be told; a rotated code keeps it, and so does a duplicated one, while a
    factor whose middle values no line separates scores less.

    Differs from ``protocol="disentanglement_lib"``: latents without any information (constant ones) and constant
    factors are left out; there such latents count as 0, and constant factors count in K.

    Args:
        arrays: Information is of all rows (of the train rows alone where test arrays were given apart); explicitness
            is fitted on the train rows and scored on the test rows.
        rng: Unused: nothing is drawn.
        protocol: None, or the name of the library whose reading is followed.

    Returns:
        ``score``, ``explicitness``, ``per_latent`` (None for a latent left out), ``explicitness_per_factor`` (None for
        a factor that is constant on the train or the test rows). ``score`` is 0 where no latent has any information;
        both means are None where no factor varies.
    """
    labels = arrays.measured_labels
    kept = labels if protocol else labels[:, varying(labels)]
    latents = equal_width_bins(arrays.measured_codes)
    parts = _modularities(mutual_information(latents, kept)) if kept.shape[1] else [None] * latents.shape[1]
    per_latent = [0.0 if part is None and protocol else part for part in parts]
    score = mean_known(per_latent)
    explicit = [_explicitness(arrays, k) for k in range(labels.shape[1])]
    return {
        "score": 0.0 if score is None and kept.shape[1] else score,
        "explicitness": mean_known(explicit),
        "per_latent": per_latent,
        "explicitness_per_factor": explicit,
    }


def _modularities(information: Tensor) -> list[float | None]:
    """Of each latent, from ``(D, K)``; None where there is no information."""
    squares = information**2
    most = squares.amax(1)
    others = (squares.sum(1) - most) / (most * max(1, information.shape[1] - 1))
    return [1 - share if top > 0 else None for share, top in zip(others.tolist(), most.tolist(), strict=True)]


def _explicitness(arrays: Arrays, k: int) -> float | None:
    y, y_test = arrays.labels(k)
    classes, y = torch.unique(y, return_inverse=True)
    x, x_test = standardised_alike(arrays.codes, arrays.codes_test)
    hits = y_test[:, None] == classes
    told = hits.any(0) & ~hits.all(0)
    if len(classes) < 2 or not told.any():
        return None
    scores = predict_log(fit_logistic(x, y, len(classes)), x_test)
    return float(roc_areas(scores[:, told], hits[:, told]).mean())


def roc_areas(scores: Tensor, hits: Tensor) -> Tensor:
    """Area under each column's ROC curve, ties counting half: ``(m, C)`` and bool ``(m, C)`` to ``(C,)``."""
    positives = hits.sum(0).double()
    total = torch.where(hits, mid_ranks(scores), 0.0).sum(0) - positives * (positives + 1) / 2
    return total / (positives * (len(hits) - positives))
