"""What skills do, measured: each of their actions from fresh states, and where they end."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..envs import make_factored
from . import _outcomes as outcomes
from ._trials import try_all

TIMES = 8
"""Skills followed to their end for every state whose actions are tried."""
MOST, BINS = 64, 16
"""A factor of more values than so many is cut into bins of equal count."""


def evaluate(learner: Any, env: str, seed: int, states: int = 512, **options: Any) -> dict[str, Any]:
    """What skills do in one action, expectations over actions being exact, and what they come to, sampled.

    Args:
        learner: A trained learner, whose ``actor`` is a `unbraid.agents._skills.Actor`.
        env: Its environment's id.
        seed: Of the states, and of skills and actions.
        states: How many actions are tried from; eight times as many skills are followed to their end.
        options: Of the environment.

    Returns:
        Of the P skills where they begin, named in ``policies``: what `unbraid.agents._outcomes.preferences` lists. And,
        of the controllable factors that vary, where there are any: what `unbraid.agents._outcomes.summary` lists, of
        single actions; ``coverage``: the share of the outcomes possible in a state that some skill's likeliest action
        has; ``axes_deg``; and what `components` lists.
    """
    tried = try_all(learner, env, seed, states, **options)
    codes, change = tried.codes[:, 0, 0], tried.codes[:, :, 1] - tried.codes[:, :, 0]
    with torch.no_grad():
        probabilities = learner.actor.policies(codes)
    numbers = {"policies": names(learner), **outcomes.preferences(probabilities, tried.effects, tried.names)}
    kept = outcomes.movable(tried.stated, tried.factors)
    if not kept:
        return numbers
    effects = tried.effects[:, :, kept]
    return {
        **numbers,
        **outcomes.summary(probabilities, change, effects),
        "coverage": outcomes.coverage(probabilities.argmax(2), effects),
        "axes_deg": outcomes.axes_deg(codes, tried.factors[:, kept]),
        **components(ends(learner, env, seed, TIMES * states, **options), kept),
    }


def names(learner: Any) -> list[str]:
    """Of all skills: the values of their components."""
    return [f"skill {', '.join(str(value) for value in skill)}" for skill in learner.actor.skills.tolist()]


class Ends(NamedTuple):
    """What came of n skills that were followed to their end."""

    skill: Tensor
    """int64 ``(n, N)``."""
    before: Tensor
    """Factors where they began, ``(n, F)``."""
    after: Tensor
    """Factors where they ended, ``(n, F)``."""


@torch.no_grad()
def ends(learner: Any, env: str, seed: int, skills: int, **options: Any) -> Ends:
    """Follow skills, drawn uniformly, from fresh states; those whose episode ends before are left out.

    Args:
        learner: See `evaluate`.
        env: The environment's id.
        seed: Of states, skills and actions.
        skills: n, at most.
        options: Of the environment.
    """
    actor, device = learner.actor, next(learner.parameters()).device
    generator = torch.Generator(device).manual_seed(seed)
    batch = make_factored(env, skills, device, **options)
    code = start = learner.encode(batch.reset(seed=seed)[0])
    before, skill = batch.get_factors(), actor.draw(skills, generator)
    going = torch.ones(skills, dtype=torch.bool, device=device)
    for _ in range(actor.settings.length):
        chances = actor.log_policies(code, start, skill).exp()
        image, _, terminated, truncated, _ = batch.step(torch.multinomial(chances, 1, generator=generator)[:, 0])
        going &= ~(terminated | truncated)
        code = learner.encode(image)
    return Ends(skill[going], before[going], batch.get_factors()[going])


def components(found: Ends, kept: list[int]) -> dict[str, Any]:
    """What each component of a skill has of each factor, in nats.

    Plug-in estimates from counts: with n skills, V values and O outcomes they are too high by some
    ``(V - 1)(O - 1) / 2n``.

    Args:
        found: Skills that were followed.
        kept: Places of the factors that count.

    Returns:
        ``component_changes``: ``I(z_i; s_j' - s_j)``, ``(N, F)``; ``component_ends``: ``I(z_i; s_j')``, ``(N, F)``;
        ``skill_information``: of the whole skill and all changes together; and, of several components,
        ``component_mass``: the mean share of its one factor in what a component has of changes, see
        `unbraid.agents._outcomes.diagonal_mass`.
        Nothing where all episodes ended before.
    """
    if not len(found.skill):
        return {}
    changes, after = (found.after - found.before)[:, kept], found.after[:, kept]
    matrix = torch.tensor([[dependence(z, moved) for moved in changes.T] for z in found.skill.T]).double()
    moved = torch.stack([torch.as_tensor(labels(one)) for one in changes.T], 1)
    numbers: dict[str, Any] = {
        "component_changes": matrix.tolist(),
        "component_ends": [[dependence(z, end) for end in after.T] for z in found.skill.T],
        "skill_information": _information(_rows(found.skill), _rows(moved)),
    }
    if len(matrix) > 1:
        numbers["component_mass"] = outcomes.diagonal_mass(
            matrix / matrix.sum(1, keepdim=True).clamp_min(outcomes.SAME)
        )
    return numbers


def dependence(component: Tensor, factor: Tensor) -> float:
    """Mutual information of a component, int64 ``(n,)``, and a factor or its change, ``(n,)``, in nats."""
    return _information(component.cpu().numpy(), labels(factor))


def labels(values: Tensor) -> NDArray[np.int64]:
    """Which of the distinct values each is, or in which of 16 bins of equal count where they are many: ``(n,)``."""
    kinds, label = torch.unique((values.double() / outcomes.SAME).round(), return_inverse=True)
    if len(kinds) > MOST:
        edges = values.double().quantile(torch.arange(1, BINS, dtype=torch.float64, device=values.device) / BINS)
        label = torch.bucketize(values.double(), edges)
    found: NDArray[np.int64] = label.cpu().numpy()
    return found


def _rows(parts: Tensor) -> NDArray[np.int64]:
    """Which of the distinct rows each is."""
    found: NDArray[np.int64] = torch.unique(parts, dim=0, return_inverse=True)[1].cpu().numpy()
    return found


def _information(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    from sklearn.metrics import mutual_info_score

    return float(mutual_info_score(one, other))


@torch.no_grad()
def rollouts(learner: Any, env: str, seed: int, steps: int = 8, **options: Any) -> Tensor:
    """What each skill does, taking its likeliest action from one and the same start.

    Returns:
        uint8 ``(steps + 1, P, H, W, C)``.
    """
    device = next(learner.parameters()).device
    skill = learner.actor.skills.to(device)
    batch = make_factored(env, len(skill), device, **options)
    seen = [batch.reset(seed=[seed] * len(skill))[0]]
    code = start = learner.encode(seen[0])
    for taken in range(steps):
        start = code if taken % learner.actor.settings.length == 0 else start
        seen.append(batch.step(learner.actor.log_policies(code, start, skill).argmax(1))[0])
        code = learner.encode(seen[-1])
    return torch.stack(seen)
