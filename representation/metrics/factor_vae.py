"""The FactorVAE score (Kim & Mnih 2018, arXiv:1802.05983, section 4)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ._groups import Drawn, Encode, Encoded, Sampler, Source, gather, only, row_sources, shares
from ._spec import Arrays, Reading, varying

VOTES, VOTES_TEST, BATCH = 10_000, 5_000, 64
_DEAD, _POINTS = 0.05, 10_000


def factor_vae(arrays: Arrays, rng: np.random.Generator, protocol: Reading = None) -> dict[str, Any]:
    """Held-out accuracy of the majority vote that guesses which factor was held fixed.

    A vote takes 64 codes of states that share one factor's value (drawn with replacement, the value as often as it
    occurs) and names the latent of smallest variance relative to its global variance. As in disentanglement_lib:
    10,000 votes to fit and 5,000 to test, and latents with a standard deviation below 0.05 take no part (codes are
    taken to be on a unit prior's scale). Read from a fixed set of states, so factors that depend on each other (walls)
    are drawn as they occur; `from_sampler` intervenes instead.

    From 1/K (chance) to 1: a code with one latent per factor scores 1, a duplicated one too, and one that lacks a
    factor little less than (K - 1)/K or more; a rotated one scores less where its latents don't lean to different
    factors; a random one about 1/K with many rows per value (few rows, drawn again and again, give themselves away). A
    factor that is constant, or that no two rows share, is left out; with no latent left the score is 0, with no
    factor None.

    Differs from ``protocol="disentanglement_lib"``: votes to fit come from the train rows and votes to test from the
    test rows; there both are drawn from all.

    Args:
        arrays: Codes and factors.
        rng: Draws factors, values and states.
        protocol: None, or the name of the library whose reading is followed.

    Returns:
        ``score``; ``active``, the number of latents that vote.
    """
    sources, factors = row_sources(arrays, protocol), arrays.factors.shape[1]
    spread = sources[0].codes.std(0)
    usable = [k for k in varying(arrays.all_labels) if all(source.able(only(k, factors)) for source in sources)]
    return _score(sources, factors, usable, spread, (VOTES, VOTES_TEST, BATCH), rng)


def from_sampler(
    encode: Encode,
    sampler: Sampler,
    rng: np.random.Generator,
    votes: int = VOTES,
    votes_test: int = VOTES_TEST,
    batch: int = BATCH,
) -> dict[str, Any]:
    """`factor_vae` of states that are made for it: factors are drawn and set, observed, and encoded.

    The global variance is that of 10,000 more states, none of their factors held.

    Args:
        encode: From observations ``(n, ...)`` to codes ``(n, D)``.
        sampler: Draws observations with a factor held (see `Sampler`).
        rng: Draws everything.
        votes: To fit.
        votes_test: To test.
        batch: States of each vote.

    Returns:
        What `factor_vae` returns.
    """
    source, factors = Encoded(encode, sampler), sampler.factors
    codes = gather(source, [False] * factors, _POINTS, 1, rng, lambda drawn: drawn.codes[:, 0])
    return _score((source, source), factors, list(range(factors)), codes.std(0), (votes, votes_test, batch), rng)


def _score(
    sources: tuple[Source, Source],
    factors: int,
    usable: list[int],
    spread: Tensor,
    sizes: tuple[int, int, int],
    rng: np.random.Generator,
) -> dict[str, Any]:
    active = spread >= _DEAD
    if not active.any() or not usable:
        return {"score": 0.0 if usable else None, "active": int(active.sum())}
    scale = torch.where(active, spread, torch.nan)

    def vote(drawn: Drawn) -> Tensor:
        return (drawn.codes.var(1) / scale**2).nan_to_num(torch.inf).argmin(1)

    tables = []
    for source, votes in zip(sources, sizes[:2], strict=True):
        drawn = zip(usable, shares(usable, votes, rng), strict=True)
        found = [gather(source, only(k, factors), count, sizes[2], rng, vote) for k, count in drawn]
        tables.append(torch.stack([torch.bincount(latents, minlength=len(spread)) for latents in found], 1))
    guess = tables[0].argmax(1)
    right = tables[1].gather(1, guess[:, None]).sum()
    return {"score": int(right) / int(tables[1].sum()), "active": int(active.sum())}
