"""Videos of a shape that moves along a curve, as in MoCoGAN's "shape motion": Tulyakov et al. 2018 (arXiv:1707.04993).

Discs and squares of several sizes and colours go from left to right or from top to bottom in 16 frames, while their
other coordinate follows a cubic Bezier curve. The paper states no sizes, colours or control points; these are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ..core import Factor, World, fixed_factors
from ..streams import Streams
from .patches import FRAME_PX, Patches
from .shapes import coverage

FRAMES = 16
SHAPES = ("disc", "square")
RADII_PX = (3, 4, 5, 6, 7)
COLOURS = 16
_SIDE_PX = 16


class MotionState(NamedTuple):
    """Everything about a video, and the frame that is shown."""

    looks: Tensor
    """shape, radius, red, green, blue, direction and frame as indices of their grids, int64 ``(n, 7)``"""
    curve: Tensor
    """float32 ``(n, 4)``"""


class Motion(World[MotionState]):
    """A shape on its way across the frame; the only action is to wait, and the last frame ends the episode.

    The control values of the curve (``agent.curve0`` .. ``agent.curve3``) are the fractions of the frame's other side
    at which the Bezier polygon's corners lie. Fresh states are uniform in all but the time, which is the first frame.

    Args:
        device: Where the tensors live.
    """

    action_names = ("wait",)
    object_names = ("agent",)
    factors = (
        Factor("agent.shape", "categorical", 0, 1, 2, "", False),
        Factor("agent.radius", "ordinal", RADII_PX[0], RADII_PX[-1], len(RADII_PX), "px", False),
        *(Factor(f"agent.{name}", "ordinal", 0.25, 1, COLOURS, "", False) for name in ("red", "green", "blue")),
        Factor("agent.direction", "categorical", 0, 1, 2, "", False),
        Factor("agent.time", "ordinal", 0, FRAMES - 1, FRAMES, "frame", False),
        *(Factor(f"agent.curve{k}", "continuous", 0, 1, None, "", False) for k in range(4)),
    )
    observation_space = spaces.Box(0, 255, (FRAME_PX, FRAME_PX, 3), np.uint8)
    action_space = spaces.Discrete(1)

    def __init__(self, device: torch.device | str = "cpu") -> None:
        super().__init__(device)
        drawn = coverage(SHAPES, tuple(radius / 10 for radius in RADII_PX), (0.0,), _SIDE_PX)
        self.patches = Patches(drawn, 3, self.device)
        grids = self.factors[:7]
        self._low = torch.tensor([factor.low for factor in grids], dtype=torch.float64, device=self.device)
        steps = [(factor.high - factor.low) / ((factor.size or 2) - 1) for factor in grids]
        self._steps = torch.tensor(steps, dtype=torch.float64, device=self.device)

    def reset(self, n: int, rng: Streams, options: Mapping[str, Any] | None = None) -> MotionState:
        """Fresh states at the first frame; the rest is uniform and independent."""
        fixed = fixed_factors(self, n, options)
        looks = torch.cat([rng.integers(factor.size or 1) for factor in self.factors[:6]], 1)
        start = torch.zeros((n, 1), dtype=torch.int64, device=self.device)
        values = self.get_factors(MotionState(torch.cat([looks, start], 1), rng.uniform(4)))
        for k, factor in enumerate(self.factors):
            values[:, k] = fixed.get(factor.name, values[:, k])
        return self.set_factors(values)

    def step(self, state: MotionState, action: Tensor, rng: Streams) -> tuple[MotionState, Tensor, Tensor]:
        """The next frame; deterministic, no reward, and the end at the last frame."""
        looks = state.looks.clone()
        looks[:, 6] = (looks[:, 6] + 1).clamp(max=FRAMES - 1)
        return state._replace(looks=looks), torch.zeros(len(action), device=self.device), looks[:, 6] == FRAMES - 1

    def _corner(self, state: MotionState) -> Tensor:
        """Place of the picture's upper left corner: int64 ``(n, 2)``."""
        t = state.looks[:, 6].double() / (FRAMES - 1)
        a, b, c, d = state.curve.double().unbind(1)
        bend = a * (1 - t) ** 3 + 3 * b * (1 - t) ** 2 * t + 3 * c * (1 - t) * t**2 + d * t**3
        along_and_across = (torch.stack([t, bend], 1) * self.patches.last).round().long()
        return torch.where(state.looks[:, 5:6] == 0, along_and_across, along_and_across.flip(1))

    def observe(self, state: MotionState) -> Tensor:
        """uint8 ``(n, 64, 64, 3)``, antialiased, on black."""
        colour = (255 * self.get_factors(state)[:, 2:5]).round().to(torch.uint8)
        return self._draw(state, colour)

    def _draw(self, state: MotionState, colour: Tensor) -> Tensor:
        frames = self.patches.frames(len(colour))
        picture = state.looks[:, 0] * len(RADII_PX) + state.looks[:, 1]
        self.patches.add(frames, picture, self._corner(state), colour, blank=True)
        return self.patches.images(frames)

    def get_masks(self, state: MotionState) -> Tensor:
        """Bool ``(n, 1, 64, 64)``: the shape."""
        white = torch.full((len(state.looks), 3), 255, dtype=torch.uint8, device=self.device)
        return self._draw(state, white)[..., 0][:, None] > 0

    def get_factors(self, state: MotionState) -> Tensor:
        """float32 ``(n, 11)``."""
        return torch.cat([(self._low + state.looks * self._steps).float(), state.curve], 1)

    def set_factors(self, values: Tensor) -> MotionState:
        """States with these values; every combination is possible."""
        values = self.check_factors(values)
        looks = ((values[:, :7].double() - self._low) / self._steps).round().long()
        return MotionState(looks, values[:, 7:].clone())


def videos(rng: Streams) -> tuple[Tensor, Tensor]:
    """One whole video per stream; MoCoGAN's data were 4,000.

    Args:
        rng: n streams, whose device the videos are made on.

    Returns:
        uint8 ``(n, 16, 64, 64, 3)``, and their factors at the first frame, float32 ``(n, 11)``, as `Motion` names them.
    """
    world = Motion(rng.keys.device)
    state = world.reset(len(rng), rng)
    labels, shown = world.get_factors(state), [world.observe(state)]
    wait = torch.zeros(len(rng), dtype=torch.int64, device=world.device)
    for _ in range(FRAMES - 1):
        state, _, _ = world.step(state, wait, rng)
        shown.append(world.observe(state))
    return torch.stack(shown, 1), labels
