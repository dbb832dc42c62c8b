"""Unsupervised disentanglement ranking (Duan et al. 2020, arXiv:1905.12614)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ..metrics._tensors import checked, mid_ranks, standardised

FORMS = ("lasso", "spearman")
LASSO_ALPHA = 0.1
KL_THRESHOLD = 0.01


def udr(codes: Sequence[Any], kl: Sequence[Any] | None = None, form: str = "lasso") -> dict[str, Any]:
    """How alike the codes of several models are, up to order and sign of latents; it needs no factors.

    Models that disentangle tend to find the same latents, models that don't each their own mixture. For models i and j
    a matrix R ``(D_i, D_j)`` says how latents go together: absolute weights of Lasso regressions (alpha 0.1) of each of
    j's latents on i's standardised code, or absolute Spearman correlations. A pair's score is the mean of
    ``max^2 / sum`` over R's columns, and the same over its rows, halved (the paper divides both sums by D_i + D_j: the
    same where as many latents are active in both; this is its authors' code). A model's is the median over its
    partners of the pairs that end in it (j above; Lasso weights aren't symmetric).

    From 0 to 1. The same code in another order and with other signs scores 1 (Lasso: 0.9, as the penalty shortens a
    weight by alpha); codes that each model rotates its own way score about 0.5 where 3 latents mix, less where more
    do; independent random codes 0 (Lasso) or the small correlations of n points (Spearman); a constant code 0;
    latents that both models hold twice 1 / 2. It compares models with each other, so all may agree on what is wrong,
    and models that drop factors agree easily: use it among models of one data set that were trained well.

    Args:
        codes: At least two codes ``(n, D_m)`` of the same n images in the same order; mean codes.
        kl: Per model, each latent's mean KL divergence from the prior ``(D_m,)``, nats: latents of at most 0.01 take
            no part. Without it every latent that isn't constant does.
        form: ``"lasso"`` or ``"spearman"``.

    Returns:
        ``scores``, one a model; ``pairs``, ``(models, models)``, 0 on the diagonal.

    Raises:
        InputError: Fewer than two codes, shapes that don't match, NaN or infinity, an unknown form.
    """
    if form not in FORMS:
        raise InputError(f"form must be lasso or spearman, not {form!r}")
    active = _active(codes, kl)
    prepared = [standardised(code if form == "lasso" else mid_ranks(code)) for code in active]
    models = range(len(prepared))
    relation = _lasso if form == "lasso" else _correlation
    pairs = np.array([[_score(relation(prepared[i], prepared[j])) if i != j else 0.0 for j in models] for i in models])
    return {"scores": [float(np.median(np.delete(pairs[:, j], j))) for j in models], "pairs": pairs.tolist()}


def _active(codes: Sequence[Any], kl: Sequence[Any] | None) -> list[Tensor]:
    """Codes without the latents that take no part."""
    if len(codes) < 2:
        raise InputError(f"codes must be those of at least 2 models, not {len(codes)}")
    checks = [checked(f"codes[{m}]", code, ("points", "latents")) for m, code in enumerate(codes)]
    for m, code in enumerate(checks):
        if len(code) != len(checks[0]):
            raise InputError(
                f"codes[{m}] has {len(code)} points and codes[0] {len(checks[0])}; they must be of one set"
            )
    if kl is None:
        return checks
    if len(kl) != len(codes):
        raise InputError(f"kl is of {len(kl)} models and codes of {len(codes)}; they must agree")
    kept = [checked(f"kl[{m}]", one, ("latents",)) > KL_THRESHOLD for m, one in enumerate(kl)]
    for m, (code, mask) in enumerate(zip(checks, kept, strict=True)):
        if len(mask) != code.shape[1]:
            raise InputError(f"kl[{m}] has {len(mask)} latents and codes[{m}] {code.shape[1]}; they must agree")
    return [code[:, mask] for code, mask in zip(checks, kept, strict=True)]


def _lasso(one: Tensor, other: Tensor) -> Tensor:
    """Absolute weights of regressions of each of the ``other``'s columns on the one's: ``(D_i, D_j)``."""
    from sklearn.linear_model import Lasso  # takes a second to import

    if not one.shape[1] or not other.shape[1]:
        return one.new_zeros(one.shape[1], other.shape[1])
    fitted = Lasso(alpha=LASSO_ALPHA, precompute=True).fit(one.cpu().numpy(), other.cpu().numpy())
    return torch.from_numpy(np.abs(fitted.coef_).reshape(other.shape[1], one.shape[1]).T)


def _correlation(one: Tensor, other: Tensor) -> Tensor:
    """Absolute correlations of standardised columns: ``(D_i, D_j)``."""
    return (one.T @ other / len(one)).abs()


def _score(relation: Tensor) -> float:
    """Mean of max^2 / sum over columns, and over rows, halved; a row or column of zeros counts 0."""
    if not relation.numel():
        return 0.0
    return (_concentration(relation) + _concentration(relation.T)) / 2


def _concentration(rows: Tensor) -> float:
    total = rows.sum(1)
    return float((rows.amax(1).square() / torch.where(total > 0, total, 1.0)).mean())
