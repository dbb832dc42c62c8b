"""An arm of three links, driven at every joint, to be brought or held upright."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from .capsules import Capsules
from .poles import GRAVITY, LENGTH, MASS, Coordinate, Poles, PolesState, check_task, wrap

LINKS = 3
MAX_TORQUE = 1.0
GOAL_ANGLE = math.pi / 6
STARTS = {
    "swing_up": ((0.9 * math.pi, 0.95 * math.pi), *[(-0.05 * math.pi, 0.05 * math.pi)] * 2),
    "balance": ((-math.pi / 18, math.pi / 18),) * 3,
}

JOINTS = {
    "free": ((None, None, None), 8 * math.pi),
    "bounded": ((None, 2 * math.pi / 3, math.pi / 3), math.pi / 2),
}
"""How far each turns from straight, rad, and how fast any, rad/s."""

SIZE, STICK, RADIUS = 80, 12.0, 2.5


class ThreeLink(Poles):
    """Three uniform rods of 0.1 kg and 0.5 m, joined in a chain, with a torque within 1 N m at each joint; no friction.

    Angles are those of the joints: the first from upright, each other from the link before; a torque turns its link
    against the link before. The goal is reached where all three links are within pi/6 of upright (that is, each
    cumulative angle). The torques can't hold the arm stretched out level (2.2 N m), but can raise it link by link.

    Episodes last 400 steps, as PCC's. Its code bounds joint speeds by pi/2 rad/s and the outer joints by 2 pi/3 and
    pi/3, as ``joints="bounded"`` does here; but there a joint that passes its end jumps to the other, where here it
    stops, and the period is longer outside of the goal, where here a period is a period.

    Args:
        task: ``"swing_up"``: the first angle starts in 0.9 pi .. 0.95 pi, almost hanging, the others within 0.05 pi of
            straight; ``"balance"``: all three start within pi/18 of upright and straight.
        joints: ``"free"``: all turn all the way round, at up to 8 pi rad/s; ``"bounded"``: none is faster than pi/2
            rad/s, and the second stops 2 pi/3 from straight, the third pi/3.
        device: Where the tensors live.

    Raises:
        ValueError: An unknown task, or other joints.
    """

    def __init__(
        self,
        task: Literal["swing_up", "balance"] = "swing_up",
        joints: Literal["free", "bounded"] = "free",
        device: torch.device | str = "cpu",
    ) -> None:
        check_task(task, tuple(STARTS))
        if joints not in JOINTS:
            raise ValueError(f"joints must be {' or '.join(JOINTS)}, not {joints!r}")
        ends, top = JOINTS[joints]
        stated = zip(ends, STARTS[task], strict=True)
        coordinates = [Coordinate(f"angle{i}", end, top, start) for i, (end, start) in enumerate(stated, 1)]
        capsules = Capsules(SIZE, [STICK] * LINKS, [RADIUS] * LINKS, torch.device(device))
        super().__init__(coordinates, [MAX_TORQUE] * LINKS, capsules, device)
        # A link bears those after it at its end; its own mass is spread along it.
        after = torch.arange(LINKS - 1.0, -1, -1, dtype=torch.float64, device=self.device)
        spread = torch.full((LINKS, LINKS), 1 / 2, dtype=torch.float64, device=self.device).fill_diagonal_(1 / 3)
        self._inertia = (MASS * LENGTH**2 * (torch.minimum(after, after[:, None]) + spread))[:, :, None]
        self._weight = (MASS * GRAVITY * LENGTH * (after + 1 / 2))[:, None]

    def accelerations(self, position: Tensor, velocity: Tensor, force: Tensor) -> Tensor:
        """float64 ``(3, n)``: of the joints, of their angles and rates ``(3, n)`` and torques ``(3, n)``."""
        inertia, push = self.equations(position.cumsum(0), velocity.cumsum(0))
        driven = push + torch.stack([force[0] - force[1], force[1] - force[2], force[2]])
        return _steps(solve(inertia, driven))

    def equations(self, angles: Tensor, rates: Tensor) -> tuple[Tensor, Tensor]:
        """The chain in terms of each link's own angle phi from upright: its mass matrix A, and what pushes it.

        Lagrange's equations of sum_ij a_ij cos(phi_i - phi_j) phi_i' phi_j' / 2 - sum_i w_i cos(phi_i) read
        A phi'' = push + torques, with A_ij = a_ij cos(phi_i - phi_j) and
        push_i = w_i sin(phi_i) - sum_j a_ij sin(phi_i - phi_j) phi_j'^2. With k links after the later of i and j,
        a_ij = m l^2 (k + 1/2), or m l^2 (k + 1/3) where i = j, and w_i = m g l (k + 1/2).

        Args:
            angles: float64 ``(3, n)``, rad.
            rates: float64 ``(3, n)``, rad/s.

        Returns:
            A ``(3, 3, n)`` and push ``(3, n)``.
        """
        bend = angles[:, None] - angles
        swing = self._inertia * bend.sin() * (rates * rates)
        push = self._weight * angles.sin() - (swing[:, 0] + swing[:, 1] + swing[:, 2])
        return self._inertia * bend.cos(), push

    def sticks(self, position: Tensor) -> Tensor:
        """float32 ``(3, 2, 2, m)``: the first joint is the image's middle."""
        turned = position.cumsum(0)
        ways = STICK * torch.stack([-turned.cos(), turned.sin()], 1)
        ends = SIZE / 2 + ways.cumsum(0)
        return torch.stack([ends - ways, ends], 1)

    def in_goal(self, state: PolesState) -> Tensor:
        """Bool ``(n,)``: every link within pi/6 of upright."""
        return (wrap(state.position.cumsum(1)).abs() <= GOAL_ANGLE).all(1)


def solve(matrix: Tensor, right: Tensor) -> Tensor:
    """The solutions of symmetric positive definite 3 x 3 systems, by elimination written out.

    Args:
        matrix: ``(3, 3, n)``.
        right: ``(3, n)``.

    Returns:
        ``(3, n)``.
    """
    (a, b, c), (_, d, e), (_, _, f) = matrix
    x, y, z = right
    second, third = b / a, c / a
    d, e, f = d - second * b, e - second * c, f - third * c
    y, z = y - second * x, z - third * x
    ratio = e / d
    z = (z - ratio * y) / (f - ratio * e)
    y = (y - e * z) / d
    return torch.stack([(x - b * y - c * z) / a, y, z])


def _steps(cumulative: Tensor) -> Tensor:
    """The differences that add up to ``cumulative``, ``(3, n)``."""
    return torch.stack([cumulative[0], cumulative[1] - cumulative[0], cumulative[2] - cumulative[1]])
