"""DCI (see `dci`) with the paper's random forests of ten trees."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ._dci import Fitted, quarter, report, varying_factors
from ._spec import Arrays

TREES, DEPTHS = 10, (2, 4, 8, 16, None)


def dci_forest(arrays: Arrays, rng: np.random.Generator) -> dict[str, Any]:
    """`dci`'s numbers from a regression forest of ten trees for each factor (Eastwood & Williams 2018, section 2).

    Codes and factors are standardised. The depth is chosen from 2, 4, 8, 16 and unlimited by the error on a random
    quarter of the train rows, and the forest then fitted to all of them. Every factor is predicted as a number, so that
    ``error`` is the paper's NRMSE (1 = as good as the mean) and ``informativeness`` R^2; a categorical factor's labels
    have no order, and what depends on them should be read with `dci`. Importances are scikit-learn's (share of the
    reduction of squared error), where the paper's text counts splits; the forest's other options are scikit-learn's.
    From 0 to 1: a perfect code scores 1, 1, 1, a rotated one keeps most of informativeness alone, a random one has
    informativeness 0. Ten trees leave importances noisy, and they favour latents with many values.

    Args:
        arrays: Trained on the train rows, error on the test rows.
        rng: Draws the quarter, and seeds the trees.

    Returns:
        What `dci` returns.
    """
    kept = varying_factors(arrays)
    fitted = [_fit(arrays, k, rng) for k in kept]
    return report(arrays, kept, fitted, kept)


def _fit(arrays: Arrays, k: int, rng: np.random.Generator) -> Fitted:
    from sklearn.ensemble import RandomForestRegressor  # takes a second to import

    x, y = arrays.codes.cpu().numpy(), arrays.factors[:, k].cpu().numpy()
    seed = int(rng.integers(2**31))
    held, rest = quarter(len(x), rng)
    models = [RandomForestRegressor(TREES, max_depth=depth, random_state=seed) for depth in DEPTHS]
    best = max(models, key=lambda model: float(model.fit(x[rest], y[rest]).score(x[held], y[held]))).fit(x, y)
    return torch.from_numpy(best.feature_importances_), torch.from_numpy(best.predict(arrays.codes_test.cpu().numpy()))
