"""Separated attribute predictability (Kumar et al. 2018, arXiv:1711.00848, section 3)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from . import _svm
from ._spec import Arrays, Reading, mean_known
from ._tensors import standardised_alike


def sap(arrays: Arrays, rng: np.random.Generator, protocol: Reading = None) -> dict[str, Any]:
    """``mean over factors of S_1st - S_2nd``, S_dk saying how well latent d alone predicts factor k.

    For a discrete factor S is the held-out accuracy of a linear support vector machine (C = 0.01, classes weighted
    alike, one against the rest); for a continuous one it is the squared correlation. A code of one latent has no
    second: its gap is the whole of S.

    From 0 to 1, and hardly ever 1: a code with one latent per factor scores 1 only where a line separates every value
    from all others, as for two or three values, and about 0.1 or less for a factor of dozens; a duplicated code scores
    0, a random one near 0, a rotated one between. Continuous factors have no such ceiling.

    Differs from ``protocol="disentanglement_lib"``: latents are standardised, so the score doesn't depend on their
    scale, and the machines are solved to their optimum; there, scikit-learn's `LinearSVC` is fitted to the latents as
    they are, and its tolerance decides a few points differently.

    Args:
        arrays: Machines are fitted on the train rows and scored on the test rows; correlations are of the test rows
            too, unless those were given apart.
        rng: Unused: nothing is drawn.
        protocol: None, or the name of the library whose reading is followed.

    Returns:
        ``score``, the mean of ``per_factor`` (None for a factor that is constant on the train rows, and the mean of
        none); ``scores``, S ``(D, K)``.
    """
    columns = [_scores(arrays, k, protocol) for k in range(arrays.factors.shape[1])]
    gaps = [None if column is None else _gap(column) for column in columns]
    nothing = torch.zeros(arrays.codes.shape[1])
    table = torch.stack([nothing if column is None else column.cpu() for column in columns], 1)
    return {"score": mean_known(gaps), "per_factor": gaps, "scores": table.tolist()}


def _gap(column: Tensor) -> float:
    top = column.sort(descending=True).values
    return float(top[0] - top[1] if len(top) > 1 else top[0])


def _scores(arrays: Arrays, k: int, protocol: Reading) -> Tensor | None:
    if not arrays.is_discrete(k):
        return _squared_correlations(arrays.measured_codes, arrays.measured_factors[:, k])
    y, y_test = arrays.labels(k)
    if y.min() == y.max():
        return None
    if protocol is not None:
        return _library_accuracies(arrays, y, y_test)
    x, x_test = standardised_alike(arrays.codes, arrays.codes_test)
    return _svm.accuracies(x, y, x_test, y_test)


def _squared_correlations(z: Tensor, factor: Tensor) -> Tensor | None:
    """Of each latent, ``(n, D)``, with the factor, ``(n,)``; 0 for a latent of hardly any variance."""
    z, factor = z - z.mean(0), factor - factor.mean()
    variance, total = (z**2).mean(0), (factor**2).mean()
    if not total > 0:
        return None
    return torch.where(variance > 1e-12, ((z * factor[:, None]).mean(0)) ** 2 / (variance * total), 0.0)


def _library_accuracies(arrays: Arrays, y: Tensor, y_test: Tensor) -> Tensor:
    from sklearn.svm import LinearSVC  # takes a second to import

    labels, wanted = y.cpu().numpy(), y_test.cpu().numpy()
    found = []
    for x, x_test in zip(arrays.codes.cpu().numpy().T, arrays.codes_test.cpu().numpy().T, strict=True):
        model = LinearSVC(C=0.01, class_weight="balanced").fit(x[:, None], labels)
        found.append(float((model.predict(x_test[:, None]) == wanted).mean()))
    return torch.tensor(found, dtype=torch.float64)
