"""Mutual information gap (Chen et al. 2018, arXiv:1802.04942, equation 6)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._information import entropy, mutual_information
from ._spec import Arrays, equal_width_bins, mean_known


def mig(arrays: Arrays, rng: np.random.Generator) -> dict[str, Any]:
    """``mean over factors of (I(z_1st; s_k) - I(z_2nd; s_k)) / H(s_k)``, in disentanglement_lib's reading.

    Each latent is cut into 20 bins of equal width and the mutual information is the plug-in estimate in nats. From 0
    to 1: a code with one latent per factor scores near 1, a random one near 0, and so does one that holds a factor
    twice or mixes factors evenly; random rotations of five factors score .05 to .2. A code of one latent has no second:
    its gap is the whole information. The plug-in estimate is biased upwards by about (bins - 1)(values - 1) / 2n nats a
    pair, which mostly cancels in the gap. Outliers widen the bins until few are left, and the score falls with no
    change in what the code knows.

    Args:
        arrays: All rows are used; where test arrays were given apart, the train rows alone.
        rng: Unused: nothing is drawn.

    Returns:
        ``score``, and ``per_factor`` (a constant factor has no entropy and is left out of both: None there; so is
        the mean of none).
    """
    labels = arrays.measured_labels
    information = mutual_information(equal_width_bins(arrays.measured_codes), labels)
    top = information.sort(0, descending=True).values
    gaps = top[0] - top[1] if len(top) > 1 else top[0]
    pairs = zip(gaps.tolist(), entropy(labels).tolist(), strict=True)
    per_factor = [gap / whole if whole > 0 else None for gap, whole in pairs]
    return {"score": mean_known(per_factor), "per_factor": per_factor}
