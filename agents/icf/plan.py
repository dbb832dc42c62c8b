"""Reaching goal images along the latent difference (arXiv:1802.09484, appendix B.2), also around walls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...envs import Factor, make_factored
from ...representation.data import RandomWalk
from ...representation.networks import to_floats
from .model import ICF
from .search import Search

BLOCKED = 1e6
NEAR = 0.25  # in steps: codes this close are of one place
STILL = 0.1  # in steps: less than this is no move


@dataclass(frozen=True)
class Trip:
    """Episodes of goal reaching, side by side."""

    stopped: Tensor
    """Whether the agent held itself to be there and stopped: bool ``(n,)``."""
    steps: Tensor
    """Actions taken until then: int64 ``(n,)``."""
    factors: Tensor
    """True factors where it stopped, or at the end: float32 ``(n, K)``."""
    images: list[Tensor]
    """What was seen at each step, uint8 ``(n, H, W, C)``; the first are the starts."""
    goals: Tensor
    """What was to be reached, uint8 ``(n, H, W, C)``."""


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
    step_size = effects.abs().max(0).values.clamp_min(1e-6)
    goal, first = learner.encode(goals), env.observe()
    here = learner.encode(first)
    walker = (search and _search(learner, first, here, goal, effects)) or Greedy(goal, effects)
    images, factors = [first], env.get_factors()
    stopped = torch.zeros(len(goals), dtype=torch.bool, device=here.device)
    lost = stopped.clone()
    steps = torch.zeros(len(goals), dtype=torch.int64, device=here.device)
    for _ in range(max_steps):
        stopped |= ~lost & (((goal - here) / step_size).abs().max(1).values < NEAR)
        going = ~(stopped | lost)
        if not bool(going.any()):
            break
        action = walker.choose(here)
        image, _, terminated, truncated, _ = env.step(action)
        steps += going
        lost |= going & (terminated | truncated)
        after = learner.encode(image)
        walker.note(action, ((after - here) / step_size).abs().max(1).values >= STILL)
        here = after
        images.append(torch.where(_like(going, image), image, images[-1]))
        factors = torch.where(going[:, None], env.get_factors(), factors)
    return Trip(stopped, steps, factors, images, goals)


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


def _like(rows: Tensor, image: Tensor) -> Tensor:
    return rows.view(-1, *[1] * (image.ndim - 1))


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
        Numbers: ``success`` (the agent stopped, and all controllable factors are the goal's; those of a continuum
        within a twentieth of their range), ``steps`` (mean over successes), ``shortest`` (mean of the shortest paths
        of the same), ``steps_ratio`` (theirs) where the world knows its shortest paths (what there is nothing to say
        of is None); and the episodes.
    """
    device = next(learner.parameters()).device
    batch = make_factored(env, episodes, device, **options)
    batch.reset(seed=seed)
    wanted = batch.get_factors()
    goals = batch.observe()
    controllable = torch.tensor([factor.controllable for factor in batch.factors], device=device)
    given = {factor.name: wanted[:, k].cpu() for k, factor in enumerate(batch.factors) if not factor.controllable}
    batch.reset(seed=[seed + episodes + i for i in range(episodes)], options={"factors": given})
    start = batch.get_factors()
    effects = action_effects(learner, RandomWalk(make_factored(env, 64, device, **options), seed))
    trip = reach(learner, batch, goals, effects, max_steps, search)
    near = torch.tensor([_tolerance(factor) for factor in batch.factors], device=device)
    success = trip.stopped & (((trip.factors - wanted).abs() <= near) | ~controllable).all(1)
    numbers: dict[str, Any] = {"episodes": episodes, "success": float(success.double().mean())}
    numbers |= {"steps": None, "shortest": None, "steps_ratio": None}
    if bool(success.any()):
        numbers["steps"] = float(trip.steps[success].double().mean())
        shortest_path = getattr(getattr(batch, "world", None), "shortest_path", None)
        if shortest_path is not None:
            numbers["shortest"] = float(shortest_path(start, wanted)[success].double().mean())
            numbers["steps_ratio"] = numbers["steps"] / max(numbers["shortest"], 1e-9)
    return numbers, trip


def _tolerance(factor: Factor) -> float:
    return (factor.high - factor.low) / 20 if factor.size is None else 0.0
