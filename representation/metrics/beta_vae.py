"""The beta-VAE score (Higgins et al. 2017, ICLR, section 3)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ._groups import Drawn, Encode, Encoded, Sampler, Source, gather, labelled, only, row_sources, shares
from ._logistic import fit_logistic, predict_log
from ._spec import Arrays, Reading, varying
from ._tensors import standardised_alike

VOTES, VOTES_TEST, BATCH = 10_000, 5_000, 64


def beta_vae(arrays: Arrays, rng: np.random.Generator, protocol: Reading = None) -> dict[str, Any]:
    """Held-out accuracy of a linear classifier that tells which factor pairs of states share.

    A point is ``mean |z_i - z_j|`` over 64 pairs, all sharing factor k (each pair its own value, drawn as often as it
    occurs) and random in the rest; a multinomial logistic regression (scikit-learn's penalty) learns k from 10,000
    points and is tested on 5,000. Read from a fixed set of states; `from_sampler` intervenes instead.

    From 1/K (chance) to 1: a code with one latent per factor scores 1, a duplicated one too, and so do many that are
    not disentangled: a rotated code (each factor narrows its own mixture of the differences), and a code that lacks one
    factor (the others' absence tells). A random one scores 1/K, and so does a constant one. A factor that is constant,
    or that no two rows share, is left out; with none left the score is None.

    Differs from ``protocol="disentanglement_lib"``: latents and points are standardised, so the score doesn't depend on
    the scale, and points to fit come from the train rows and points to test from the test rows; there codes are taken
    as they are, and both are drawn from all rows.

    Args:
        arrays: Codes and factors.
        rng: Draws factors, values and states.
        protocol: None, or the name of the library whose reading is followed.

    Returns:
        ``score``.
    """
    sources, factors = row_sources(arrays, protocol), arrays.factors.shape[1]
    usable = [k for k in varying(arrays.all_labels) if all(source.able(only(k, factors)) for source in sources)]
    return _score(sources, factors, usable, (VOTES, VOTES_TEST, BATCH), rng, scaled=protocol is None)


def from_sampler(
    encode: Encode,
    sampler: Sampler,
    rng: np.random.Generator,
    points: int = VOTES,
    points_test: int = VOTES_TEST,
    batch: int = BATCH,
) -> dict[str, Any]:
    """`beta_vae` of states that are made for it, in disentanglement_lib's reading: codes are taken as they are.

    Args:
        encode: From observations ``(n, ...)`` to codes ``(n, D)``.
        sampler: Draws observations with a factor held (see `Sampler`).
        rng: Draws everything.
        points: To fit.
        points_test: To test.
        batch: Pairs of each point.

    Returns:
        What `beta_vae` returns.
    """
    source, factors = Encoded(encode, sampler), sampler.factors
    sizes = (points, points_test, batch)
    return _score((source, source), factors, list(range(factors)), sizes, rng, scaled=False)


def _score(
    sources: tuple[Source, Source],
    factors: int,
    usable: list[int],
    sizes: tuple[int, int, int],
    rng: np.random.Generator,
    scaled: bool,
) -> dict[str, Any]:
    if not usable:
        return {"score": None}
    parts = []
    for source, points in zip(sources, sizes[:2], strict=True):
        drawn = zip(usable, shares(usable, points, rng), strict=True)
        parts.append(labelled([_points(source, only(k, factors), count, sizes[2], rng) for k, count in drawn]))
    (x, y), (x_test, y_test) = parts
    if scaled:
        x, x_test = standardised_alike(x, x_test)
    guess = predict_log(fit_logistic(x, y, len(usable)), x_test).argmax(1)
    return {"score": float((guess == y_test).double().mean())}


def _points(source: Source, held: tuple[bool, ...], points: int, batch: int, rng: np.random.Generator) -> Tensor:
    """Mean absolute differences of ``batch`` pairs each: ``(points, D)``."""

    def difference(drawn: Drawn) -> Tensor:
        return (drawn.codes[:, 0] - drawn.codes[:, 1]).abs()

    found = gather(source, held, points * batch, 2, rng, difference)
    return torch.mean(torch.unflatten(found, 0, (points, batch)), 1)
