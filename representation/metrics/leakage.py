"""How much each factor's own latent knows of the other factors."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ._ksg import between_vectors, noisy
from ._spec import Arrays, mean_known
from ._tensors import is_constant, standardised
from .ksg import NEIGHBOURS, information_matrix

DISTINCT_ROWS = True


def leakage(arrays: Arrays, rng: np.random.Generator) -> dict[str, Any]:
    """``I(z_k; s_not-k)`` in nats: the information that factor k's own latent has of all other factors together.

    Each factor that varies gets a latent of its own: the one-to-one assignment with the largest sum of
    ``I(z_d; s_k)`` (Hungarian algorithm on the matrix of `ksg`). The information of that latent and the vector of the
    other factors is then the estimate of Kraskov et al. (2004, estimator 1) with 3 neighbours, all columns
    standardised, at least 0. With fewer latents than factors some have none, and count in nothing.

    From 0, no bound. Perfect and constant codes score 0, and so do random ones: read ``own`` beside it. A rotation of
    two like factors by 45 degrees leaks as much as it keeps. A duplicated code scores 0, as copies aren't compared.
    Factors that depend on each other leak even in a perfect code. Distances between a categorical factor's labels
    count as if they had a meaning, and many factors on few points make the estimate too low.

    Args:
        arrays: Train and test rows are used together.
        rng: Draws the jitter that parts equal values.

    Returns:
        ``score``, the mean of ``leaks`` (None without any); and, per factor, None where it is constant or has no
        latent: ``leaks``; ``own``, I(z_k; s_k), at least 0; ``latent``, its latent's number. With one varying factor
        ``leaks`` is 0.
    """
    information = information_matrix(arrays, rng, NEIGHBOURS)
    factors = arrays.all_factors
    varying = [k for k, constant in enumerate(is_constant(factors).tolist()) if not constant]
    latent = _assign(information, varying)
    codes = noisy(standardised(arrays.all_codes), rng)
    truth = noisy(standardised(factors), rng)
    leaks: list[float | None] = [None] * len(latent)
    own: list[float | None] = [None] * len(latent)
    for k, d in enumerate(latent):
        if d is not None:
            others = [other for other in varying if other != k]
            leaks[k] = max(0.0, _between(codes[:, [d]], truth[:, others]))
            own[k] = max(0.0, float(information[d, k]))
    return {"score": mean_known(leaks), "leaks": leaks, "own": own, "latent": latent}


def _assign(information: Tensor, varying: list[int]) -> list[int | None]:
    """The latent of each factor, one-to-one, of largest total information ``(D, K)``."""
    latent: list[int | None] = [None] * information.shape[1]
    rows, columns = linear_sum_assignment(information[:, varying].cpu().numpy(), maximize=True)
    for d, column in zip(rows.tolist(), columns.tolist(), strict=True):
        latent[varying[column]] = d
    return latent


def _between(one: Tensor, other: Tensor) -> float:
    if not other.shape[1]:
        return 0.0
    return between_vectors(one.cpu().numpy(), other.cpu().numpy(), NEIGHBOURS)
