"""What policies do to a world whose factors are known: information, modes and which factor each one moves.

Where nothing else is said, functions take ``probabilities``, pi_p(a) in each of n states, ``(n, P, A)``, and
``effects``, the change that each action makes there to the true factors, ``(n, A, F)``, NaN where the episode ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ..envs import Factor

SAME, MOST = 1e-4, 64
"""Effects that differ by less are one outcome; a world with more effects than so many has a continuum of them."""


class Information(NamedTuple):
    """In nats, means over the states."""

    found: float
    """I(policy; outcome | state), policies drawn uniformly."""
    ceiling: float
    """The most that any such policies can have."""


def movable(stated: Sequence[Factor], factors: Tensor) -> list[int]:
    """Places of the factors that actions change, and that vary in ``factors``, ``(n, F)``."""
    return [k for k, factor in enumerate(stated) if factor.controllable and bool(factors[:, k].std() > 0)]


def same_outcome(effects: Tensor) -> Tensor:
    """Whether two actions do the same in a state: bool ``(n, A, A)``; the end of an episode is an outcome too."""
    filled = effects.nan_to_num(torch.finfo(effects.dtype).max)
    return (filled[:, :, None] - filled[:, None]).abs().amax(3) < SAME


def information(probabilities: Tensor, effects: Tensor) -> Information:
    """The information that what happened has of which policy was followed (Thomas et al. 2018, section 3.1), exactly.

    ``I(p; o | s) = mean_s mean_p sum_o q(o | p, s) log(q(o | p, s) / mean_p' q(o | p', s))``, where actions that do the
    same are one outcome o. With P policies and m outcomes in a state the ceiling is ``log min(P, m)``, reached by
    policies without chance that are spread evenly; where m is no divisor of P it can be a little out of reach.

    From 0 (policies that all do the same) to the ceiling.
    """
    same = same_outcome(effects).to(probabilities.dtype)
    chance = probabilities @ same  # of the outcome that each action has, (n, P, A)
    ratio = chance / chance.mean(1, keepdim=True).clamp_min(torch.finfo(chance.dtype).tiny)
    found = torch.xlogy(probabilities, ratio).sum(2).mean()
    outcomes = (1 / same.sum(2)).sum(1).round()
    return Information(float(found), float(outcomes.clamp(max=probabilities.shape[1]).log().mean()))


def coverage(taken: Tensor, effects: Tensor) -> float:
    """Share of the outcomes that are possible in a state which some policy brings about there; mean over the states.

    From 0 to 1, the outcome that nothing changes and an episode's end included.

    Args:
        taken: The action (or sequence of actions) that each policy takes, int64 ``(n, P)``.
        effects: See above.
    """
    same = same_outcome(effects).to(effects.dtype)
    each = 1 / same.sum(2)  # an outcome counts once, however many actions have it
    found = same.gather(1, taken[:, :, None].expand(-1, -1, same.shape[2])).amax(1)
    return float(((found * each).sum(1) / each.sum(1)).mean())


def shares(probabilities: Tensor, effects: Tensor) -> Tensor:
    """How much of what a policy changes is each factor going up or down: ``(P, 2F)``, factors upwards, then downwards.

    Changes are counted in each factor's own mean step, so that tiles and colours weigh the same. A row sums to 1, or is
    0 for a policy that changes nothing. This is the selectivity matrix of policies and true factors.
    """
    known = effects.nan_to_num(0.0)
    size = known.abs()
    step = size.sum((0, 1)) / (size > SAME).sum((0, 1)).clamp_min(1)
    parts = torch.cat([known.clamp_min(0), (-known).clamp_min(0)], 2) / step.repeat(2).clamp_min(SAME)
    moved = torch.einsum("npa,naf->npf", probabilities, parts).mean(0)
    return moved / moved.sum(1, keepdim=True).clamp_min(SAME)


def diagonal_mass(matrix: Tensor) -> float:
    """Mean share of the one direction that is each policy's own, in the best one-to-one assignment of `shares`.

    From 0 to 1: 1 where every policy moves one factor in one direction and no two the same. With more policies than
    directions those that are left over count as 0, as do policies that change nothing.
    """
    values: NDArray[np.float64] = matrix.double().cpu().numpy()
    rows, columns = linear_sum_assignment(values, maximize=True)
    return float(values[rows, columns].sum() / len(values))


class Modes(NamedTuple):
    """Distinct effects that single actions have anywhere."""

    effects: Tensor
    """``(M, F)``, none of them nil."""
    found: Tensor
    """Whether some policy brings it about: bool ``(M,)``."""
    primitive: Tensor
    """Whether it changes a single factor: bool ``(M,)``."""


def modes(probabilities: Tensor, effects: Tensor) -> Modes | None:
    """Which effects exist, and which the policies have: those that one brings about in most states where it can be.

    Found means: a policy has the effect with a probability above 1/2 in more than half of the states that allow it.
    None where there are more than 64 effects.
    """
    rows = effects.flatten(0, 1)
    kinds = _distinct(rows[rows.isfinite().all(1)])
    if len(kinds) > MOST:
        return None
    has = (effects[:, :, None] - kinds).abs().amax(3).nan_to_num(torch.inf) < SAME  # (n, A, M)
    possible = has.any(1)
    sure = torch.einsum("npa,nam->npm", probabilities, has.to(probabilities.dtype)) > 0.5
    often = sure.sum(0) > 0.5 * possible.sum(0)
    return Modes(kinds, often.any(0), (kinds.abs() > SAME).sum(1) == 1)


def _distinct(rows: Tensor) -> Tensor:
    """Rows that differ from each other and from 0: ``(n, F)`` to ``(M, F)``."""
    kinds: Tensor = torch.unique((rows / SAME).round(), dim=0) * SAME
    return kinds[(kinds != 0).any(1)]


def agreement(changes: Tensor, effects: Tensor) -> float | None:
    """Normalised mutual information of what actions do to the code and what they do to the world.

    Latent changes are put into as many clusters (k-means) as there are effects, nil included; the information of
    cluster and effect is divided by the mean of their entropies. From 0 to 1: 1 where each effect has one latent change
    of its own wherever it happens.

    Args:
        changes: ``h' - h`` of each action, ``(n, A, K)``.
        effects: See above.

    Returns:
        None where there are more than 64 effects.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import normalized_mutual_info_score

    rows, moved = effects.flatten(0, 1), changes.flatten(0, 1)
    kept = rows.isfinite().all(1)
    label = torch.unique((rows[kept] / SAME).round(), dim=0, return_inverse=True)[1].cpu().numpy()
    kinds = len(np.unique(label))
    if kinds > MOST:
        return None
    clusters = KMeans(kinds, n_init=10, random_state=0).fit_predict(moved[kept].double().cpu().numpy())
    return float(normalized_mutual_info_score(label, clusters))


def axes_deg(codes: Tensor, factors: Tensor) -> list[list[float]]:
    """Angles between the directions in the code along which factors change, degrees from 0 to 90: ``(F, F)``.

    A factor's direction is the least-squares slope of the code over it, with all factors fitted together, so it doesn't
    depend on how the code is turned. 90 is orthogonal.

    Args:
        codes: ``(n, K)``.
        factors: ``(n, F)``, all varying.
    """
    design = torch.cat([factors, torch.ones_like(factors[:, :1])], 1).double()
    slopes = torch.linalg.lstsq(design, codes.double(), driver="gelsd").solution[:-1]
    along = slopes / slopes.norm(dim=1, keepdim=True).clamp_min(SAME)
    found: list[list[float]] = torch.rad2deg((along @ along.T).abs().clamp(max=1).acos()).tolist()
    return found


def preferences(probabilities: Tensor, moves: Tensor, names: list[str]) -> dict[str, Any]:
    """What each policy does on the mean over the states.

    Args:
        probabilities: See above.
        moves: Changes of all true factors, ``(n, A, F)``, NaN where the episode ended.
        names: Of the actions.

    Returns:
        ``policy``, mean probability of each of ``actions``, ``(P, A)``; ``prefers``, the name of the likeliest;
        ``effect``, the mean change of each factor, ``(P, F)``.
    """
    mean = probabilities.mean(0)
    return {
        "policy": mean.tolist(),
        "actions": names,
        "prefers": [names[a] for a in mean.argmax(1).tolist()],
        "effect": torch.einsum("npa,naf->npf", probabilities, moves.nan_to_num(0)).mean(0).tolist(),
    }


def summary(probabilities: Tensor, changes: Tensor, effects: Tensor) -> dict[str, Any]:
    """All of it under flat names.

    Returns:
        ``information`` and ``information_ceiling`` (nats) and their ``information_ratio``; ``selectivity_matrix``
        ``(P, 2F)`` and its ``diagonal_mass``; ``modes`` (effects that exist) and ``modes_found``; the same of effects
        on one factor alone, ``primitive_modes`` and ``primitive_modes_found``; ``agreement``. Modes and agreement are
        None where there are more than 64 effects.
    """
    told, matrix = information(probabilities, effects), shares(probabilities, effects)
    return {
        "information": told.found,
        "information_ceiling": told.ceiling,
        "information_ratio": told.found / told.ceiling if told.ceiling else None,
        "selectivity_matrix": matrix.tolist(),
        "diagonal_mass": diagonal_mass(matrix),
        **_counts(modes(probabilities, effects)),
        "agreement": agreement(changes, effects),
    }


def _counts(kinds: Modes | None) -> dict[str, int | None]:
    """How many modes there are, and how many of them policies have."""
    if kinds is None:
        return dict.fromkeys(("modes", "modes_found", "primitive_modes", "primitive_modes_found"))
    return {
        "modes": len(kinds.effects),
        "modes_found": int(kinds.found.sum()),
        "primitive_modes": int(kinds.primitive.sum()),
        "primitive_modes_found": int((kinds.found & kinds.primitive).sum()),
    }
