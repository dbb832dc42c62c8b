"""How well each factor is read, linearly, from one latent, and from all of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._spec import Arrays, Floats


def r2(arrays: Arrays, rng: np.random.Generator) -> dict[str, Any]:
    """Held-out R^2 of least-squares lines from a single latent, and of the linear probe from the whole code.

    For factor k the latent is chosen on the train rows; R^2 is then measured on the test rows against the test mean,
    and is at least 0. Up to 1: the code whose latents are shifted and scaled factors scores 1; a rotated one keeps
    ``linear`` at 1 and loses ``single``. Numbers of a categorical factor's labels have no meaning here.

    Args:
        arrays: Fitted on the train rows, measured on the test rows.
        rng: Unused: nothing is drawn.

    Returns:
        ``score`` (mean over factors of ``single``); per factor ``single``, ``latent`` (its number) and ``linear``;
        a factor that is constant is None in all three.
    """
    rows = [_one_factor(arrays, k) for k in range(arrays.factors.shape[1])]
    known = [row[0] for row in rows if row[0] is not None]
    single, latent, linear = (list(column) for column in zip(*rows, strict=True))
    return {"score": float(np.mean(known)) if known else 0.0, "single": single, "latent": latent, "linear": linear}


def _one_factor(arrays: Arrays, k: int) -> tuple[float | None, int | None, float | None]:
    target, truth = arrays.factors[:, k], arrays.factors_test[:, k]
    if np.ptp(target) == 0 or np.ptp(truth) == 0:
        return None, None, None
    fits = [fit_r2(arrays.codes[:, [d]], target, arrays.codes[:, [d]], target) for d in range(arrays.codes.shape[1])]
    best = int(np.argmax(fits))
    single = fit_r2(arrays.codes[:, [best]], target, arrays.codes_test[:, [best]], truth)
    return single, best, fit_r2(arrays.codes, target, arrays.codes_test, truth)


def fit_r2(x: Floats, y: Floats, x_test: Floats, y_test: Floats) -> float:
    """R^2 on test rows of least squares with intercept, at least 0: codes ``(n, d)``, target ``(n,)``."""
    design, design_test = (np.column_stack([part, np.ones(len(part))]) for part in (x, x_test))
    weights = np.linalg.lstsq(design, y, rcond=None)[0]
    residual = y_test - design_test @ weights
    return max(0.0, 1 - float((residual**2).sum() / ((y_test - y_test.mean()) ** 2).sum()))
