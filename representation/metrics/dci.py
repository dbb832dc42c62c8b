"""Disentanglement, completeness, informativeness (Eastwood & Williams 2018, ICLR), with boosted trees."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _boosting
from ._dci import report, varying_factors
from ._spec import Arrays


def dci(arrays: Arrays, rng: np.random.Generator) -> dict[str, Any]:
    """Entropies of the importance matrix R ``(D, K)`` of boosted trees that predict each factor from the code.

    ``disentanglement = sum_d rho_d (1 - H_K(R_d / sum R_d))``, rho_d being latent d's share of all importance;
    ``completeness = mean over k of 1 - H_D(R_k / sum R_k)``; ``informativeness`` = mean held-out accuracy, or R^2 (at
    least 0) for a continuous factor. That is disentanglement_lib's reading: importances are shares of the reduction of
    impurity and sum to 1 for each factor, logarithms have the base K or D, 1e-11 is added. A factor that is constant on
    the train or on the test rows is left out of all three.

    From 0 to 1: one latent per factor scores 1, 1, 1; a duplicated code loses completeness alone, by up to log 2 / log
    D (trees may prefer one copy); a rotated code keeps most of informativeness and loses the others; a random code has
    informativeness at chance, and the rest near 0 with many rows. A constant code scores 0, 0 and chance. Importances
    of trees are biased towards latents with many values, and dead latents cost completeness nothing.

    This is scikit-learn's gradient boosting with features cut into 256 bins or more and all classes fitted at once,
    which is many times as fast; `dci_exact` is scikit-learn's own (tests hold the two within 0.02 of each other in each
    of the three numbers; with few points for many values they may differ by more). `dci_lasso` and `dci_forest` are the
    paper's.

    Args:
        arrays: Trained on the train rows, informativeness on the test rows.
        rng: Decides between equally good splits.

    Returns:
        ``disentanglement``, ``completeness``, ``informativeness``; ``error``, the mean over factors of
        ``error_per_factor`` (the error rate, or for a continuous factor the root-mean-square error as a share of its
        standard deviation, NRMSE; None for a factor left out); ``zero_shot_gap``, the mean over factors of the error on
        test rows whose combination of labels no train row has, minus that on the others (None unless the test rows hold
        both); ``importance``, R ``(D, K)``, to draw as a Hinton diagram, 0 for a factor left out. With none left
        all means are None.
    """
    kept = varying_factors(arrays)
    targets = [
        _boosting.classes(arrays.labels(k)[0]) if arrays.is_discrete(k) else _boosting.continuum(arrays.factors[:, k])
        for k in kept
    ]
    fitted = _boosting.boost(arrays.codes, arrays.codes_test, targets, rng) if kept else []
    return report(arrays, kept, fitted, [k for k in kept if not arrays.is_discrete(k)])
