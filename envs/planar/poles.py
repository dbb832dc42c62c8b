"""What the pole systems share: integration, pictures of two frames, factors and rewards.

Their numbers are those of PCC (arXiv:1909.01506) and its code: 50 Hz, masses of 0.1 kg, lengths of 0.5 m and
g = 9.81 m/s^2; each class says where it deviates. Angles are 0 where a pole stands upright and grow clockwise.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ..core import Factor, Kind, World, fixed_factors
from ..streams import Streams
from .capsules import Capsules

GRAVITY = 9.81
MASS = 0.1
LENGTH = 0.5
PERIOD = 0.02
SUBSTEPS = 4
# The largest float32 below pi, so that wrapped angles stay within -pi .. pi when they are rounded.
_ALMOST_PI = float(np.nextafter(np.float32(math.pi), np.float32(0)))


class PolesState(NamedTuple):
    """Generalised coordinates and their rates, in the order of the world's `Coordinate` list."""

    position: Tensor
    """float32 ``(n, d)``: rad or m"""
    velocity: Tensor
    """float32 ``(n, d)``: rad/s or m/s"""


@dataclass(frozen=True)
class Coordinate:
    """One degree of freedom.

    Args:
        name: Of the factor, without its object.
        limit: Largest position, either way, where it stops: rad or m; None for an angle that turns all the way round.
        max_speed: Speeds are clamped to this, either way: rad/s or m/s.
        start: Lowest and highest position at the start of an episode; it starts at rest.
        unit: ``"rad"`` or ``"m"``.
    """

    name: str
    limit: float | None
    max_speed: float
    start: tuple[float, float]
    unit: str = "rad"

    def factors(self) -> tuple[Factor, Factor]:
        """Its position and its speed."""
        kind: Kind = "cyclic" if self.limit is None else "continuous"
        limit, top = self.limit or math.pi, self.max_speed
        place = Factor(f"agent.{self.name}", kind, -limit, limit, None, self.unit, True)
        return place, Factor(f"agent.{self.name}_speed", "continuous", -top, top, None, f"{self.unit}/s", True)


class Poles(World[PolesState]):
    """A mechanism in a vertical plane, driven by forces that are held for 1/50 s at a time.

    The equations of motion are integrated in double precision by Runge and Kutta's method of 4th order, four steps a
    period; then speeds are clamped to their ranges. A step that ends in the goal pays 1, any other 0, so that the mean
    reward is the share of steps in the goal; episodes don't end there.

    Observations are two frames, as two channels: the pose one period ago, then the present one. So that pixels are a
    function of the factors, the former is extrapolated: position - period * velocity.

    Args:
        coordinates: The degrees of freedom.
        force_limits: Of each action, N m or N.
        capsules: The sticks that the mechanism is drawn with.
        device: Where the tensors live.
    """

    object_names = ("agent",)

    def __init__(
        self,
        coordinates: Sequence[Coordinate],
        force_limits: Sequence[float],
        capsules: Capsules,
        device: torch.device | str,
    ) -> None:
        super().__init__(device)
        self._capsules = capsules
        places, speeds = zip(*(coordinate.factors() for coordinate in coordinates), strict=True)
        self.factors = (*places, *speeds)
        self._is_cyclic = torch.tensor([coordinate.limit is None for coordinate in coordinates], device=self.device)
        self._limits = torch.tensor([factor.high for factor in places], device=self.device)
        self._max_speeds = torch.tensor([factor.high for factor in speeds], device=self.device)
        self._start = torch.tensor([coordinate.start for coordinate in coordinates], device=self.device).T
        self.observation_space = spaces.Box(0, 255, (capsules.size, capsules.size, 2), np.uint8)
        bounds = np.array(force_limits, dtype=np.float32)
        self.action_space = spaces.Box(-bounds, bounds)

    @abstractmethod
    def accelerations(self, position: Tensor, velocity: Tensor, force: Tensor) -> Tensor:
        """The equations of motion, ``(d, n)``, of positions and velocities ``(d, n)`` and forces ``(actions, n)``."""

    @abstractmethod
    def sticks(self, position: Tensor) -> Tensor:
        """Row and column in pixels where each stick begins and ends, ``(sticks, 2, 2, m)``, of ``(d, m)``."""

    @abstractmethod
    def in_goal(self, state: PolesState) -> Tensor:
        """Whether the mechanism is where it should be: bool ``(n,)``."""

    def reset(self, n: int, rng: Streams, options: Mapping[str, Any] | None = None) -> PolesState:
        """Fresh states: at rest, positions uniform in the ranges that the world states."""
        fixed = fixed_factors(self, n, options)
        low, high = self._start
        position = low + (high - low) * rng.uniform(len(low))
        drawn = torch.cat([position, torch.zeros_like(position)], 1)
        for k, factor in enumerate(self.factors):
            if factor.name in fixed:
                drawn[:, k] = fixed[factor.name]
        return _state(drawn)

    def step(self, state: PolesState, action: Tensor, rng: Streams) -> tuple[PolesState, Tensor, Tensor]:
        """One period under a constant force; deterministic."""
        motion = torch.stack([state.position.T, state.velocity.T]).double().contiguous()
        force = action.T.double().contiguous()
        for _ in range(SUBSTEPS):
            motion = self._integrate(motion, force, PERIOD / SUBSTEPS)
        moved = self._bound(*motion.transpose(1, 2))
        reward = self.in_goal(moved).float()
        return moved, reward, torch.zeros_like(reward, dtype=torch.bool)

    def _integrate(self, motion: Tensor, force: Tensor, seconds: float) -> Tensor:
        """One Runge-Kutta step of positions and velocities, ``(2, d, n)``."""

        def rate(position: Tensor, velocity: Tensor) -> Tensor:
            return torch.stack([velocity, self.accelerations(position, velocity, force)])

        first = rate(*motion)
        second = rate(*(motion + seconds / 2 * first))
        third = rate(*(motion + seconds / 2 * second))
        fourth = rate(*(motion + seconds * third))
        return motion + seconds / 6 * (first + 2 * second + 2 * third + fourth)

    def _bound(self, position: Tensor, velocity: Tensor) -> PolesState:
        """Wrap angles, stop at the ends of a track or a joint, clamp speeds; ``(n, d)`` in double precision."""
        wrapped = wrap(position).clamp(-_ALMOST_PI, _ALMOST_PI)
        stopped = (position.abs() > self._limits) & ~self._is_cyclic
        place = torch.where(self._is_cyclic, wrapped, position.float().clamp(-self._limits, self._limits))
        speed = velocity.float().clamp(-self._max_speeds, self._max_speeds)
        return PolesState(place, torch.where(stopped, 0.0, speed))

    def observe(self, state: PolesState) -> Tensor:
        """uint8 ``(n, H, W, 2)``: the pose one period ago, the present one."""
        before = state.position - PERIOD * state.velocity
        poses = torch.stack([before, state.position]).permute(2, 0, 1).contiguous()
        ends = self.sticks(poses.flatten(1))
        return self._capsules.images(ends.view(*ends.shape[:3], 2, -1))

    def render(self, state: PolesState) -> Tensor:
        """uint8 ``(n, H, W, 3)``: the present pose in yellow, white where the one before, in blue, lies beneath."""
        return self.observe(state)[..., [1, 1, 0]]

    def get_masks(self, state: PolesState) -> Tensor:
        """Bool ``(n, 1, H, W)``: the mechanism, in both poses."""
        return (self.observe(state) > 0).any(-1)[:, None]

    def goal(self, state: PolesState) -> PolesState:
        """Upright, in the middle, at rest."""
        return PolesState(torch.zeros_like(state.position), torch.zeros_like(state.velocity))

    def get_info(self, state: PolesState) -> dict[str, Any]:
        """``is_success``: whether the mechanism is in its goal."""
        return {"is_success": self.in_goal(state)}

    def get_factors(self, state: PolesState) -> Tensor:
        """float32 ``(n, 2 d)``: positions, then velocities."""
        return torch.cat(state, 1)

    def set_factors(self, values: Tensor) -> PolesState:
        """States with these values."""
        return _state(self.check_factors(values))


def wrap(angles: Tensor) -> Tensor:
    """Angles in -pi .. pi, as float32; computed in double precision."""
    double = angles.double()
    return (double - 2 * math.pi * ((double + math.pi) / (2 * math.pi)).floor()).float()


def _state(values: Tensor) -> PolesState:
    half = values.shape[1] // 2
    return PolesState(values[:, :half].clone(), values[:, half:].clone())


def check_task(task: str, tasks: Sequence[str]) -> None:
    """Raise `ValueError` unless there is such a task."""
    if task not in tasks:
        raise ValueError(f"task must be one of {', '.join(tasks)}, not {task!r}")
