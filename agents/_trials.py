"""Every sequence of actions, tried from the same states."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..envs import Factor, make_factored
from ._parts import action_names


class Trials(NamedTuple):
    """What comes of S = A^T sequences of T actions from n states."""

    images: Tensor
    """Of where they begin, uint8 ``(n, H, W, C)``."""
    factors: Tensor
    """Where they begin, ``(n, F)``."""
    sequences: Tensor
    """int64 ``(S, T)``, the last action varying fastest."""
    codes: Tensor
    """Along the way, ``(n, S, T + 1, K)``; those of where it ended, where an episode did before."""
    effects: Tensor
    """True changes, ``(n, S, F)``; NaN where the episode ended."""
    stated: tuple[Factor, ...]
    names: list[str]
    """Of the actions."""


def try_all(learner: Any, env: str, seed: int, states: int, length: int = 1, **options: Any) -> Trials:
    """Try every sequence of ``length`` actions from fresh states.

    Args:
        learner: What has ``encode``, images to codes ``(n, K)``, and A, ``actions``.
        env: The environment's id.
        seed: Of the states.
        states: n.
        length: T; A^T sequences are stepped through as a tree.
        options: Of the environment.
    """
    device = next(learner.parameters()).device
    batch = make_factored(env, states, device, **options)
    images = batch.reset(seed=seed)[0]
    first = learner.encode(images)
    start = batch.get_factors()
    codes: list[Tensor] = []
    effects: list[Tensor] = []

    def follow(path: list[Tensor], ended: Tensor) -> None:
        """Try all that goes on from a node of the tree."""
        if len(path) > length:
            codes.append(torch.stack(path, 1))
            effects.append(torch.where(ended[:, None], torch.nan, batch.get_factors() - start))
            return
        saved, factors = batch.state_dict() if hasattr(batch, "state_dict") else None, batch.get_factors()
        for action in range(learner.actions):
            if saved is not None:
                batch.load_state_dict(saved)
            else:
                batch.reset(seed=seed)
                batch.set_factors(factors)
            image, _, terminated, truncated, info = batch.step(torch.full((states,), action, device=device))
            over = (terminated | truncated).to(ended.device)
            if "final_obs" in info:
                image = torch.where(over.view(-1, 1, 1, 1), info["final_obs"], image)
            code = torch.where(ended[:, None], path[-1], learner.encode(image))
            follow([*path, code], ended | over)

    follow([first], torch.zeros(states, dtype=torch.bool, device=device))
    sequences = torch.cartesian_prod(*[torch.arange(learner.actions)] * length).view(-1, length)
    names = action_names(batch, learner.actions)
    tried = torch.stack(codes, 1), torch.stack(effects, 1)
    return Trials(images, start, sequences.to(device), *tried, batch.factors, names)
