"""What all variants of DCI share: scores of an importance matrix, errors, and the gap on unseen combinations."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ._spec import Arrays, combinations, mean_known

_TINY = 1e-11

Fitted = tuple[Tensor, Tensor]
"""Of one factor: importances of the latents ``(D,)``, and predictions of the test rows ``(m,)``."""


def report(arrays: Arrays, kept: list[int], fitted: list[Fitted], regressed: Collection[int]) -> dict[str, Any]:
    """All numbers of one variant of DCI.

    Args:
        arrays: Codes and factors.
        kept: Factors that vary on the train and on the test rows.
        fitted: For each of those.
        regressed: Those that were predicted as numbers, not as labels.

    Returns:
        What `dci` states.
    """
    latents, factors = arrays.codes.shape[1], arrays.factors.shape[1]
    importance = torch.zeros(latents, factors, dtype=torch.float64)
    errors: list[float | None] = [None] * factors
    gaps: list[float | None] = [None] * factors
    seen = _seen(arrays)
    for k, (share, guess) in zip(kept, fitted, strict=True):
        importance[:, k] = share.cpu()
        loss = _losses(arrays, k, guess.double().to(seen.device), k in regressed)
        errors[k] = _error(loss, k in regressed)
        if seen.any() and not seen.all():
            gaps[k] = _error(loss[~seen], k in regressed) - _error(loss[seen], k in regressed)
    informed = [_informed(error, k in regressed) for k, error in enumerate(errors)]
    known = importance[:, kept]
    return {
        "disentanglement": disentanglement(known) if kept else None,
        "completeness": completeness(known) if kept else None,
        "informativeness": mean_known(informed),
        "error": mean_known(errors),
        "error_per_factor": errors,
        "zero_shot_gap": mean_known(gaps),
        "importance": importance.tolist(),
    }


def varying_factors(arrays: Arrays) -> list[int]:
    """Factors with more than one value both on the train and on the test rows."""
    parts = (arrays.factors, arrays.factors_test)
    constant = torch.stack([part.amax(0) == part.amin(0) for part in parts]).any(0)
    return torch.nonzero(~constant)[:, 0].tolist()


def quarter(n: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A random quarter of n train rows, to choose hyper-parameters by, and the rest."""
    order = rng.permutation(n)
    return order[: n // 4], order[n // 4 :]


def disentanglement(importance: Tensor) -> float:
    """``sum_d rho_d (1 - H_K(P_d))``: ``(D, K)``, P a row as shares, rho its share of all importance."""
    if importance.shape[1] == 1:
        return 1.0
    share = importance.sum(1) / max(float(importance.sum()), _TINY)
    return float((share * (1 - _entropy(importance))).sum().clamp(0, 1))


def completeness(importance: Tensor) -> float:
    """``mean over k of 1 - H_D(P_k)``: ``(D, K)``, P a column as shares."""
    return 1.0 if importance.shape[0] == 1 else float((1 - _entropy(importance.T)).mean().clamp(0, 1))


def _entropy(rows: Tensor) -> Tensor:
    """Of each row, normalised to sum 1, to the base of its length."""
    p = rows + _TINY
    return torch.div(torch.special.entr(p / p.sum(1, keepdim=True)).sum(1), math.log(rows.shape[1]))


def _losses(arrays: Arrays, k: int, guess: Tensor, regressed: bool) -> Tensor:
    """Of each test row: squared error by the test rows' variance, or whether the label is wrong."""
    if not regressed:
        return (guess != arrays.labels(k)[1]).double()
    truth = arrays.factors_test[:, k]
    return torch.div(torch.square(guess - truth), truth.var(correction=0))


def _error(loss: Tensor, regressed: bool) -> float:
    """The normalised root-mean-square error, or the error rate."""
    return float(loss.mean() ** (0.5 if regressed else 1))


def _informed(error: float | None, regressed: bool) -> float | None:
    """R^2, at least 0, or the accuracy."""
    return None if error is None else max(0.0, 1 - error ** (2 if regressed else 1))


def _seen(arrays: Arrays) -> Tensor:
    """Whether a test row's combination of labels occurs on the train rows: bool ``(m,)``."""
    n = len(arrays.codes)
    place = combinations(arrays.all_labels)
    return torch.isin(place[n:], place[:n])
