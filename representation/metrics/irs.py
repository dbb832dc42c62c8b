"""Interventional robustness score (Suter et al. 2019, arXiv:1811.00007)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ._spec import Arrays, Reading, equal_width_bins, varying

_QUANTILE = 0.99


def irs(arrays: Arrays, rng: np.random.Generator, protocol: Reading = None) -> dict[str, Any]:
    """How little each latent moves while the factor that it stands for is held and all others change.

    For latent d and factor k: within each group of rows that share a value of k, the 99th percentile of
    ``|z_d - group's mean|``; its plain mean over the groups, divided by the largest ``|z_d - mean|`` of all rows, is
    the deviation (the paper's MPIDA by EMPIDA, with a quantile for the maximum as in disentanglement_lib). A latent's
    robustness is 1 - its smallest deviation over factors, and the score is the mean over latents weighted by their
    largest deviation, so it is not invariant to the scale of single latents.

    At most 1, and below 0 for a latent that strays from groups' means more than from the mean of all. A code with one
    latent per factor scores 1, and so does one that repeats latents or leaves factors out; a rotated one scores clearly
    less. A random code does not score 0: a 99th percentile stays below the largest deviation (0.3 to 0.4 for normal
    noise), the more so the smaller the groups, which hides deviations entirely where there are few rows per value.
    Latents that never change take no part, a code of none but those scores 0.

    Differs from ``protocol="disentanglement_lib"``: there factors, too, are cut into 20 bins of equal width, so that a
    perfect latent of a factor with more values (dSprites' orientation has 40) scores less than 1; here only continuous
    factors are binned, and constant factors are left out.

    Args:
        arrays: All rows are used; where test arrays were given apart, the train rows alone.
        rng: Unused: nothing is drawn.
        protocol: None, or the name of the library whose reading is followed.

    Returns:
        ``score``, None where no factor varies; ``per_latent``, robustness (None for a latent that never changes);
        ``parents``, the factor that each latent is most robust to.
    """
    codes = arrays.measured_codes
    labels = equal_width_bins(arrays.measured_factors) if protocol else arrays.measured_labels
    alive, factors = varying(codes), list(range(labels.shape[1])) if protocol else varying(labels)
    per_latent: list[float | None] = [None] * codes.shape[1]
    parents: list[int | None] = [None] * codes.shape[1]
    if not alive or not factors:
        return {"score": 0.0 if factors else None, "per_latent": per_latent, "parents": parents}
    z = codes[:, alive]
    largest = (z - z.mean(0)).abs().amax(0)
    deviations = torch.stack([group_deviation(z, labels[:, k]) for k in factors], 1)
    robust, parent = (1 - deviations / largest[:, None]).max(1)
    for d, value, k in zip(alive, robust.tolist(), parent.tolist(), strict=True):
        per_latent[d], parents[d] = value, factors[k]
    return {"score": float((robust * largest).sum() / largest.sum()), "per_latent": per_latent, "parents": parents}


def group_deviation(z: Tensor, label: Tensor) -> Tensor:
    """Mean over groups of rows of one label of the 99th percentile deviation: ``(n, D)``, ``(n,)`` to ``(D,)``."""
    group, counts = torch.unique(label, return_inverse=True, return_counts=True)[1:]
    means = z.new_zeros(len(counts), z.shape[1]).index_add_(0, group, z) / counts[:, None]
    deviation = (z - means[group]).abs().T.contiguous()
    share = deviation / (2 * deviation.amax(1, keepdim=True)).clamp(min=torch.finfo(z.dtype).tiny)
    ordered = deviation.gather(1, (group + share).argsort(1))  # by group, then by deviation, in one sort
    place = (counts.cumsum(0) - counts) + _QUANTILE * (counts.double() - 1)
    below = place.floor().long()
    above = torch.minimum(below + 1, counts.cumsum(0) - 1)
    return torch.lerp(ordered[:, below], ordered[:, above], place - below).mean(1)
