"""Walks of several random actions at once, and walks that prefer what happens rarely."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from ..representation.data import RandomWalk, random_actions


class Spans(NamedTuple):
    """States, those after the next action, and later ones of the same episodes."""

    image: Tensor
    """uint8 ``(B, H, W, C)``."""
    action: Tensor
    """The first, int64 ``(B,)``."""
    next_image: Tensor
    """After it."""
    later: Tensor
    """After all of them."""
    counts: Tensor
    """How often each action was taken, float32 ``(B, A)``; at least one was."""
    first_image: Tensor
    """What the episode began with, or what was seen first of it."""


class SpanWalk(RandomWalk):
    """Endless spans under uniformly random actions, of up to ``horizon`` of them; an episode's end is a span's, too.

    Args:
        env: A vector environment from `make_factored`, of discrete actions.
        seed: Of the environments, of the actions and of how many.
        horizon: The most.
    """

    def __init__(self, env: Any, seed: int, horizon: int) -> None:
        super().__init__(env, seed)
        self.horizon = horizon

    def draw(self) -> Spans:  # type: ignore[override]
        """A span of every environment; all take equally many actions, where none ends before."""
        length = int(torch.randint(self.horizon, (), generator=self.generator)) + 1
        space, n = self.env.single_action_space, self.env.num_envs
        actions = torch.stack([random_actions(space, n, self.generator) for _ in range(length)]).to(self.image.device)
        first, ended = self.step(actions[0])
        going, later = [torch.ones_like(ended)], first.next_image
        for action in actions[1:]:
            going.append(going[-1] & ~ended)
            moves, ended = self.step(action)
            later = torch.where(going[-1].view(-1, 1, 1, 1), moves.next_image, later)
        counts = (one_hot(actions, int(space.n)) * torch.stack(going)[..., None]).sum(0).float()
        return Spans(first.image, actions[0], first.next_image, later, counts, first.first_image)


class RareFirst:
    """Of every draw of a wide walk some rows, those of rare outcomes first.

    Outcomes are told apart by how many bytes of the image change: nothing is known of what they mean. Rows are drawn
    without replacement, each with the weight n^-.75 where n have the same outcome as it, so that an outcome of a share
    p takes a share of the batch that grows like the fourth root of p. Where an action's outcome is random, its rarer
    ones are met more often than they happen.

    Args:
        walk: A `RandomWalk` of many environments.
        rows: How many rows of each of its draws are kept.
    """

    def __init__(self, walk: RandomWalk, rows: int) -> None:
        self.walk, self.rows = walk, rows

    def draw(self) -> Any:
        """So many rows of the walk's next draw."""
        moves = self.walk.draw()
        changed = (moves.image != moves.next_image).flatten(1).sum(1)
        _, kind, counts = torch.unique(changed, return_inverse=True, return_counts=True)
        weights = counts[kind].double().pow(-0.75).cpu()
        kept = torch.multinomial(weights, self.rows, generator=self.walk.generator).to(changed.device)
        return type(moves)(*[part[kept] for part in moves])

    def state_dict(self) -> dict[str, Any]:
        """That of the walk."""
        return self.walk.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self.walk.load_state_dict(state)
