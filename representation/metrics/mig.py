"""Mutual information gap (Chen et al. 2018, arXiv:1802.04942, equation 6)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._spec import Arrays, Floats, Labels, equal_width_bins


def mig(arrays: Arrays, rng: np.random.Generator) -> dict[str, Any]:
    """``mean over factors of (I(z_1st; s_k) - I(z_2nd; s_k)) / H(s_k)``, in disentanglement_lib's reading.

    Each latent is cut into 20 bins of equal width and the mutual information is the plug-in estimate in nats. From 0
    to 1: a code with one latent per factor scores near 1, a rotated or a random one near 0, and so does a code that
    holds a factor twice. A code of one latent has no second: its gap is the whole information. The plug-in estimate
    is biased upwards by about (bins - 1)(values - 1) / 2n nats a pair, which mostly cancels in the gap.

    Args:
        arrays: Train and test rows are used together.
        rng: Unused: nothing is drawn.

    Returns:
        ``score``, and ``per_factor`` (a constant factor has no entropy and is left out of both: None there).
    """
    bins = equal_width_bins(arrays.all_codes)
    labels = [np.concatenate(arrays.labels(k)) for k in range(arrays.factors.shape[1])]
    gaps: list[float | None] = []
    for label in labels:
        information = sorted((mutual_information(column, label) for column in bins.T), reverse=True)
        second = information[1] if len(information) > 1 else 0.0
        entropy = mutual_information(label, label)
        gaps.append((information[0] - second) / entropy if entropy > 0 else None)
    known = [gap for gap in gaps if gap is not None]
    return {"score": float(np.mean(known)) if known else 0.0, "per_factor": gaps}


def mutual_information(a: Labels, b: Labels) -> float:
    """Plug-in mutual information of two label sequences, ``(n,)`` each, in nats."""
    joint = contingency(a, b) / len(a)
    independent = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    seen = joint > 0
    return float((joint[seen] * np.log(joint[seen] / independent[seen])).sum())


def contingency(a: Labels, b: Labels) -> Floats:
    """How often each pair of labels occurs: ``(max a + 1, max b + 1)``."""
    width = int(b.max()) + 1
    counts = np.bincount(a * width + b, minlength=(int(a.max()) + 1) * width)
    return counts.reshape(-1, width).astype(np.float64)
