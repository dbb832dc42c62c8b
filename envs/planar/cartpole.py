"""A pole on a cart, to be held upright by pushing the cart."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .capsules import Capsules
from .poles import GRAVITY, LENGTH, MASS, Coordinate, Poles, PolesState

CART_MASS = 1.0
MAX_FORCE = 10.0
TRACK = 2.4
GOAL_ANGLE = math.pi / 10

SIZE, STICK, RADIUS = 80, 28.0, 2.5
CART, CART_RADIUS, TRAVEL = 10.0, 3.5, 22.0


class CartPole(Poles):
    """A uniform pole of half-length 0.5 m that turns freely on a cart of 1 kg, pushed by up to 10 N, without friction.

    The equations are those of Barto, Sutton and Anderson 1983 (*Neuronlike adaptive elements that can solve difficult
    learning control problems*), without their friction. The track ends 2.4 m to either side of its middle: a cart that
    would pass an end within a period stands there after it, without a jolt to the pole, and stays while it is pushed
    outwards. The goal is an angle within pi/10 of upright. An episode starts in the middle, within pi/8 of upright, and
    lasts 50 steps, as PCC's, whose track doesn't stop the cart. The picture shows the whole track; pole and cart are
    not to scale.

    Args:
        device: Where the tensors live.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        place = Coordinate("x", TRACK, 6.0, (0.0, 0.0), "m")
        angle = Coordinate("angle", None, 3 * math.pi, (-math.pi / 8, math.pi / 8))
        capsules = Capsules(SIZE, [CART, STICK], [CART_RADIUS, RADIUS], torch.device(device))
        super().__init__([place, angle], [MAX_FORCE], capsules, device)

    def accelerations(self, position: Tensor, velocity: Tensor, force: Tensor) -> Tensor:
        """float64 ``(2, n)``: of cart and angle, of their positions and rates ``(2, n)`` and the force ``(1, n)``.

        With both masses M, the pole's m, and its half-length l:
        l (4/3 - m cos^2 / M) theta'' = g sin - cos (F + m l theta'^2 sin) / M and
        M x'' = F + m l (theta'^2 sin - theta'' cos). A cart held at an end of the track has x'' = 0, and its pole
        4/3 l theta'' = g sin.
        """
        total = CART_MASS + MASS
        sine, cosine = position.sin()[1], position.cos()[1]
        pushed = (force[0] + MASS * LENGTH * velocity[1] * velocity[1] * sine) / total
        turning = (GRAVITY * sine - cosine * pushed) / (LENGTH * (4 / 3 - MASS / total * cosine * cosine))
        gliding = pushed - MASS * LENGTH / total * turning * cosine
        held = (position[0].abs() >= TRACK) & (position[0] * gliding > 0)
        return torch.stack([
            torch.where(held, 0.0, gliding), torch.where(held, GRAVITY * sine / (LENGTH * 4 / 3), turning)
        ])  # fmt: skip

    def sticks(self, position: Tensor) -> Tensor:
        """float32 ``(2, 2, 2, m)``: cart and pole."""
        column = SIZE / 2 + position[0] * (TRAVEL / TRACK)
        row = torch.full_like(column, SIZE / 2)
        sine, cosine = position.sin()[1], position.cos()[1]
        cart = [torch.stack([row, column + side]) for side in (-CART / 2, CART / 2)]
        pole = [torch.stack([row, column]), torch.stack([row - STICK * cosine, column + STICK * sine])]
        return torch.stack([torch.stack(cart), torch.stack(pole)])

    def in_goal(self, state: PolesState) -> Tensor:
        """Bool ``(n,)``: within pi/10 of upright."""
        return state.position[:, 1].abs() <= GOAL_ANGLE
