"""Control from pixels: plans in the code's dynamics, each followed for one action, to where a goal image is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...envs import make_factored
from ...errors import InputError, UnknownNameError
from .._goals import Trip
from ..planners import CEM, ICEM, ILQR, MPPI, Problem, RecedingHorizon, differences
from ..planners.problem import Jacobians
from .model import DynamicsContent

PLANNERS: dict[str, ILQR | CEM | MPPI] = {"ilqr": ILQR(), "cem": CEM(), "icem": ICEM(), "mppi": MPPI()}
WEIGHT = 10.0
"""Of the state against the action in what plans cost (Q = 10 I, R = I: PCC), both in units of what an action moves."""


def set_names(others: int) -> list[str]:
    """What the sets of a recording are called: x, y, y2, y3, ..."""
    return ["x", "y", *(f"y{number}" for number in range(2, others + 1))][: others + 1]


def options_of(observe: str, others: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of the environment as a set shows it; `UnknownNameError` where there is no such set."""
    names = set_names(len(others))
    if observe not in names:
        raise UnknownNameError("set to observe", observe, names)
    return {**options, **(others[names.index(observe) - 1] if observe != "x" else {})}


class Task(NamedTuple):
    """n episodes to begin with, and what they should come to."""

    batch: Any
    images: Tensor
    """uint8 ``(n, H, W, C)``"""
    goals: Tensor
    """Of the goals, uint8 ``(n, H, W, C)``"""
    wanted: Tensor
    """Factors there, ``(n, F)``"""


def begin(env: str, episodes: int, seed: int, max_steps: int, device: Any, **options: Any) -> Task:
    """Fresh episodes of a world that sets a task; with a goal, where that is an option of its.

    Raises:
        InputError: It sets none.
    """
    batch = make_factored(env, episodes, device, max_episode_steps=max_steps + 1, **options)
    world = getattr(batch, "world", None)
    if world is not None and "goal" in world.option_names() and "goal" not in options:
        return begin(env, episodes, seed, max_steps, device, goal=True, **options)
    images = batch.reset(seed=seed)[0]
    try:
        reached = world.goal(world.set_factors(batch.get_factors()))  # type: ignore[union-attr]
    except (AttributeError, NotImplementedError, ValueError):
        raise InputError(f"{env} sets no task whose end can be shown: it has no goal(state)") from None
    assert world is not None
    return Task(batch, images, world.observe(reached), world.get_factors(reached))


def plan(
    learner: DynamicsContent,
    env: str,
    episodes: int,
    seed: int,
    max_steps: int = 40,
    observe: str = "x",
    planner: str = "ilqr",
    horizon: int = 10,
    others: Sequence[Mapping[str, Any]] = (),
    **options: Any,
) -> tuple[dict[str, Any], Trip]:
    """Episodes of the world's task, seen as one of the sets shows it, all planned at once.

    Args:
        learner: Trained.
        env: The environment's id.
        episodes: n.
        seed: Of the episodes and of plans.
        max_steps: T, actions of an episode.
        observe: The set: x, y, y2, ...
        planner: ilqr, cem, icem or mppi.
        horizon: H, actions planned ahead.
        others: Options of the environment as the sets other than x show it.
        options: Of the environment.

    Returns:
        See `drive`; and the episodes.

    Raises:
        InputError: An unknown set or planner, a ``max_steps`` or ``horizon`` below 1, or an environment without a task.
    """
    seen = options_of(observe, others, options)
    if planner not in PLANNERS:
        raise UnknownNameError("planner", planner, PLANNERS)
    if max_steps < 1:
        raise InputError(f"max_steps must be at least 1, not {max_steps}")
    device, number = next(learner.parameters()).device, set_names(len(others)).index(observe)
    task = begin(env, episodes, seed, max_steps, device, **seen)
    started = time.process_time()
    goal = learner.encode(task.goals, number)
    with torch.no_grad():
        problem = problem_of(learner, goal)
    found = replace(PLANNERS[planner], horizon=horizon)
    controller = RecedingHorizon(found, problem, torch.Generator(device).manual_seed(seed))
    return drive(task, lambda images: controller.act(learner.encode(images, number)), max_steps, started)


def problem_of(learner: DynamicsContent, goal: Tensor) -> Problem:
    """Reaching codes ``(n, K)``, by the dynamics that were learnt; distances count in lengths that actions move."""
    half = (learner.high - learner.low) / 2
    moved = learner.jacobians(goal, goal)[1] * half
    length = moved.square().sum(1).mean().sqrt()
    costs = WEIGHT / length**2 * torch.eye(goal.shape[1], device=goal.device), torch.diag(1 / half**2)
    return Problem(learner.next, goal, *costs, learner.low, learner.high, learner.jacobians)


def plan_on_truth(
    env: str,
    episodes: int,
    seed: int,
    max_steps: int = 40,
    planner: str = "ilqr",
    jacobians: Jacobians | None = None,
    **options: Any,
) -> dict[str, Any]:
    """The same with the true state and the true dynamics: what no learner can be expected to exceed.

    Args:
        env: The environment's id, of a world that sets a task.
        episodes: n.
        seed: See `plan`.
        max_steps: See `plan`.
        planner: See `plan`.
        jacobians: Of the true dynamics of the controllable factors; by default their differences, which is no good
            beside walls.
        options: Of the environment.
    """
    task = begin(env, episodes, seed, max_steps, "cpu", **options)
    world, stated = task.batch.world, task.batch.factors
    kept = [k for k, factor in enumerate(stated) if factor.controllable]
    rest = task.wanted

    def moved(state: Tensor, action: Tensor) -> Tensor:
        """A step of the world; factors that no action changes are the first task's, since none depends on them."""
        full = rest[:1].expand(len(state), -1).clone()
        full[:, kept] = state
        return world.get_factors(world.step(world.set_factors(full), action, None)[0])[:, kept]  # type: ignore[no-any-return]

    space = task.batch.single_action_space
    low, high = torch.as_tensor(space.low), torch.as_tensor(space.high)
    half = (high - low) / 2
    eye = torch.eye(len(kept))
    costs = WEIGHT * eye / half.square().mean(), torch.diag(1 / half**2)
    by = jacobians or differences(moved, 1e-2)
    problem = Problem(moved, task.wanted[:, kept], *costs, low, high, by)
    controller = RecedingHorizon(PLANNERS[planner], problem, torch.Generator().manual_seed(seed))
    return drive(task, lambda _: controller.act(task.batch.get_factors()[:, kept]), max_steps, time.process_time())[0]


def drive(task: Task, act: Callable[[Tensor], Tensor], max_steps: int, started: float) -> tuple[dict[str, Any], Trip]:
    """Follow a controller to the end of all episodes.

    Returns:
        ``success_rate``: share of the episodes that were in the goal when they ended; ``reached``: that were there at
        any time; ``goal_time``: percentage of the steps in the goal; ``planning_loss``: mean over episodes of
        ``sum_t |s_t - s_f|^2 Q + |u_t|^2 R`` over true states (equation 7), Q = 10 and R = 1, states counted in their
        factors' ranges and actions in halves of theirs; ``seconds_per_episode``: CPU time of planning and encoding, all
        episodes together; ``episodes``. And the episodes themselves.
    """
    batch, image = task.batch, task.images
    kept = torch.tensor([factor.controllable for factor in batch.factors])
    scale = torch.tensor([factor.high - factor.low for factor in batch.factors])[kept]
    space = batch.single_action_space
    half = (torch.as_tensor(space.high) - torch.as_tensor(space.low)) / 2
    loss, inside, images, seconds = 0.0, [], [image], time.process_time() - started
    for _ in range(max_steps):
        before = time.process_time()
        action = act(image)
        seconds += time.process_time() - before
        image, reward, _, _, _ = batch.step(action)
        off = (batch.get_factors().cpu() - task.wanted.cpu())[:, kept] / scale
        loss = loss + WEIGHT * off.square().sum(1) + (action.cpu() / half).square().sum(1)
        inside.append(reward > 0)
        images.append(image)
    there = torch.stack(inside).cpu()
    n = len(image)
    numbers = {
        "episodes": n,
        "success_rate": float(there[-1].double().mean()),
        "reached": float(there.any(0).double().mean()),
        "goal_time": 100 * float(there.double().mean()),
        "planning_loss": float(torch.as_tensor(loss).mean()),
        "seconds_per_episode": seconds / n,
    }
    steps = torch.full((n,), max_steps)
    return numbers, Trip(there[-1], steps, batch.get_factors(), images, task.goals)
