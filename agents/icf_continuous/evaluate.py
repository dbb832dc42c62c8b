"""What options do, measured by trying every sequence of actions from states whose factors are known."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...envs import make_factored
from ...errors import InputError
from .. import _outcomes as outcomes
from .._parts import action_names
from .._trials import try_all
from .model import ContinuousICF

AT_ONCE = 100_000_000
"""Probabilities of single actions that are held at once: of some states, all policies and all steps of sequences."""
SEQUENCES = 1000
"""Of more than so many sequences of actions, fewer states are tried."""


def evaluate(
    learner: ContinuousICF, env: str, seed: int, states: int = 128, policies: int = 256, **options: Any
) -> dict[str, Any]:
    """Selectivity, information, coverage and prediction of options, expectations over what they do being exact.

    Args:
        learner: A trained agent.
        env: Its environment's id.
        seed: Of the states, and of the factors.
        states: How many; fewer where there are more than a thousand sequences of actions to try.
        policies: P, factors generated in each state; number p from the same noise in all of them.
        options: Of the environment.

    Returns:
        ``selectivity``: nats, a lower bound on ``information``; and, of the controllable factors that vary, where there
        are any: what `unbraid.agents._outcomes.summary` lists, of sequences of actions; ``coverage``: the share of the
        outcomes possible in a state which some option's likeliest actions bring about; ``option_prediction_right``: how
        often the code foretold for an option is nearest to that of what its likeliest actions come to, among all that
        can be come to; and ``axes_deg``, the angles between true factors' directions in the code.

    Raises:
        InputError: More than ten thousand sequences of actions.
    """
    config = learner.config
    states = min(states, max(8, states * SEQUENCES // learner.actions**config.length))
    if learner.actions**config.length > 10 * SEQUENCES:
        raise InputError(
            f"options of {config.length} actions can't be measured: {learner.actions}^{config.length} sequences would "
            f"have to be tried, and more than {10 * SEQUENCES:,} are too many"
        )
    tried = try_all(learner, env, seed, states, config.length, **options)
    codes, change = tried.codes, tried.codes[:, :, -1] - tried.codes[:, :, 0]
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(1, policies, config.noise, generator=generator).to(codes.device).expand(states, -1, -1)
    with torch.no_grad():
        factors = learner.factors(codes[:, 0, 0], noise)
        most = max(1, AT_ONCE // (policies * tried.sequences.numel() * learner.actions))
        parts = zip(torch.split(codes, most), torch.split(factors, most), strict=True)
        sampled, greedy = map(
            torch.cat, zip(*[_both(_log_chances(learner, *part), tried.sequences) for part in parts], strict=True)
        )
        probabilities, taken = sampled.exp(), greedy.argmax(2)
        score = torch.stack([learner.scores(one, factors) for one in change.unbind(1)], 2)
        foretold = learner.predict(tried.images, factors)
    numbers: dict[str, Any] = {"selectivity": float((probabilities * score).sum(2).mean())}
    kept = outcomes.movable(tried.stated, tried.factors)
    if not kept:
        return numbers
    effects = tried.effects[:, :, kept]
    nearest = torch.cdist(foretold, codes[:, :, -1]).argmin(2)
    same = outcomes.same_outcome(effects)
    right = same[torch.arange(states, device=codes.device)[:, None], taken, nearest]
    found = outcomes.summary(probabilities, change, effects)
    return {
        **numbers,
        **{name: one for name, one in found.items() if name != "diagonal_mass"},  # there are hundreds of policies
        "coverage": outcomes.coverage(taken, effects),
        "option_prediction_right": float(right.double().mean()),
        "axes_deg": outcomes.axes_deg(codes[:, 0, 0], tried.factors[:, kept]),
    }


def _log_chances(learner: ContinuousICF, codes: Tensor, factors: Tensor) -> Tensor:
    """Of all actions along all sequences, ``(n, P, S, T, A)``; codes ``(n, S, T + 1, K)``, factors ``(n, P, K)``."""
    here = codes[:, :, :-1]
    start, wanted = (
        part.expand(*here.shape[:3], *part.shape[3:]) for part in (codes[:, :1, :1], factors[:, None, None])
    )
    logs = learner.log_policies(start.flatten(0, 2), here.flatten(0, 2), wanted.flatten(0, 2))
    return logs.view(*here.shape[:3], *logs.shape[1:]).permute(0, 3, 1, 2, 4)


def _both(logs: Tensor, sequences: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probabilities of sequences, sampled and by likeliest actions, from those of all actions on their way."""
    return _of_sequences(logs, sequences), _of_sequences(_certain(logs), sequences)


def _certain(logs: Tensor) -> Tensor:
    """Logarithms of policies that take the likeliest action."""
    likeliest = logs.argmax(-1, keepdim=True)
    return torch.full_like(logs, -torch.inf).scatter(-1, likeliest, 0.0)


def _of_sequences(logs: Tensor, sequences: Tensor) -> Tensor:
    """Log-probabilities of whole sequences: ``(n, P, S)`` of ``(n, P, S, T, A)``."""
    taken = sequences.expand(*logs.shape[:2], -1, -1)[..., None]
    return logs.gather(4, taken)[..., 0].sum(3)


class Variations(NamedTuple):
    """Options that were followed, one from each of n states."""

    factors: Tensor
    """``(n, K)``"""
    changes: Tensor
    """Of the code, ``(n, K)``"""
    foretold: Tensor
    """The same as the latent model has it, ``(n, K)``"""
    action: Tensor
    """The first of each, int64 ``(n,)``"""
    names: list[str]
    """Of the actions"""


@torch.no_grad()
def variations(learner: ContinuousICF, env: str, seed: int, states: int = 1000, **options: Any) -> Variations:
    """What the generator's factors bring about (arXiv:1802.09484, figure 2a), by their policies' likeliest actions.

    Args:
        learner: A trained agent.
        env: Its environment's id.
        seed: Of the states and factors.
        states: n.
        options: Of the environment.
    """
    device = next(learner.parameters()).device
    batch = make_factored(env, states, device, **options)
    first = batch.reset(seed=seed)[0]
    code = start = learner.encode(first)
    noise = torch.randn(states, 1, learner.config.noise, generator=torch.Generator().manual_seed(seed)).to(device)
    factors = learner.factors(start, noise)
    foretold = learner.predict(first, factors)[:, 0] - start
    ended = torch.zeros(states, dtype=torch.bool, device=device)
    taken = []
    for _ in range(learner.config.length):
        taken.append(learner.log_policies(start, code, factors)[:, 0].argmax(1))
        image, _, terminated, truncated, _ = batch.step(taken[-1])
        ended |= terminated | truncated
        code = torch.where(ended[:, None], code, learner.encode(image))
    names = action_names(batch, learner.actions)
    return Variations(factors[:, 0], code - start, foretold, taken[0], names)


class Behaviour(NamedTuple):
    """One option of T actions on its way, and what P options' policies would do there."""

    images: Tensor
    """uint8 ``(T + 1, H, W, C)``"""
    chances: Tensor
    """Of A actions, by each policy before each action, ``(T, P, A)``"""
    actions: Tensor
    """Those that were taken, int64 ``(T,)``"""
    followed: int
    """Whose option it is, of the P"""
    names: list[str]
    """Of the actions"""


@torch.no_grad()
def behaviour(
    learner: ContinuousICF, env: str, seed: int, policies: int = 8, disturbed: int | None = None, **options: Any
) -> Behaviour:
    """Follow one of P options from a state, by its policy's likeliest actions (arXiv:1802.09484, figure 6).

    It is the one that is told best from the others by what it changes.

    Args:
        learner: A trained agent.
        env: Its environment's id.
        seed: Of the state and of the factors.
        policies: P.
        disturbed: Number of an action, from 0, in whose place another one is taken, by lot.
        options: Of the environment.
    """
    device, length = next(learner.parameters()).device, learner.config.length
    draws = torch.Generator().manual_seed(seed)
    noise = torch.randn(1, policies, learner.config.noise, generator=draws).to(device)
    batch = make_factored(env, policies, device, **options)
    image = batch.reset(seed=[seed] * policies)[0]
    code = start = learner.encode(image)
    factors = learner.factors(start[:1], noise)
    for _ in range(length):
        image = batch.step(learner.log_policies(start, code, factors[0, :, None])[:, 0].argmax(1))[0]
        code = learner.encode(image)
    scores = learner.scores(code - start, factors.expand(policies, -1, -1))
    followed = int(scores.diagonal().argmax())
    image = batch.reset(seed=[seed] * policies)[0]
    images, chances, actions = [image[0]], [], []
    for step in range(length):
        logs = learner.log_policies(start[:1], learner.encode(images[-1][None]), factors)[0]
        action = int(logs[followed].argmax())
        if step == disturbed:
            action = (action + int(torch.randint(1, learner.actions, (), generator=draws))) % learner.actions
        image = batch.step(torch.full((policies,), action, device=device))[0]
        images.append(image[0])
        chances.append(logs.exp())
        actions.append(action)
    return Behaviour(
        torch.stack(images), torch.stack(chances), torch.tensor(actions), followed, action_names(batch, learner.actions)
    )
