"""How well each factor is read, linearly, from one latent, and from all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ._spec import Arrays, mean_known


def r2(arrays: Arrays, rng: np.random.Generator) -> dict[str, Any]:
    """Held-out R^2 of least-squares lines from a single latent, and of the linear probe from the whole code.

    For factor k the latent is chosen on the train rows, by squared correlation; R^2, ``1 - squared error / squared
    deviation from the test rows' mean``, is then measured on the test rows, and is at least 0. No paper's metric: the
    coefficient of determination. Up to 1: the code whose latents are shifted and scaled factors scores 1, one that
    holds each twice as well; a rotated one keeps ``linear`` at 1 and loses ``single``, which is 1/2 of each of two
    factors turned by 45 degrees; a random or constant one scores 0. What is read otherwise than by a line is missed,
    and numbers of a categorical factor's labels have no meaning here.

    Args:
        arrays: Fitted on the train rows, measured on the test rows.
        rng: Unused: nothing is drawn.

    Returns:
        ``score`` (mean over factors of ``single``); per factor ``single``, ``latent`` (its number) and ``linear``;
        a factor that is constant is None in all three, and so is the mean of none.
    """
    rows = [_one_factor(arrays, k) for k in range(arrays.factors.shape[1])]
    single, latent, linear = [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]
    return {"score": mean_known(single), "single": single, "latent": latent, "linear": linear}


def _one_factor(arrays: Arrays, k: int) -> tuple[float | None, int | None, float | None]:
    target, truth = arrays.factors[:, k], arrays.factors_test[:, k]
    if target.min() == target.max() or truth.min() == truth.max():
        return None, None, None
    z = arrays.codes - arrays.codes.mean(0)
    tilt = ((z * (target - target.mean())[:, None]).sum(0)) ** 2 / (z**2).sum(0)
    best = int(torch.where(z.abs().amax(0) > 0, tilt, 0.0).argmax())
    single = fit_r2(arrays.codes[:, [best]], target, arrays.codes_test[:, [best]], truth)
    return single, best, fit_r2(arrays.codes, target, arrays.codes_test, truth)


def fit_r2(x: Tensor, y: Tensor, x_test: Tensor, y_test: Tensor) -> float:
    """R^2 on test rows of least squares with intercept, at least 0: codes ``(n, d)``, target ``(n,)``."""
    mean, level = x.mean(0), y.mean()
    weights = torch.linalg.pinv(x - mean) @ (y - level)
    residual = y_test - level - (x_test - mean) @ weights
    return max(0.0, 1 - float((residual**2).sum() / ((y_test - y_test.mean()) ** 2).sum()))
