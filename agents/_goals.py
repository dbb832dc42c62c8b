"""Goal images to be reached, whoever chooses the actions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from ..envs import Factor, make_factored


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
    path: Tensor
    """True factors at each step, float32 ``(T + 1, n, K)``."""


class Walker(Protocol):
    """Who chooses the actions of n episodes, by the codes ``(n, K)`` of what is seen."""

    def arrived(self, here: Tensor) -> Tensor:
        """Whether this is held to be the goal: bool ``(n,)``."""

    def choose(self, here: Tensor) -> Tensor:
        """Actions, int64 ``(n,)``."""

    def note(self, before: Tensor, action: Tensor, after: Tensor) -> None:
        """What came of them."""


def follow(learner: Any, env: Any, goals: Tensor, walker: Walker, max_steps: int) -> Trip:
    """Act until the walker holds itself to be there, or ``max_steps`` are over.

    Args:
        learner: What has ``encode``.
        env: A vector environment (from `make_factored`) in its start states; it is left in its end states.
        goals: Goal images, uint8 ``(n, H, W, C)``.
        walker: Chooses the actions.
        max_steps: At most so many actions.
    """
    images, factors = [env.observe()], env.get_factors()
    path = [factors]
    here = learner.encode(images[0])
    stopped = torch.zeros(len(goals), dtype=torch.bool, device=here.device)
    lost = stopped.clone()
    steps = torch.zeros(len(goals), dtype=torch.int64, device=here.device)
    for _ in range(max_steps):
        stopped |= ~lost & walker.arrived(here)
        going = ~(stopped | lost)
        if not bool(going.any()):
            break
        action = walker.choose(here)
        image, _, terminated, truncated, _ = env.step(action)
        steps += going
        lost |= going & (terminated | truncated)
        after = learner.encode(image)
        walker.note(here, action, after)
        here = after
        images.append(torch.where(_like(going, image), image, images[-1]))
        factors = torch.where(going[:, None], env.get_factors(), factors)
        path.append(factors)
    return Trip(stopped, steps, factors, images, goals, torch.stack(path))


def between_pairs(
    go: Callable[[Any, Tensor], Trip], device: torch.device, env: str, episodes: int, seed: int, **options: Any
) -> tuple[dict[str, Any], Trip]:
    """Goal reaching between random pairs of states that differ in what can be controlled only.

    Args:
        go: From a vector environment in its start states and goal images to a trip.
        device: Where the observations are wanted.
        env: The environment's id.
        episodes: Start and goal pairs.
        seed: Of the pairs.
        options: Of the environment.

    Returns:
        Numbers: ``success`` (the agent stopped, and all controllable factors are the goal's; those of a continuum
        within a twentieth of their range), ``steps`` (mean over successes); where the world knows its shortest paths
        ``reachable`` (share of the pairs that a way connects), ``shortest`` (mean of the shortest paths of the
        successes) and ``steps_ratio``, steps by that (what there is nothing to say of is None); and the episodes.
    """
    batch = make_factored(env, episodes, device, **options)
    goals, wanted = start_and_goal(batch, seed)
    start = batch.get_factors()
    trip = go(batch, goals)
    success = trip.stopped & at_goal(batch, trip.factors, wanted)
    numbers: dict[str, Any] = {"episodes": episodes, "success": float(success.double().mean())}
    numbers |= {"reachable": None, "steps": None, "shortest": None, "steps_ratio": None}
    shortest_path = getattr(getattr(batch, "world", None), "shortest_path", None)
    shortest = None if shortest_path is None else shortest_path(start, wanted)
    if shortest is not None:
        numbers["reachable"] = float((shortest >= 0).double().mean())
    if bool(success.any()):
        numbers["steps"] = float(trip.steps[success].double().mean())
        if shortest is not None:
            numbers["shortest"] = float(shortest[success].double().mean())
            numbers["steps_ratio"] = numbers["steps"] / max(numbers["shortest"], 1e-9)
    return numbers, trip


def start_and_goal(batch: Any, seed: int) -> tuple[Tensor, Tensor]:
    """Begin episodes between random states that differ in what can be controlled only.

    Returns:
        Goal images, uint8 ``(n, H, W, C)``, and factors there, ``(n, K)``; the environments are in the start states.
    """
    batch.reset(seed=seed)
    wanted, goals, n = batch.get_factors(), batch.observe(), batch.num_envs
    given = {factor.name: wanted[:, k].cpu() for k, factor in enumerate(batch.factors) if not factor.controllable}
    batch.reset(seed=[seed + n + i for i in range(n)], options={"factors": given})
    return goals, wanted


def at_goal(batch: Any, factors: Tensor, wanted: Tensor) -> Tensor:
    """Whether all controllable factors ``(n, K)`` are as wanted, those of a continuum nearly: bool ``(n,)``."""
    controllable = torch.tensor([factor.controllable for factor in batch.factors], device=factors.device)
    near = torch.tensor([_tolerance(factor) for factor in batch.factors], device=factors.device)
    return (((factors - wanted).abs() <= near) | ~controllable).all(1)


def _like(rows: Tensor, image: Tensor) -> Tensor:
    return rows.view(-1, *[1] * (image.ndim - 1))


def _tolerance(factor: Factor) -> float:
    return (factor.high - factor.low) / 20 if factor.size is None else 0.0
