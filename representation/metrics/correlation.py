"""Linear correlation and spread of a code (Kågebäck & Mogren 2018, section 3.1)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ._spec import Arrays
from ._tensors import checked, is_constant

KEPT = 0.9


def correlation(arrays: Arrays, rng: np.random.Generator) -> dict[str, float]:
    """MAPC, CVR, TdV and UD90 of the codes, d being the number of factors that vary; see `layer_correlation`.

    Factors count, and are not looked at: a perfect code of independent factors has ``mapc`` 0 and ``cvr`` 1, and so has
    a rotation of factors that vary alike, and a random code. ``cvr`` 1 and ``mapc`` 0 are necessary for independent
    latents, not sufficient for disentangled ones. ``mapc`` and ``tdv`` are from 0 to 1, ``cvr`` from 1 to D.

    Args:
        arrays: Train and test rows are used together.
        rng: Unused: nothing is drawn.

    Returns:
        ``mapc``, ``cvr``, ``cvr_printed``, ``tdv``, ``ud90``.
    """
    codes = arrays.all_codes
    varying = int((~is_constant(arrays.all_factors)).sum())
    return layer_correlation(codes, min(max(varying, 1), codes.shape[1]))


def layer_correlation(activations: Any, top: int) -> dict[str, float]:
    """Correlation and spread of any layer's activations, from their sample covariance C (ddof 1).

    - ``mapc``: mean absolute Pearson correlation, ``2 / (p^2 - p) sum_{i<j} |C_ij| / sqrt(C_ii C_jj)``, of the pairs
      that have one: constant units are left out, and p counts the others. From 0 (uncorrelated) to 1 (duplicated).
    - ``cvr``: covariance over variance, ``||C||_1 / tr C``, the L1 norm taken element by element. From 1
      (uncorrelated, and also a single active unit) to p (all units alike). The formula is printed with a factor
      1 / p^2 in front, with which it would lie between 1 / p^2 and 1 / p; that fits neither the "optimal value of one"
      of its text nor the 20.00, 6.56 and 4.03 that it reports of 84 units. Without the factor all of them fit.
    - ``cvr_printed``: the formula as printed, ``cvr / p^2``.
    - ``tdv``: the share of all variance that the ``top`` units of largest variance hold; up to 1.
    - ``ud90``: the least number of units that hold 90% of all variance.

    Uncorrelated units of equal variance score 0, 1, 1 / p^2, top / p and 90% of p, be they perfect, random, or the
    first two rotated. With every unit there twice, ``mapc`` is 1 / (p - 1) and ``cvr`` 2. Dependence that isn't linear
    goes unseen.

    Args:
        activations: ``(n, p)``, array or tensor, n at least 2.
        top: d of TdV: how many units, 1 to p.

    Returns:
        The five numbers; all activations constant: 0, 1, 1 / p^2, 1, 0.

    Raises:
        InputError: Another shape, NaN or infinity, fewer than 2 points, ``top`` out of range.
    """
    values = checked("activations", activations, ("points", "units"))
    units = values.shape[1]
    if len(values) < 2:
        raise InputError("activations has 1 point; a covariance needs at least 2")
    if not 1 <= top <= units:
        raise InputError(f"top must be from 1 to {units}, the number of units, not {top}")
    centred = torch.where(is_constant(values), 0.0, values - values.mean(0))
    covariance = centred.T @ centred / (len(values) - 1)
    cvr = _cvr(covariance)
    return {"mapc": _mapc(covariance), "cvr": cvr, "cvr_printed": cvr / units**2, **_spread(covariance.diagonal(), top)}


def _mapc(covariance: Tensor) -> float:
    """Of the units that vary; 0 where they are fewer than two."""
    active = covariance.diagonal() > 0
    pearson = covariance[active][:, active]
    deviation = pearson.diagonal().sqrt()
    pairs = (pearson / deviation / deviation[:, None]).abs().triu(1)
    return float(pairs.sum()) * 2 / max(len(pairs) * (len(pairs) - 1), 1)


def _cvr(covariance: Tensor) -> float:
    total = float(covariance.trace())
    return float(covariance.abs().sum()) / total if total > 0 else 1.0


def _spread(variance: Tensor, top: int) -> dict[str, float]:
    """TdV and UD90 of the units' variances ``(p,)``."""
    total = variance.sum()
    if total == 0:
        return {"tdv": 1.0, "ud90": 0}
    held = variance.sort(descending=True).values.cumsum(0) / total
    return {"tdv": float(held[top - 1]), "ud90": int((held < KEPT - 1e-12).sum()) + 1}
