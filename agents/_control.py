"""Control from images: plans in the dynamics of codes, each followed for one action, to where a goal image is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from gymnasium import spaces
from torch import Tensor
from torch.nn import functional

from ..envs import Factor, make_factored
from ..errors import InputError, UnknownNameError
from ._goals import Trip, at_goal, start_and_goal
from .planners import CEM, ICEM, ILQR, MPPI, Problem, RecedingHorizon, differences
from .planners.problem import Dynamics, Jacobians

PLANNERS: dict[str, ILQR | CEM | MPPI] = {"ilqr": ILQR(), "cem": CEM(), "icem": ICEM(), "mppi": MPPI()}
WEIGHT = 10.0
"""Of the state against the action in what plans cost (Q = 10 I, R = I: PCC), both in units of what an action moves."""


class Moving(Protocol):
    """What actions do to codes.

    Actions are numbers between ``low`` and ``high``, ``(A,)``; of a Discrete space one for each, the largest is taken.
    """

    low: Tensor
    high: Tensor

    def next(self, z: Tensor, action: Tensor) -> Tensor:
        """Codes ``(B, K)`` after actions ``(B, A)``."""

    def jacobians(self, z: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """What they change by with either: ``(B, K, K)``, ``(B, K, A)``."""


class Model(Moving, Protocol):
    """Codes of images, and what actions do to them."""

    def encode(self, images: Tensor) -> Tensor:
        """Codes ``(B, K)`` of uint8 images ``(B, H, W, C)``."""

    def metric(self, goal: Tensor) -> Tensor:
        """M of the squared distance ``d^T M d`` of codes from goals ``(n, K)``: ``(K, K)``, the same for all."""


def bounds(space: Any) -> tuple[Tensor, Tensor]:
    """``low`` and ``high`` of a `Model` of an action space.

    Raises:
        InputError: It is neither Discrete nor a bounded Box of vectors.
    """
    if isinstance(space, spaces.Discrete):
        one = torch.ones(int(space.n))
        return -one, one
    if isinstance(space, spaces.Box) and space.is_bounded() and len(space.shape) == 1:
        return torch.as_tensor(space.low), torch.as_tensor(space.high)
    raise InputError(f"actions must be of a list, or bounded numbers, not {space}")


def scaled(action: Tensor, space: Any, low: Tensor, high: Tensor) -> Tensor:
    """Actions as dynamics read them, ``(B, A)``: from -1 to 1; or of a list, 1 for the one taken and 0 for all others.

    Args:
        action: The environment's, or a `Model`'s.
        space: Of the environment's.
        low: See `bounds`.
        high: See `bounds`.
    """
    if not isinstance(space, spaces.Discrete):
        return (2 * action - low - high) / (high - low)
    number = action - int(space.start) if action.ndim == 1 else action.argmax(1)
    return functional.one_hot(number.long(), len(low)).to(low)


@dataclass(frozen=True)
class Task:
    """n episodes to begin with, and what they should come to."""

    batch: Any
    images: Tensor
    """uint8 ``(n, H, W, C)``"""
    goals: Tensor
    """Of the goals, uint8 ``(n, H, W, C)``"""
    wanted: Tensor
    """Factors there, ``(n, F)``"""
    rewarded: bool
    """Whether the world's reward says what is in the goal; otherwise its controllable factors do."""

    @property
    def discrete(self) -> bool:
        """Whether actions are numbers of a list."""
        return isinstance(self.batch.single_action_space, spaces.Discrete)


def begin(env: str, episodes: int, seed: int, max_steps: int, device: Any, **options: Any) -> Task:
    """Fresh episodes of a world's own task, with a goal where that is an option of its; or else between random states.

    These differ in what can be controlled only; one counts as reached where all of that is as wanted (what is of a
    continuum, within a twentieth of its range).

    Raises:
        InputError: Actions that are neither of a list nor bounded numbers.
    """
    batch = make_factored(env, episodes, device, max_episode_steps=max_steps + 1, **options)
    world = getattr(batch, "world", None)
    bounds(batch.single_action_space)
    if world is not None and "goal" in world.option_names() and "goal" not in options:
        return begin(env, episodes, seed, max_steps, device, goal=True, **options)
    images = batch.reset(seed=seed)[0]
    try:
        reached = world.goal(world.set_factors(batch.get_factors()))  # type: ignore[union-attr]
    except (AttributeError, NotImplementedError, ValueError):
        goals, wanted = start_and_goal(batch, seed)
        return Task(batch, batch.observe(), goals, wanted, rewarded=False)
    assert world is not None
    return Task(batch, images, world.observe(reached), world.get_factors(reached), rewarded=True)


def steer(
    model: Model, task: Task, seed: int, max_steps: int, planner: str | None, horizon: int
) -> tuple[dict[str, Any], Trip]:
    """Plan each episode of a task from what is seen to the image of its goal, all at once; see `drive`.

    The planner is by default ilqr, and cem for actions of a list.

    Raises:
        InputError: An unknown planner, one that needs derivatives by actions of a list, or less than 1 of anything.
    """
    planner = planner or ("cem" if task.discrete else "ilqr")
    if planner not in PLANNERS:
        raise UnknownNameError("planner", planner, PLANNERS)
    if task.discrete and planner == "ilqr":
        raise InputError("ilqr needs actions that are bounded numbers; plan those of a list with cem, icem or mppi")
    if max_steps < 1:
        raise InputError(f"max_steps must be at least 1, not {max_steps}")
    started = time.process_time()
    goal = model.encode(task.goals)
    with torch.no_grad():
        problem = problem_of(model, goal, model.metric(goal), effort=0.0 if task.discrete else 1.0)
    found = replace(PLANNERS[planner], horizon=horizon)
    controller = RecedingHorizon(found, problem, torch.Generator(goal.device).manual_seed(seed))
    return drive(task, lambda images: controller.act(model.encode(images)), max_steps, started)


def problem_of(model: Moving, goal: Tensor, metric: Tensor, effort: float = 1.0) -> Problem:
    """Reaching codes ``(n, K)``, by the dynamics that were learnt; distances count in lengths that actions move.

    Such a length is half the way, root mean square, between where an action's least and its largest number lead; like
    all distances by the metric ``(K, K)``.
    """
    half = (model.high - model.low) / 2
    ends = ((model.low + half).expand(len(goal), -1) + one for one in torch.cat([torch.diag(half), -torch.diag(half)]))
    most, least = torch.stack([model.next(goal, end) for end in ends]).chunk(2)
    way = (most - least) / 2
    squared_length = ((way @ metric) * way).sum(2).mean()
    costs = WEIGHT / squared_length * metric, effort * torch.diag(1 / half**2)
    return Problem(model.next, goal, *costs, model.low, model.high, model.jacobians)


def plan_on_truth(
    env: str,
    episodes: int,
    seed: int,
    max_steps: int = 40,
    planner: str = "ilqr",
    horizon: int = 10,
    jacobians: Jacobians | None = None,
    units: Sequence[float] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """The same with the true state and the true dynamics: what no learner can be expected to exceed.

    Args:
        env: The environment's id, of a world that sets a task.
        episodes: n.
        seed: See `plan`.
        max_steps: See `plan`.
        planner: See `plan`.
        horizon: See `plan`.
        jacobians: Of the true dynamics of the controllable factors; by default their differences, which is no good
            beside walls.
        units: What counts as 1 of each controllable factor where distances to the goal are weighed; by default its
            range.
        options: Of the environment.
    """
    task = begin(env, episodes, seed, max_steps, "cpu", **options)
    world, stated, rest = task.batch.world, task.batch.factors, task.wanted[:1]
    kept = [k for k, factor in enumerate(stated) if factor.controllable]

    def moved(state: Tensor, action: Tensor) -> Tensor:
        """A step of the world; factors that no action changes are the first task's, since none depends on them."""
        full = rest.expand(len(state), -1).clone()
        full[:, kept] = state
        full = torch.stack([_within(factor, full[:, k]) for k, factor in enumerate(stated)], 1)
        return world.get_factors(world.step(world.set_factors(full), action, None)[0])[:, kept]  # type: ignore[no-any-return]

    space = task.batch.single_action_space
    low, high = torch.as_tensor(space.low), torch.as_tensor(space.high)
    counted = torch.tensor(units or [stated[k].high - stated[k].low for k in kept])
    truth = _Truth(low, high, moved, jacobians or differences(moved, 1e-2))
    problem = problem_of(truth, task.wanted[:, kept], torch.diag(1 / counted**2))
    found = replace(PLANNERS[planner], horizon=horizon)
    controller = RecedingHorizon(found, problem, torch.Generator().manual_seed(seed))
    return drive(task, lambda _: controller.act(task.batch.get_factors()[:, kept]), max_steps, time.process_time())[0]


@dataclass
class _Truth:
    """A `Moving` of true states."""

    low: Tensor
    high: Tensor
    next: Dynamics
    jacobians: Jacobians


def _within(factor: Factor, values: Tensor) -> Tensor:
    """Values as the factor takes them: what goes round comes round again, anything else stops at its ends."""
    if factor.kind == "cyclic" and factor.size is None:
        return (values - factor.low) % (factor.high - factor.low) + factor.low
    return values.clamp(factor.low, factor.high)


def drive(task: Task, act: Callable[[Tensor], Tensor], max_steps: int, started: float) -> tuple[dict[str, Any], Trip]:
    """Follow a controller to the end of all episodes.

    Returns:
        ``success_rate``: share of the episodes that were in the goal when they ended; ``reached``: that were there at
        any time; ``goal_time``: percentage of the steps in the goal; ``planning_loss``: mean over episodes of
        ``sum_t |s_t - s_f|^2 Q + |u_t|^2 R`` over true states (equation 7), Q = 10 and R = 1, states counted in their
        factors' ranges, actions in halves of theirs (one of a list as 1); ``seconds_per_episode``: CPU time of
        planning and encoding, all episodes together; ``episodes``. And the episodes themselves.
    """
    batch, image = task.batch, task.images
    kept = torch.tensor([factor.controllable for factor in batch.factors])
    scale = torch.tensor([factor.high - factor.low for factor in batch.factors])[kept]
    space = batch.single_action_space
    half = None if task.discrete else (torch.as_tensor(space.high) - torch.as_tensor(space.low)) / 2
    loss, inside, images, seconds = 0.0, [], [image], time.process_time() - started
    path = [batch.get_factors()]
    for _ in range(max_steps):
        before = time.process_time()
        action = act(image)
        seconds += time.process_time() - before
        taken = action.argmax(1) + int(space.start) if task.discrete else action
        image, reward, _, _, _ = batch.step(taken)
        factors = batch.get_factors()
        path.append(factors)
        off = (factors.cpu() - task.wanted.cpu())[:, kept] / scale
        effort = torch.ones(len(off)) if half is None else (action.cpu() / half).square().sum(1)
        loss = loss + WEIGHT * off.square().sum(1) + effort
        inside.append(reward > 0 if task.rewarded else at_goal(batch, factors, task.wanted))
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
    return numbers, Trip(there[-1], steps, path[-1], images, task.goals, torch.stack(path))
