"""Control from pixels: plans in z's dynamics, seen as one of the sets shows the system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ...errors import UnknownNameError
from .._control import begin, steer
from .._goals import Trip
from .model import DynamicsContent


def set_names(others: int) -> list[str]:
    """What the sets of a recording are called: x, y, y2, y3, ..."""
    return ["x", "y", *(f"y{number}" for number in range(2, others + 1))][: others + 1]


def options_of(observe: str, others: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of the environment as a set shows it; `UnknownNameError` where there is no such set."""
    names = set_names(len(others))
    if observe not in names:
        raise UnknownNameError("set to observe", observe, names)
    return {**options, **(others[names.index(observe) - 1] if observe != "x" else {})}


class _Seen:
    """A learner that is shown one of its sets."""

    def __init__(self, learner: DynamicsContent, number: int) -> None:
        self.learner, self.number = learner, number
        self.low, self.high = learner.low, learner.high
        self.next, self.jacobians, self.metric = learner.next, learner.jacobians, learner.metric

    def encode(self, images: Tensor) -> Tensor:
        """Codes z, ``(B, K)``, of uint8 images ``(B, H, W, C)``."""
        return self.learner.encode(images, self.number)


def plan(
    learner: DynamicsContent,
    env: str,
    episodes: int,
    seed: int,
    max_steps: int = 40,
    observe: str = "x",
    planner: str | None = None,
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
        planner: ilqr, cem, icem or mppi; by default ilqr, and cem for actions of a list.
        horizon: H, actions planned ahead.
        others: Options of the environment as the sets other than x show it.
        options: Of the environment.

    Returns:
        See `unbraid.agents._control.drive`; and the episodes.

    Raises:
        InputError: An unknown set or planner, or a ``max_steps`` or ``horizon`` below 1.
    """
    seen = options_of(observe, others, options)
    task = begin(env, episodes, seed, max_steps, next(learner.parameters()).device, **seen)
    model = _Seen(learner, set_names(len(others)).index(observe))
    return steer(model, task, seed, max_steps, planner, horizon)
