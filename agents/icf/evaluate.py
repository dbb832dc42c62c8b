"""What the agent's policies do, measured by interventions on the world's true factors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...envs import make_factored
from .. import _outcomes as outcomes
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
    device = next(learner.parameters()).device
    batch = make_factored(env, states, device, **options)
    images = batch.reset(seed=seed)[0]
    factors = batch.get_factors()
    codes = learner.encode(images)
    changes, moves = [], []
    saved = batch.state_dict() if hasattr(batch, "state_dict") else None
    for action in range(learner.actions):
        if saved is not None:
            batch.load_state_dict(saved)
        else:
            batch.reset(seed=seed)
            batch.set_factors(factors)
        image, _, _, _, info = batch.step(torch.full((states,), action, device=device))
        ended = info["_final_obs"] if "final_obs" in info else torch.zeros(states, dtype=torch.bool, device=device)
        image = torch.where(ended.view(-1, 1, 1, 1), info["final_obs"], image) if "final_obs" in info else image
        changes.append(learner.encode(image) - codes)
        moves.append(torch.where(ended[:, None], torch.nan, batch.get_factors() - factors))
    with torch.no_grad():
        probabilities = learner.policies(codes)
    change, effect = torch.stack(changes, 1), torch.stack(moves, 1)
    shares = selectivity(change, NIL).transpose(1, 2)
    numbers = _summary(probabilities, shares, effect, _names(batch, learner.actions))
    kept = outcomes.movable(batch.factors, factors)
    if kept:
        numbers |= outcomes.summary(probabilities, change, effect[:, :, kept])
        numbers["axes_deg"] = outcomes.axes_deg(codes, factors[:, kept])
    return numbers | foretell(learner, env, seed, states, **options)


def _summary(probabilities: Tensor, shares: Tensor, moves: Tensor, names: list[str]) -> dict[str, Any]:
    """Policies and shares ``(n, 2K, A)``, true changes ``(n, A, factors)`` with NaN where the episode ended."""
    per_policy = (probabilities * shares).sum(2).mean(0)
    mean_policy = probabilities.mean(0)
    effect = torch.einsum("npa,naf->npf", probabilities, moves.nan_to_num(0)).mean(0)
    return {
        "selectivity": float(per_policy.mean()),
        "selectivity_ceiling": float(shares.amax(2).mean()),
        "policy_selectivity": per_policy.tolist(),
        "policy": mean_policy.tolist(),
        "actions": names,
        "prefers": [names[a] for a in mean_policy.argmax(1).tolist()],
        "effect": effect.tolist(),
    }


def _names(env: Any, actions: int) -> list[str]:
    return list(getattr(env, "action_names", ())) or [str(a) for a in range(actions)]


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
