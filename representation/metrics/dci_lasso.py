"""DCI (see `dci`) with the paper's lasso regressors."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch

from ._dci import Fitted, quarter, report, varying_factors
from ._spec import Arrays
from ._tensors import standardised_alike

PENALTIES = tuple(10.0**power for power in np.linspace(-4, 0, 17))


def dci_lasso(arrays: Arrays, rng: np.random.Generator) -> dict[str, Any]:
    """`dci`'s numbers with ``R_dk = |W_dk|``, the weights of a lasso for each factor (Eastwood & Williams, section 2).

    Codes and factors are standardised; the penalty is chosen among 17 from 1e-4 to 1 by the error on a random quarter
    of the train rows, and the lasso then fitted to all of them. Every factor is predicted as a number, so that
    ``error`` is the paper's NRMSE (1 = as good as the mean) and ``informativeness`` R^2; a categorical factor's labels
    have no order. From 0 to 1: one latent that grows linearly with each factor scores 1, 1, 1; a latent that holds a
    factor in a curve (an angle's sine) counts for less than it knows; a rotated code keeps informativeness at 1. Of two
    equal latents the lasso may take either. A random code scores 0 informativeness, and what its weights say means
    nothing.

    Args:
        arrays: Trained on the train rows, error on the test rows.
        rng: Draws the quarter.

    Returns:
        What `dci` returns.
    """
    kept = varying_factors(arrays)
    fitted = [_fit(arrays, k, rng) for k in kept]
    return report(arrays, kept, fitted, kept)


def _fit(arrays: Arrays, k: int, rng: np.random.Generator) -> Fitted:
    from sklearn.linear_model import Lasso, lasso_path  # takes a second to import

    x, x_test = (part.cpu().numpy() for part in standardised_alike(arrays.codes, arrays.codes_test))
    target = arrays.factors[:, k].cpu().numpy()
    mean, scale = target.mean(), target.std()
    y = (target - mean) / scale
    held, rest = quarter(len(x), rng)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of many penalties some converge late; the error on held rows judges them
        centre, level = x[rest].mean(0), y[rest].mean()
        penalties, paths, _ = lasso_path(x[rest] - centre, y[rest] - level, alphas=PENALTIES)
        errors = ((y[held, None] - level - (x[held] - centre) @ paths) ** 2).mean(0)
        model = Lasso(float(penalties[errors.argmin()])).fit(x, y)
    return torch.from_numpy(np.abs(model.coef_)), torch.from_numpy(model.predict(x_test) * scale + mean)
