"""Mutual information of latents and factors in nats, from nearest neighbours (Kraskov et al. 2004; Ross 2014)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ._ksg import between_vectors, noisy, with_labels
from ._spec import Arrays, Floats
from ._tensors import checked, dense, is_constant, number_list, standardised

NEIGHBOURS = 3
DISTINCT_ROWS = True


def ksg(arrays: Arrays, rng: np.random.Generator) -> dict[str, Any]:
    """``I(z_d; s_k)`` of every latent and factor, in nats, without bins.

    A discrete factor's by Ross (2014, equation 2), a continuous one's by `mutual_information`, both with 3 neighbours.
    Columns are standardised, and jitter of 1e-10 parts equal values. Estimates scatter around the truth, so those of
    independent pairs lie on both sides of 0. A perfect code reaches each discrete factor's entropy on the diagonal (a
    continuous factor's information has no bound: it grows with the points) and about 0 elsewhere; a rotated one
    spreads it, a duplicated one repeats it, a random one is about 0 everywhere. It is biased low where the truth is
    large, and blind to relations finer than the distance between neighbours. It sees every relation that isn't: in a
    rotated grid of values without noise, each latent may tell every combination of values from the others, and then
    knows all factors in full.

    Args:
        arrays: Train and test rows are used together.
        rng: Draws the jitter.

    Returns:
        ``information`` ``(D, K)``; a constant latent's or factor's is 0.
    """
    return {"information": number_list(information_matrix(arrays, rng, NEIGHBOURS))}


def mutual_information(x: Any, y: Any, rng: np.random.Generator, neighbours: int = NEIGHBOURS) -> float:
    """Mutual information of two groups of continuous variables, in nats (Kraskov et al. 2004, estimator 1).

    ``I = psi(k) + psi(n) - <psi(n_x + 1) + psi(n_y + 1)>``: of each point, n_x and n_y others lie nearer, in x and in
    y alone, than its k-th neighbour in both, by the maximum norm. Columns are standardised, so scales don't matter;
    Gaussian jitter of standard deviation 1e-10 parts equal values. About 0 for independent groups (below 0 as often as
    above), without bound for groups that follow from each other. The bias is small while the densities are even
    around a point and its neighbours: groups of many variables, or nearly deterministic ones, come out too low.

    Args:
        x: ``(n, a)``.
        y: ``(n, b)``.
        rng: Draws the jitter.
        neighbours: k: few for less bias, many for less scatter; 1 to n - 1.

    Raises:
        InputError: Shapes that don't match, NaN or infinity, a ``neighbours`` out of range.
    """
    one, other = checked("x", x, ("points", "variables")), checked("y", y, ("points", "variables"))
    if len(one) != len(other):
        raise InputError(f"x has {len(one)} points and y {len(other)}; they must agree")
    if not 1 <= neighbours < len(one):
        raise InputError(f"neighbours must be from 1 to {len(one) - 1}, one less than the points, not {neighbours}")
    return between_vectors(_points(one, rng), _points(other, rng), neighbours)


def information_matrix(arrays: Arrays, rng: np.random.Generator, neighbours: int) -> Tensor:
    """``I(z_d; s_k)`` in nats, ``(D, K)``, 0 where either is constant."""
    codes, factors = arrays.all_codes, arrays.all_factors
    jittered = noisy(standardised(codes), rng)
    columns = []
    for k in range(factors.shape[1]):
        if arrays.is_discrete(k):
            columns.append(with_labels(jittered, dense(arrays.all_labels[:, k]), neighbours))
        else:
            target, latents = _points(factors[:, [k]], rng), jittered.cpu().numpy()
            found = [between_vectors(latents[:, [d]], target, neighbours) for d in range(latents.shape[1])]
            columns.append(torch.tensor(found, dtype=torch.float64, device=codes.device))
    dead = is_constant(codes)[:, None] | is_constant(factors)
    return torch.stack(columns, 1).masked_fill(dead, 0.0)


def _points(values: Tensor, rng: np.random.Generator) -> Floats:
    found: Floats = noisy(standardised(values), rng).cpu().numpy()
    return found
