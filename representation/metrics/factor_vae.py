"""The FactorVAE score (Kim & Mnih 2018, arXiv:1802.05983, section 4)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._spec import Arrays, Floats, Labels

VOTES, VOTES_TEST, BATCH = 10_000, 5_000, 64
_DEAD = 0.05


def factor_vae(arrays: Arrays, rng: np.random.Generator) -> dict[str, Any]:
    """Held-out accuracy of the majority vote that guesses which factor was held fixed.

    A vote takes 64 codes of states that share one factor's value (drawn with replacement, the value as often as it
    occurs) and names the latent of smallest variance relative to its global variance. As in disentanglement_lib:
    10,000 votes to fit and 5,000 to test, and latents with a standard deviation below 0.05 take no part. Read from
    a fixed set of states, so factors that depend on each other (walls) are drawn as they occur. From 1/K (chance)
    to 1: a code with one latent per factor scores 1, a duplicated one too; a random one scores about 1/K.

    Args:
        arrays: Train and test rows are used together.
        rng: Draws factors, values and states.

    Returns:
        ``score``; ``active``, the number of latents that vote (with none, the score is 0).
    """
    codes = arrays.all_codes
    active = codes.std(0, ddof=1) >= _DEAD
    if not active.any():
        return {"score": 0.0, "active": 0}
    scaled = codes[:, active] / codes[:, active].std(0, ddof=1)
    labels = np.stack([np.concatenate(arrays.labels(k)) for k in range(arrays.factors.shape[1])], 1)
    varying = np.flatnonzero(labels.max(0) > labels.min(0))
    if not len(varying):
        return {"score": 0.0, "active": int(active.sum())}
    factors = rng.choice(varying, VOTES + VOTES_TEST)
    latents = _votes(scaled, labels, factors, rng)
    table = np.zeros((scaled.shape[1], labels.shape[1]))
    np.add.at(table, (latents[:VOTES], factors[:VOTES]), 1)
    guess = table.argmax(1)
    return {"score": float((guess[latents[VOTES:]] == factors[VOTES:]).mean()), "active": int(active.sum())}


def _votes(scaled: Floats, labels: Labels, factors: Labels, rng: np.random.Generator) -> Labels:
    """For each factor held fixed, ``(v,)``, the latent that varies least: ``(v,)``."""
    latents = np.empty(len(factors), dtype=np.int64)
    for k in np.unique(factors):
        rows = np.flatnonzero(factors == k)
        order = np.argsort(labels[:, k], kind="stable")
        ordered = labels[order, k]
        value = ordered[rng.integers(len(order), size=len(rows))]
        first, last = np.searchsorted(ordered, value, "left"), np.searchsorted(ordered, value, "right")
        picks = first[:, None] + (rng.random((len(rows), BATCH)) * (last - first)[:, None]).astype(np.int64)
        latents[rows] = scaled[order[picks]].var(1, ddof=1).argmin(1)
    return latents
