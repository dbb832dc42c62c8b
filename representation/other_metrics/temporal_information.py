"""How much groups of latents know of their own next states, and of the others' (Whitney & Fergus, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from ...errors import InputError
from ..metrics._ksg import between_vectors, noisy
from ..metrics._spec import Floats
from ..metrics._tensors import checked, standardised

NEIGHBOURS = 3
PARTITIONS = 20


def temporal_information(codes: Any, groups: Sequence[Sequence[int]], rng: np.random.Generator) -> dict[str, Any]:
    """``I(z_i,t+1; z_j,t)`` of groups i and j of latents, in nats ("Disentangling Video with Independent Prediction").

    The estimate of Kraskov et al. (2004, estimator 1) with 3 neighbours, over all pairs of successive frames of all
    sequences; latents are standardised. ``same`` is the mean over groups of i = j, ``cross`` the mean over ordered
    pairs of different groups, as the paper's table 2 reports them (two digits: 4.61 and 0.75 nats; entangled: 4.66
    and 2.61). The paper doesn't say how many neighbours, nor whether the other groups are taken one by one, as here.

    Groups that move by themselves have a ``cross`` of about 0, and no bound on ``same``; mixed ones lose the
    difference, copies of a group have ``same`` = ``cross``, and noise that is new in each frame has 0 in both. Frames
    of one sequence lie near each other in every group, which the estimate takes for information: prefer many short
    sequences to few long ones. Large values come out too low, the more so in large groups, as neighbours then lie too
    far apart to show them.

    Args:
        codes: ``(N, T, D)``: sequences, at least two frames, latents.
        groups: Numbers of each group's latents, at least one group.
        rng: Draws the jitter of 1e-10 that parts equal values.

    Returns:
        ``same``, ``cross`` (0 for a single group), ``information``, ``[i][j]`` as above.

    Raises:
        InputError: Another shape, NaN or infinity, too few frames, an empty group, a latent that isn't there, or is
            there twice.
    """
    sequences = _checked(codes)
    _check_groups(groups, sequences.shape[2])
    before, after = _successive(sequences, rng)
    return _measure(before, after, groups)


def entangled_information(
    codes: Any, groups: int, rng: np.random.Generator, partitions: int = PARTITIONS
) -> dict[str, Any]:
    """`temporal_information` of a model without groups: of several random partitions, the one that parts it best.

    As in the paper: 20 random partitions of the latents into ``groups`` groups (of equal size, or one more), and the
    numbers of that with the largest ``same`` - ``cross``. The choice favours the entangled model: an upper end.

    Args:
        codes: ``(N, T, D)``.
        groups: How many, 1 to D.
        rng: Draws partitions and jitter.
        partitions: How many are tried, at least 1.

    Returns:
        `temporal_information`'s numbers, and ``groups``, the partition.

    Raises:
        InputError: As there; ``groups`` or ``partitions`` out of range.
    """
    sequences = _checked(codes)
    latents = sequences.shape[2]
    if not 1 <= groups <= latents:
        raise InputError(f"groups must be from 1 to {latents}, the number of latents, not {groups}")
    if partitions < 1:
        raise InputError(f"partitions must be at least 1, not {partitions}")
    before, after = _successive(sequences, rng)
    tried = [np.array_split(rng.permutation(latents), groups) for _ in range(partitions)]
    found = [
        {**_measure(before, after, partition), "groups": [group.tolist() for group in partition]} for partition in tried
    ]
    return max(found, key=lambda numbers: float(numbers["same"] - numbers["cross"]))


def _measure(before: Floats, after: Floats, groups: Sequence[Any]) -> dict[str, Any]:
    """Points ``(P, D)`` of a frame and of the next."""
    table = np.array(
        [[between_vectors(after[:, list(i)], before[:, list(j)], NEIGHBOURS) for j in groups] for i in groups]
    )
    off = ~np.eye(len(groups), dtype=bool)
    cross = float(table[off].mean()) if off.any() else 0.0
    return {"same": float(table.diagonal().mean()), "cross": cross, "information": table.tolist()}


def _successive(sequences: Tensor, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Frames but the last, and frames but the first, as points: ``(N (T - 1), D)``."""
    flat = noisy(standardised(sequences.flatten(0, 1)), rng).reshape(sequences.shape).cpu().numpy()
    latents = sequences.shape[2]
    return flat[:, :-1].reshape(-1, latents), flat[:, 1:].reshape(-1, latents)


def _checked(codes: Any) -> Tensor:
    sequences = checked("codes", codes, ("sequences", "frames", "latents"))
    pairs = sequences.shape[0] * (sequences.shape[1] - 1)
    if pairs <= NEIGHBOURS:
        raise InputError(f"codes has {pairs} pairs of successive frames; more than {NEIGHBOURS} are needed")
    return sequences


def _check_groups(groups: Sequence[Sequence[int]], latents: int) -> None:
    if not groups or any(not len(group) for group in groups):
        raise InputError("groups must be at least one group, each of at least one latent")
    for latent in (latent for group in groups for latent in group):
        if not 0 <= latent < latents:
            raise InputError(f"groups must hold latents from 0 to {latents - 1}, not {latent}")
    every = [latent for group in groups for latent in group]
    if len(set(every)) < len(every):
        raise InputError("groups must have no latent in common, nor one twice")
