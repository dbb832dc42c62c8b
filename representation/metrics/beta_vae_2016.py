"""The changed-factor score (Higgins et al. 2016, arXiv:1606.05579), with differences normalised by their maximum."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ._groups import Drawn, Encode, Encoded, Sampler, Source, all_but, gather, labelled, row_sources
from ._logistic import fit_logistic, predict_log
from ._spec import Arrays, varying

PAIRS, PAIRS_TEST = 10_000, 5_000


def beta_vae_2016(arrays: Arrays, rng: np.random.Generator) -> dict[str, Any]:
    """Held-out accuracy of a linear classifier that tells which single factor differs between two states.

    From ``|z_1 - z_2| / max_d |z_1 - z_2|`` of one pair whose other factors are equal, a multinomial logistic
    regression (scikit-learn's penalty) learns which factor it was: as in the study of beta's effects, section 3.1.2,
    where the classifier is said to be linear and of low capacity. The maximum is over the latents of the pair; a pair
    whose codes are equal stays 0. Read from a fixed set of states, whose rows must hold such pairs (a grid of factors,
    or few values); `from_sampler` intervenes instead.

    From the share of the commonest factor (chance) to 1: a code with one latent per factor scores 1, a duplicated one
    too, and one that lacks one factor nearly so, as pairs that change nothing tell; a rotated code scores less but far
    above chance; random and constant ones are at chance. The scale of single latents matters: one that is large and
    noisy hides the others. A factor that is constant, or that never changes alone, is left out.

    Args:
        arrays: Pairs to fit are of the train rows, pairs to test of the test rows.
        rng: Draws pairs.

    Returns:
        ``score``; ``chance``, the share of the commonest factor among the pairs to test; ``factors``, those that were
        told apart.

    Raises:
        InputError: No two rows differ in one factor alone.
    """
    sources, factors = row_sources(arrays, None), arrays.factors.shape[1]
    usable = [k for k in varying(arrays.all_labels) if all(source.able(all_but(k, factors)) for source in sources)]
    if not usable:
        raise InputError(
            "beta_vae_2016 needs rows that differ in one factor alone, among the train and among the test rows, and "
            "there are none; give rows of a grid of factors, or intervene (beta_vae_2016.from_sampler)"
        )
    return _score(sources, factors, usable, (PAIRS, PAIRS_TEST), rng)


def from_sampler(
    encode: Encode, sampler: Sampler, rng: np.random.Generator, pairs: int = PAIRS, pairs_test: int = PAIRS_TEST
) -> dict[str, Any]:
    """`beta_vae_2016` of states that are made for it.

    Args:
        encode: From observations ``(n, ...)`` to codes ``(n, D)``.
        sampler: Draws observations with all factors but one held (see `Sampler`).
        rng: Draws everything.
        pairs: To fit; those whose factor happens to be drawn the same are left out.
        pairs_test: To test.

    Returns:
        What `beta_vae_2016` returns.
    """
    source, factors = Encoded(encode, sampler), sampler.factors
    return _score((source, source), factors, list(range(factors)), (pairs, pairs_test), rng)


def _score(
    sources: tuple[Source, Source],
    factors: int,
    usable: list[int],
    sizes: tuple[int, int],
    rng: np.random.Generator,
) -> dict[str, Any]:
    parts = []
    for source, pairs in zip(sources, sizes, strict=True):
        each = max(1, pairs // len(usable))
        parts.append(labelled([_differences(source, k, factors, each, rng) for k in usable]))
    (x, y), (x_test, y_test) = parts
    guess = predict_log(fit_logistic(x, y, len(usable)), x_test).argmax(1)
    chance = float(torch.bincount(y_test).max() / len(y_test))
    return {"score": float((guess == y_test).double().mean()), "chance": chance, "factors": usable}


def _differences(source: Source, k: int, factors: int, pairs: int, rng: np.random.Generator) -> Tensor:
    """Normalised differences of pairs in which factor ``k`` alone differs: ``(pairs that do, D)``."""

    def read(drawn: Drawn) -> Tensor:
        changed = drawn.factors[:, 0, k] != drawn.factors[:, 1, k]
        gap = (drawn.codes[:, 0] - drawn.codes[:, 1]).abs()[changed.to(drawn.codes.device)]
        return gap / gap.amax(1, keepdim=True).clamp(min=1e-30)

    return gather(source, all_but(k, factors), pairs, 2, rng, read)
