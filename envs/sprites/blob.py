"""A Gaussian blob on black, whose place is all there is to know: Burgess et al. 2018 (arXiv:1804.03599), figure 2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ..core import Factor, World, fixed_factors
from ..streams import Streams
from .patches import FRAME_PX

MARGIN_PX = 8.0


class BlobState(NamedTuple):
    """Where the blob is."""

    place: Tensor
    """x to the right and y down, float32 ``(n, 2)``, 0 .. 1"""


class Blob(World[BlobState]):
    """A white blob that moves left, right, up and down; its peak is 255, its place a continuum.

    Values 0 and 1 are 8 px from the frame's edges. Fresh places are uniform and independent.

    Args:
        sigma_px: Its standard deviation in pixels, .5 .. 16.
        step: How far an action moves it, as a fraction of the range, above 0 and at most 1.
        device: Where the tensors live.

    Raises:
        ValueError: An option out of its range.
    """

    action_names = ("left", "right", "up", "down")
    object_names = ("agent",)
    factors = tuple(Factor(f"agent.{axis}", "continuous", 0, 1, None, "", True) for axis in "xy")
    observation_space = spaces.Box(0, 255, (FRAME_PX, FRAME_PX, 1), np.uint8)
    action_space = spaces.Discrete(4)

    def __init__(self, sigma_px: float = 4.0, step: float = 0.05, device: torch.device | str = "cpu") -> None:
        super().__init__(device)
        if not 0.5 <= sigma_px <= 16:
            raise ValueError(f"sigma_px must be .5 .. 16 pixels, not {sigma_px:g}")
        if not 0 < step <= 1:
            raise ValueError(f"step must be above 0 and at most 1, not {step:g}")
        self.sigma_px = sigma_px
        self._moves = step * torch.tensor([[-1.0, 0], [1, 0], [0, -1], [0, 1]], device=self.device)
        self._pixels = torch.arange(FRAME_PX, device=self.device) + 0.5

    def reset(self, n: int, rng: Streams, options: Mapping[str, Any] | None = None) -> BlobState:
        """Fresh states, x and y uniform."""
        fixed = fixed_factors(self, n, options)
        drawn = rng.uniform(2)
        columns = [fixed.get(factor.name, drawn[:, k]) for k, factor in enumerate(self.factors)]
        return BlobState(torch.stack(columns, 1))

    def step(self, state: BlobState, action: Tensor, rng: Streams) -> tuple[BlobState, Tensor, Tensor]:
        """Move, as far as the range goes; deterministic, without reward or end."""
        nothing = torch.zeros(len(action), device=self.device)
        return BlobState((state.place + self._moves[action]).clamp(0, 1)), nothing, nothing > 0

    def observe(self, state: BlobState) -> Tensor:
        """uint8 ``(n, 64, 64, 1)``: 255 exp(-distance² / (2 sigma²)), rounded."""
        centre_px = MARGIN_PX + (FRAME_PX - 2 * MARGIN_PX) * state.place
        profile = (-0.5 * ((self._pixels - centre_px[:, :, None]) / self.sigma_px).square()).exp()
        across, down = profile[:, 0, None, :], 255 * profile[:, 1, :, None]
        return (down * across).add_(0.5).to(torch.uint8)[..., None]

    def get_masks(self, state: BlobState) -> Tensor:
        """Bool ``(n, 1, 64, 64)``: every pixel that isn't black."""
        return self.observe(state).permute(0, 3, 1, 2) > 0

    def get_factors(self, state: BlobState) -> Tensor:
        """float32 ``(n, 2)``: x and y."""
        return state.place

    def set_factors(self, values: Tensor) -> BlobState:
        """States with these values; every place in the range is possible."""
        return BlobState(self.check_factors(values))
