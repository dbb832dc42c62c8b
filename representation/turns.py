"""Whose turn it is in a training: what is updated, how fast and how often."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn


class Turn(NamedTuple):
    """One player's part of a step."""

    parameters: list[nn.Parameter]
    """What it trains."""
    learning_rate: float | None = None
    """Of its Adam; the training's own by default. Both fall in the same way towards the end."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Of its Adam."""
    updates: int = 1
    """How many a step, each on a batch of its own."""
    shared: bool = False
    """Whether it steps with the first player's Adam, which then remembers both gradients, and not with its own."""
