"""What the agent's policies do, measured by interventions on the world's true factors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...envs import make_factored
from .. import _outcomes as outcomes
from .._trials import try_all
from .losses import selectivity
from .model import ICF
from .predict import foretell

NIL = 1e-3
"""Code changes much smaller than this count as none; trained ones are 1 long."""


def evaluate(learner: ICF, env: str, seed: int, states: int = 512, **options: Any) -> dict[str, Any]:
    """Selectivity, preferences and true effects of every policy, from each state trying each action.

    Expectations over actions are exact; those over states are means over ``states`` fresh ones.

    Args:
        learner: A trained agent.
        env: Its environment's id.
        seed: Of the states.
        states: How many.
        options: Of the environment.

    Returns:
        ``selectivity``: their mean over policies; ``selectivity_ceiling``: what the best action at each state would
        reach with this encoder; and, per policy (latents upwards, then downwards): ``policy_selectivity``, ``policy``
        (mean probability of each of ``actions``, ``(2K, A)``), ``prefers`` (the name of the likeliest action),
        ``effect`` (mean change of each true factor, ``(2K, factors)``). Then, of the controllable factors that vary,
        where there are any, what `unbraid.agents._outcomes.summary` lists, and ``axes_deg``, the angles between their
        directions in the code. Last, what `foretell` says of predictions.
    """
    tried = try_all(learner, env, seed, states, **options)
    codes = tried.codes[:, 0, 0]
    change, effect = tried.codes[:, :, 1] - tried.codes[:, :, 0], tried.effects
    with torch.no_grad():
        probabilities = learner.policies(codes)
    numbers = _summary(probabilities, selectivity(change, NIL).transpose(1, 2), effect, tried.names)
    kept = outcomes.movable(tried.stated, tried.factors)
    if kept:
        numbers |= outcomes.summary(probabilities, change, effect[:, :, kept])
        numbers["axes_deg"] = outcomes.axes_deg(codes, tried.factors[:, kept])
    return numbers | foretell(learner, env, seed, states, **options)


def _summary(probabilities: Tensor, shares: Tensor, moves: Tensor, names: list[str]) -> dict[str, Any]:
    """Policies and shares ``(n, 2K, A)``, true changes ``(n, A, factors)`` with NaN where the episode ended."""
    per_policy = (probabilities * shares).sum(2).mean(0)
    return {
        "selectivity": float(per_policy.mean()),
        "selectivity_ceiling": float(shares.amax(2).mean()),
        "policy_selectivity": per_policy.tolist(),
        **outcomes.preferences(probabilities, moves, names),
    }


def rollouts(learner: ICF, env: str, seed: int, steps: int = 8, **options: Any) -> Tensor:
    """What each policy does, taking its likeliest action from one and the same start.

    Returns:
        uint8 ``(steps + 1, 2K, H, W, C)``.
    """
    policies = 2 * learner.config.latents
    device = next(learner.parameters()).device
    batch = make_factored(env, policies, device, **options)
    image = batch.reset(seed=[seed] * policies)[0]
    seen = [image]
    each = torch.arange(policies, device=device)
    for _ in range(steps):
        with torch.no_grad():
            action = learner.policies(learner.encode(image))[each, each].argmax(1)
        image = batch.step(action)[0]
        seen.append(image)
    return torch.stack(seen)
