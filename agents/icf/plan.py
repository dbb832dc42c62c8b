"""Reaching goal images along the latent difference (arXiv:1802.09484, appendix B.2), also around walls."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...envs import make_factored
from ...representation.data import RandomWalk
from ...representation.networks import to_floats
from .._goals import Trip, between_pairs, follow
from .model import ICF
from .search import Search

BLOCKED = 1e6
NEAR = 0.25  # in steps: codes this close are of one place
STILL = 0.1  # in steps: less than this is no move


def action_effects(learner: ICF, walk: RandomWalk, draws: int = 32) -> Tensor:
    """What each action does to the code where it does anything: the median change, ``(A, D)``.

    Read off random transitions, no labels: a change counts where it is over a tenth of the largest one.
    """
    batches = [walk.draw() for _ in range(draws)]
    change = torch.cat([learner.encode(batch.next_image) - learner.encode(batch.image) for batch in batches])
    action = torch.cat([batch.action for batch in batches])
    size = change.abs().sum(1)
    moved = size > 0.1 * size.max()
    effects = [change[moved & (action == a)] for a in range(learner.actions)]
    return torch.stack([part.median(0).values if len(part) else torch.zeros_like(change[0]) for part in effects])


def reach(learner: ICF, env: Any, goals: Tensor, effects: Tensor, max_steps: int, search: bool = True) -> Trip:
    """Act until the code is within a quarter of a step of the goal's, or ``max_steps`` are over.

    Where the offsets between start and goal can be listed, the way is searched among codes (`Search`), around what the
    agent foresees to be in the way; else it walks greedily (`Greedy`). No labels either way, and no map but the
    agent's own.

    Args:
        learner: A trained agent.
        env: A vector environment (from `make_factored`) in its start states; it is left in its end states.
        goals: Goal images, uint8 ``(n, H, W, C)``.
        effects: From `action_effects`.
        max_steps: At most so many actions.
        search: Whether to search where that is possible.
    """
    goal, first = learner.encode(goals), env.observe()
    here = learner.encode(first)
    chooser = (search and _search(learner, first, here, goal, effects)) or Greedy(goal, effects)
    return follow(learner, env, goals, Walk(goal, effects, chooser), max_steps)


class Walk:
    """Whoever chooses the actions, told about arrivals and moves in units of the agent's steps.

    Args:
        goal: Codes ``(n, K)``.
        effects: Of each action where it does anything, ``(A, K)``.
        chooser: `Search` or `Greedy`.
    """

    def __init__(self, goal: Tensor, effects: Tensor, chooser: Search | Greedy) -> None:
        self.size = effects.abs().max(0).values.clamp_min(1e-6)
        self.goal, self.choose, self.chooser = goal, chooser.choose, chooser

    def arrived(self, here: Tensor) -> Tensor:
        """Whether codes ``(n, K)`` are within a quarter of a step of the goal's."""
        return ((self.goal - here) / self.size).abs().max(1).values < NEAR

    def note(self, before: Tensor, action: Tensor, after: Tensor) -> None:
        """Tell whether anything moved."""
        self.chooser.note(action, ((after - before) / self.size).abs().max(1).values >= STILL)


def _search(learner: ICF, first: Tensor, here: Tensor, goal: Tensor, effects: Tensor) -> Search | None:
    """A search from codes to codes; None where there are too many offsets between them."""
    try:
        with torch.no_grad():
            return Search(learner.foresight, learner.foresight.look(to_floats(first), here), here, goal, effects)
    except ValueError:
        return None


class Greedy:
    """Takes the action that leads nearest to the goal's code, in steps, and remembers where actions led.

    An action seen to do nothing here is out, and every earlier visit to where it leads counts as one more step away,
    so that the walk leaves dead ends behind obstacles.

    Args:
        goal: Codes ``(n, K)``.
        effects: Of each action where it does anything, ``(A, K)``.
    """

    def __init__(self, goal: Tensor, effects: Tensor) -> None:
        self.size = effects.abs().max(0).values.clamp_min(1e-6)
        self.goal, self.moves = goal / self.size, effects / self.size
        self.visited: list[Tensor] = []
        self.tried: list[Tensor] = []
        self.useless: list[Tensor] = []

    def choose(self, here: Tensor) -> Tensor:
        """The action to take at codes ``(n, K)``: int64 ``(n,)``."""
        self.visited.append(here / self.size)
        return self._best(self.visited[-1])

    def note(self, action: Tensor, moved: Tensor) -> None:
        """Remember what was just done, and whether it did anything, bool ``(n,)``."""
        self.tried.append(action)
        self.useless.append(~moved)

    def _best(self, here: Tensor) -> Tensor:
        moves = self.moves
        expected = here[:, None] + moves
        places = torch.stack(self.visited, 1)
        blocked = (moves.abs().sum(1) == 0).expand(expected.shape[:2])
        if self.tried:
            same_place = (places[:, :-1] - here[:, None]).abs().max(2).values < NEAR
            chosen = torch.stack(self.tried, 1)[:, :, None] == torch.arange(len(moves), device=here.device)
            before = same_place[:, :, None] & chosen
            blocked = blocked | (before & torch.stack(self.useless, 1)[:, :, None]).any(1)
            last = (before * torch.arange(1, len(self.tried) + 1, device=here.device)[:, None]).amax(1)
            seen = places.gather(1, last[:, :, None].expand(expected.shape))
            expected = torch.where((last > 0)[:, :, None], seen, expected)
        left = self.goal[:, None] - expected
        # Among equals, the move along the longer way: it keeps both axes open to go around what is in the way.
        cost = left.abs().sum(2) + 0.01 * left.square().sum(2).sqrt()
        cost += ((places[:, None] - expected[:, :, None]).abs().max(3).values < 0.5).sum(2)
        return (cost + BLOCKED * blocked).argmin(1)


def plan(
    learner: ICF, env: str, episodes: int, seed: int, max_steps: int = 64, search: bool = True, **options: Any
) -> tuple[dict[str, Any], Trip]:
    """Goal reaching between random pairs of states that differ in what can be controlled only.

    Args:
        learner: A trained agent.
        env: Its environment's id.
        episodes: Start and goal pairs.
        seed: Of the pairs.
        max_steps: At most so many actions an episode.
        search: Whether ways are searched among codes, or the walk is greedy.
        options: Of the environment.

    Returns:
        What `unbraid.agents._goals.between_pairs` lists, and the episodes.
    """
    device = next(learner.parameters()).device
    effects = action_effects(learner, RandomWalk(make_factored(env, 64, device, **options), seed))
    return between_pairs(
        lambda batch, goals: reach(learner, batch, goals, effects, max_steps, search),
        device, env, episodes, seed, **options,
    )  # fmt: skip
