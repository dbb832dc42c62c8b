"""A pendulum that a torque should hold, or bring, upright."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from .capsules import Capsules
from .poles import GRAVITY, LENGTH, MASS, Coordinate, Poles, PolesState, check_task

MAX_TORQUE = 0.65
GOAL_ANGLE = math.pi / 6
STARTS = {"balance": (-math.pi / 6, math.pi / 6), "swing_up": (0.9 * math.pi, 0.95 * math.pi)}

SIZE, STICK, RADIUS = 48, 20.0, 2.0


class Pendulum(Poles):
    """A point mass on a massless rod, without friction: m l^2 theta'' = m g l sin(theta) + torque.

    The torque, within 0.65 N m, can lift it (m g l = 0.49 N m). The goal is an angle within pi/6 of upright. Episodes
    last 200 steps to balance and 400 to swing up, as PCC's; its code has a third of this inertia, and starts to balance
    from exactly upright.

    Args:
        task: ``"balance"``: it starts within pi/6 of upright; ``"swing_up"``: at 0.9 pi .. 0.95 pi, almost hanging.
        device: Where the tensors live.

    Raises:
        ValueError: An unknown task.
    """

    def __init__(self, task: Literal["balance", "swing_up"] = "balance", device: torch.device | str = "cpu") -> None:
        check_task(task, tuple(STARTS))
        angle = Coordinate("angle", None, 3 * math.pi, STARTS[task])
        super().__init__([angle], [MAX_TORQUE], Capsules(SIZE, [STICK], [RADIUS], torch.device(device)), device)

    def accelerations(self, position: Tensor, velocity: Tensor, force: Tensor) -> Tensor:
        """float64 ``(1, n)``: of the angle, of the angle and its rate ``(1, n)`` and the torque ``(1, n)``."""
        return GRAVITY / LENGTH * position.sin() + force / (MASS * LENGTH**2)

    def sticks(self, position: Tensor) -> Tensor:
        """float32 ``(1, 2, 2, m)``: the pivot is the image's middle."""
        pivot = torch.full((2, position.shape[1]), SIZE / 2, device=position.device)
        tip = pivot + STICK * torch.cat([-position.cos(), position.sin()])
        return torch.stack([pivot, tip])[None]

    def in_goal(self, state: PolesState) -> Tensor:
        """Bool ``(n,)``: within pi/6 of upright."""
        return state.position[:, 0].abs() <= GOAL_ANGLE
