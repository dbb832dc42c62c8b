"""Reaching goal images by options, along a map of the agent's own making."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.cluster.hierarchy import fcluster, linkage
from torch import Tensor

from ...envs import make_factored
from ...errors import InputError
from ...representation.data import RandomWalk
from .._goals import Trip, between_pairs, follow
from .model import ContinuousICF

CLOSE = 0.3
"""In the median move: codes this close are of one place."""
LOST = 0.6
"""In the median move: an option foretold to end farther than this from every place leads nowhere known."""
MOST, UNREACHED = 2000, 1e6


class Map:
    """Places, as clusters of codes, and where options are foretold to lead from them.

    Args:
        learner: A trained agent.
        before: Images of states, uint8 ``(n, H, W, C)``.
        after: Of what an action made of them.
        policies: P, factors generated in each place.
        seed: Of the factors.

    Raises:
        InputError: More places than can be mapped.
    """

    def __init__(self, learner: ContinuousICF, before: Tensor, after: Tensor, policies: int, seed: int) -> None:
        codes = learner.encode(before)
        moved = (learner.encode(after) - codes).norm(dim=1)
        self.step = moved[moved > 0.1 * moved.max()].median()
        label, first = _clusters(codes, CLOSE * float(self.step))
        if len(first) > MOST:
            raise InputError(f"the walk met {len(first)} places, and no more than {MOST} can be mapped")
        self.places = codes[first]
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(1, policies, learner.config.noise, generator=generator).to(codes.device)
        with torch.no_grad():
            self.factors = learner.factors(self.places, noise.expand(len(first), -1, -1))
        foretold = learner.predict(before[first], self.factors)
        gap, near = torch.cdist(foretold.flatten(0, 1), codes).min(1)
        self.after, self.known = (part.view(foretold.shape[:2]) for part in (label[near], gap < LOST * self.step))

    def locate(self, codes: Tensor) -> Tensor:
        """The nearest places: int64 ``(n,)``."""
        return torch.cdist(codes, self.places).argmin(1)

    def far(self, goal: Tensor) -> Tensor:
        """Options that it takes from every place to goals' places, int64 ``(n,)``: ``(n, N)``."""
        far = torch.full((len(goal), len(self.places)), UNREACHED, device=goal.device).scatter_(1, goal[:, None], 0.0)
        price = torch.where(self.known, 1.0, UNREACHED)
        while True:
            nearer = torch.minimum(far, (price + far[:, self.after]).amin(2))
            if torch.equal(nearer, far):
                return far
            far = nearer


def _clusters(codes: Tensor, gap: float) -> tuple[Tensor, Tensor]:
    """Numbers of clusters of codes ``(n, K)`` that hang together by gaps no wider than that, and a member of each."""
    label = fcluster(linkage(codes.double().cpu().numpy(), "single"), gap, "distance") - 1
    _, first = np.unique(label, return_index=True)
    numbers, member = (torch.as_tensor(part, device=codes.device, dtype=torch.int64) for part in (label, first))
    return numbers, member


class Walker:
    """Follows the options that lead nearest to the goal on the map, T actions each.

    Args:
        learner: Whose options.
        known: Its map.
        goal: Codes ``(n, K)``.
    """

    def __init__(self, learner: ContinuousICF, known: Map, goal: Tensor) -> None:
        self.learner, self.map = learner, known
        self.goal = known.locate(goal)
        self.far = known.far(self.goal)
        self.barred = torch.zeros(len(goal), known.known.shape[1], device=goal.device)
        self.taken = 0
        self.each = torch.arange(len(goal), device=goal.device)

    def arrived(self, here: Tensor) -> Tensor:
        """Whether codes ``(n, K)`` are nearest to the goal's place, and near it."""
        there: Tensor = (here - self.map.places[self.goal]).norm(dim=1) < LOST * self.map.step
        return there & (self.map.locate(here) == self.goal)

    def choose(self, here: Tensor) -> Tensor:
        """The likeliest action of the option that is followed, int64 ``(n,)``; a new one every T actions."""
        if self.taken % self.learner.config.length == 0:
            self.place = self.map.locate(here)
            self.start = here
            onward = self.far.gather(1, self.map.after[self.place])
            cost = torch.where(self.map.known[self.place], onward, 2 * UNREACHED) + UNREACHED * self.barred
            self.option = cost.argmin(1)
            self.factor = self.map.factors[self.place, self.option]
        self.taken += 1
        with torch.no_grad():
            return self.learner.log_policies(self.start, here, self.factor[:, None])[:, 0].argmax(1)

    def note(self, before: Tensor, action: Tensor, after: Tensor) -> None:
        """Bar an option that led nowhere, until something has moved."""
        if self.taken % self.learner.config.length:
            return
        moved = (after - self.start).norm(dim=1) > CLOSE * self.map.step
        self.barred[moved] = 0
        self.barred[self.each[~moved], self.option[~moved]] = 1


def plan(
    learner: ContinuousICF,
    env: str,
    episodes: int,
    seed: int,
    max_steps: int = 64,
    search: bool = True,
    policies: int = 64,
    **options: Any,
) -> tuple[dict[str, Any], Trip]:
    """Goal reaching between random pairs of states that differ in what can be controlled only.

    The map is drawn from a random walk in the environment, so it must be one that the agent knows, walls and all.

    Args:
        learner: A trained agent.
        env: Its environment's id.
        episodes: Start and goal pairs.
        seed: Of the pairs, of the walk and of the factors.
        max_steps: At most so many actions an episode.
        search: Whether ways of several options are searched on the map; else the option is taken that is foretold to
            end nearest to the goal's code.
        policies: P, factors generated in each place.
        options: Of the environment.

    Returns:
        What `unbraid.agents._goals.between_pairs` lists, and ``places``, how many the map has; and the episodes.
    """
    device = next(learner.parameters()).device
    walk = RandomWalk(make_factored(env, 64, device, **options), seed)
    batches = [walk.draw() for _ in range(32)]
    before, after = (torch.cat([getattr(batch, name) for batch in batches]) for name in ("image", "next_image"))
    known = Map(learner, before, after, policies, seed)

    def go(batch: Any, goals: Tensor) -> Trip:
        walker = Walker(learner, known, learner.encode(goals))
        if not search:
            walker.far = torch.cdist(known.places[walker.goal], known.places)
        return follow(learner, batch, goals, walker, max_steps)

    numbers, trip = between_pairs(go, device, env, episodes, seed, **options)
    return {**numbers, "places": len(known.places)}, trip
