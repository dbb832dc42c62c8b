"""Disentanglement, completeness, informativeness (Eastwood & Williams 2018, ICLR)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._spec import Arrays, Floats

_TINY = 1e-11


def dci(arrays: Arrays, rng: np.random.Generator) -> dict[str, Any]:
    """Entropies of the importance matrix R of boosted trees that predict each factor from the code.

    With disentanglement_lib's reading: one scikit-learn GradientBoostingClassifier (defaults) per factor, importances
    that sum to 1 per factor, disentanglement = sum over latents of their share of all importance times
    (1 - H_K(row of R)), completeness = mean over factors of (1 - H_D(column of R)), informativeness = mean held-out
    accuracy. A factor of a continuum is regressed (GradientBoostingRegressor, informativeness its R^2, at least 0). A
    factor that is constant on the train or the test rows is left out of all three.
    From 0 to 1: one latent per factor scores 1, 1, 1; a rotated code keeps informativeness and loses the others; a
    random code has informativeness at chance. Importances of trees are biased towards latents with many values.

    Args:
        arrays: Trained on the train rows, informativeness on the test rows.
        rng: Seeds the trees.

    Returns:
        ``disentanglement``, ``completeness``, ``informativeness``, and ``importance``, the matrix R ``(D, K)``, 0 for
        a factor that is left out.
    """
    varying = [
        k for k in range(arrays.factors.shape[1]) if _varies(arrays.factors, k) and _varies(arrays.factors_test, k)
    ]
    importance = np.zeros((arrays.codes.shape[1], arrays.factors.shape[1]))
    if not varying:
        scores = dict.fromkeys(("disentanglement", "completeness", "informativeness"), 0.0)
        return {**scores, "importance": importance.tolist()}
    fitted = [_importance(arrays, k, rng) for k in varying]
    importance[:, varying] = np.stack([column for column, _ in fitted], axis=1)
    return {
        "disentanglement": disentanglement(importance[:, varying]),
        "completeness": completeness(importance[:, varying]),
        "informativeness": float(np.mean([score for _, score in fitted])),
        "importance": importance.tolist(),
    }


def _varies(factors: Floats, k: int) -> bool:
    return bool(np.ptp(factors[:, k]) > 0)


def disentanglement(importance: Floats) -> float:
    """1 - entropy (base K) of each latent's importances, weighted by the latent's share of all importance."""
    if importance.shape[1] == 1:
        return 1.0
    share = importance.sum(1) / max(importance.sum(), _TINY)
    return float((share * (1 - _entropy(importance.T, importance.shape[1]))).sum())


def completeness(importance: Floats) -> float:
    """Mean over factors of 1 - entropy (base D) of the factor's importances."""
    if importance.shape[0] == 1:
        return 1.0
    return float((1 - _entropy(importance, importance.shape[0])).mean())


def _entropy(columns: Floats, base: int) -> Floats:
    """Of each column, normalised to sum 1."""
    p = (columns + _TINY) / (columns + _TINY).sum(0)
    return np.asarray(-(p * np.log(p)).sum(0) / np.log(base))


def _importance(arrays: Arrays, k: int, rng: np.random.Generator) -> tuple[Floats, float]:
    """Importance ``(D,)`` of each latent for factor ``k``, and the held-out score."""
    from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor  # takes a second to import

    seed = int(rng.integers(2**31))
    if arrays.is_discrete(k):
        train, test = arrays.labels(k)
        model = GradientBoostingClassifier(random_state=seed).fit(arrays.codes, train)
        return model.feature_importances_, float(model.score(arrays.codes_test, test))
    model = GradientBoostingRegressor(random_state=seed).fit(arrays.codes, arrays.factors[:, k])
    return model.feature_importances_, max(0.0, float(model.score(arrays.codes_test, arrays.factors_test[:, k])))
