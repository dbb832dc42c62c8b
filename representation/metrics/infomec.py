"""InfoMEC: modularity, explicitness and compactness in information (Hsu et al. 2023, arXiv:2305.18378)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ._information import entropy, mutual_information
from ._ksg import noisy, with_labels
from ._softmax import Softmax
from ._spec import Arrays
from ._tensors import dense, is_constant, number_list, standardised

NEIGHBOURS = 10
ACTIVE_SHARE = 1 / 20
DISTINCT_ROWS = True


def infomec(
    arrays: Arrays, rng: np.random.Generator, held_out: bool = True, discrete_latents: bool | None = None
) -> dict[str, Any]:
    """InfoM, InfoE and InfoC, from the matrix ``NMI[k, d] = I(s_k; z_d) / H(s_k)``.

    - ``infom``: over active latents, the mean of max / sum of a column of NMI, rescaled so that 1 / K becomes 0: 1
      where each latent knows of one factor alone.
    - ``infoc``: over factors, the mean of max / sum of a row, rescaled from 1 / (active latents): 1 where each factor
      is in one latent alone. With one factor, or one active latent, there is no other: 1.
    - ``infoe``: mean over factors of ``1 - (log loss of logistic regression on the whole code) / ln(labels)``, what
      the same regression loses that sees nothing. Balanced classes, no penalty, standardised latents (one-hot ones
      where they are discrete).

    I is the nearest-neighbour estimate (Ross 2014, k = 10) of continuous latents, at least 0, and the plug-in one of
    discrete latents. A latent whose range is at most 1 / 20 of the widest one's (discrete: a constant one) is not
    active. Continuous factors are cut into 20 bins.

    From 0 to 1. Perfect: 1, near 1, 1. Rotated: ``infom`` and ``infoc`` 0 where every latent mixes factors evenly (two
    by 45 degrees), .3 to .6 for random rotations of five, ``infoe`` kept. Duplicated: ``infoc`` falls, for two copies
    of each of K factors to (K - 1) / (2 K - 1). Random: ``infoe`` about 0; the others are ratios of noise, and mean
    nothing unless ``infoe`` is well above 0. Linear readers can't see a factor that is folded or
    wound into the code, so ``infoe`` is low there. An active latent that knows nothing still counts in ``infom``, with
    the ratio of its noise.

    Deviations: InfoE is measured held out, and is at least 0 per factor; the authors' code fits and scores all points
    (``held_out=False``). Constant factors are left out; a latent or factor without any information counts 0 where the
    authors' 0 / 0 is NaN.

    Args:
        arrays: NMI uses train and test rows together; InfoE is fitted on the train and measured on the test rows.
        rng: Draws the jitter of 1e-10 that parts equal values.
        held_out: Otherwise InfoE is fitted and measured on all rows.
        discrete_latents: By default they are if each takes at most 100 values, and at most one in two rows.

    Returns:
        ``infom``, ``infoe``, ``infoc``; ``nmi`` ``(K, D)``, None in a constant factor's row; ``active``, the numbers
        of the active latents. Without an active latent the three are 0, without a factor that varies None.
    """
    codes = arrays.all_codes
    factors = [dense(arrays.all_labels[:, k]) for k in range(arrays.factors.shape[1])]
    discrete = arrays.are_codes_discrete if discrete_latents is None else discrete_latents
    varying = [k for k, labels in enumerate(factors) if labels.max() > 0]
    active = _active(codes, discrete)
    nmi: list[Any] = [None] * len(factors)
    found: dict[str, Any] = dict.fromkeys(("infom", "infoe", "infoc"), 0.0 if varying else None)
    if varying:
        matrix = _nmi(codes, torch.stack([factors[k] for k in varying], 1), discrete, rng)
        for row, k in enumerate(varying):
            nmi[k] = number_list(matrix[row])
        if active.any():
            seen = matrix[:, active]
            explicit = _infoe(codes, [factors[k] for k in varying], discrete, len(arrays.codes) if held_out else None)
            found = {"infom": concentration(seen.T), "infoe": explicit, "infoc": concentration(seen)}
    return {**found, "nmi": nmi, "active": active.nonzero()[:, 0].tolist()}


def concentration(matrix: Tensor) -> float:
    """Mean over rows of max / sum, rescaled from 1 / (columns) .. 1 to 0 .. 1; a row of zeros counts 0."""
    columns = matrix.shape[1]
    if columns == 1:
        return 1.0
    total = matrix.sum(1)
    share = torch.where(total > 0, matrix.amax(1) / total.clamp(min=1e-300), 1 / columns)
    return float((share.mean() - 1 / columns) / (1 - 1 / columns))


def _active(codes: Tensor, discrete: bool) -> Tensor:
    """Bool ``(D,)``."""
    reach = codes.amax(0) - codes.amin(0)
    return reach > (0 if discrete else reach.max() * ACTIVE_SHARE)


def _nmi(codes: Tensor, factors: Tensor, discrete: bool, rng: np.random.Generator) -> Tensor:
    """``I(s_k; z_d) / H(s_k)`` of labels ``(n, K)`` that vary: ``(K, D)``."""
    if discrete:
        columns = torch.stack([dense(column) for column in codes.T], 1)
        rows = mutual_information(columns, factors).T
    else:
        jittered = noisy(standardised(codes), rng)
        rows = torch.stack([with_labels(jittered, labels, NEIGHBOURS).clamp(min=0) for labels in factors.T])
    return (rows / entropy(factors)[:, None]).masked_fill(is_constant(codes), 0.0)


def _infoe(codes: Tensor, factors: list[Tensor], discrete: bool, cut: int | None) -> float:
    """Fitted on the rows before ``cut`` and measured on the others, or both on all rows."""
    train, test = (slice(None), slice(None)) if cut is None else (slice(cut), slice(cut, None))
    if discrete:
        x = torch.cat([functional.one_hot(dense(column)) for column in codes.T], 1).double()
    else:
        x = (codes - codes[train].mean(0)) / codes[train].std(0, correction=0).clamp(min=1e-12)
    scores = []
    for labels in factors:
        classes = int(labels.max()) + 1
        loss = Softmax(x[train], labels[train], classes, balanced=True).log_loss(x[test], labels[test])
        scores.append(1 - loss / math.log(classes))
    return float(np.mean(scores if cut is None else np.maximum(scores, 0)))
