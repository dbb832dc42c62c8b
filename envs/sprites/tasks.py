"""Things to do with sprites, in the manner of Spriteworld (Watters et al. 2019, arXiv:1905.09275).

A task says how far from done a state is, its gap in pixels. A step's reward is the drop of the gap, in widths of the
range that sprites move in, plus 1 where the gap becomes 0, which ends the episode.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import combinations

import torch
from torch import Tensor

RADIUS_PX = 6
"""Of a goal, and of a colour's own place."""
TARGET = 0
"""The colour of the sprites that belong into the goal: red."""


class Task(ABC):
    """What to do; states are told by the sprites' places, colours and the goal's place.

    Attributes:
        has_goal: Whether each episode has a goal, drawn as a grey disc.
        corners: For each colour its own place, drawn as a disc of that colour, as fractions of the range that sprites
            move in; empty where there are none.
    """

    has_goal = False
    corners: tuple[tuple[float, float], ...] = ()

    @abstractmethod
    def gap(self, places: Tensor, colours: Tensor, goal: Tensor, own: Tensor) -> Tensor:
        """How far from done, 0 where it is done.

        Args:
            places: x and y of the sprites in pixels, int64 ``(n, N, 2)``.
            colours: int64 ``(n, N)``.
            goal: int64 ``(n, 2)``, or ``(n, 0)``.
            own: x and y of the colours' own places, int64 ``(colours, 2)``.

        Returns:
            float64 ``(n,)``, in pixels.
        """

    def first_colours(self, colours: Tensor) -> Tensor:
        """The colours ``(n, N)`` that an episode starts with, given colours drawn uniformly."""
        return colours


class Goal(Task):
    """Bring every red sprite's centre into the goal; sprite 0 is red at the start."""

    has_goal = True

    def gap(self, places: Tensor, colours: Tensor, goal: Tensor, own: Tensor) -> Tensor:
        """The sum over red sprites of the way that is left to the goal's rim."""
        missing = (_distance(places, goal[:, None]) - RADIUS_PX).clamp(min=0)
        return _total(torch.where(colours == TARGET, missing, 0.0))

    def first_colours(self, colours: Tensor) -> Tensor:
        """Sprite 0 is red."""
        return torch.cat([torch.full_like(colours[:, :1], TARGET), colours[:, 1:]], 1)


class Sort(Task):
    """Bring every sprite's centre into the place of its colour; the places are the corners."""

    corners = ((0.1, 0.1), (0.9, 0.1), (0.1, 0.9), (0.9, 0.9))

    def gap(self, places: Tensor, colours: Tensor, goal: Tensor, own: Tensor) -> Tensor:
        """The sum over sprites of the way that is left to the rim of the own place."""
        return _total((_distance(places, own[colours]) - RADIUS_PX).clamp(min=0))


class Cluster(Task):
    """Bring sprites of one colour close together and those of different colours apart.

    Two of one colour are to be within ``near_px`` of each other, two of different colours at least ``far_px`` apart.
    Spriteworld judges clusters by the Davies-Bouldin index instead, which has no value for a single sprite.
    """

    near_px = 10
    far_px = 16

    def gap(self, places: Tensor, colours: Tensor, goal: Tensor, own: Tensor) -> Tensor:
        """The sum over pairs of what they are too far apart, or too close."""
        left, right = torch.tensor([*combinations(range(places.shape[1]), 2)], device=places.device).T
        apart = _distance(places[:, left], places[:, right])
        alike = colours[:, left] == colours[:, right]
        return _total(torch.where(alike, apart - self.near_px, self.far_px - apart).clamp(min=0))

    def first_colours(self, colours: Tensor) -> Tensor:
        """Sprite 1 is of sprite 0's colour, so that there is something to bring together."""
        return torch.cat([colours[:, :1], colours[:, :1], colours[:, 2:]], 1)


TASKS: dict[str, Task] = {"goal": Goal(), "sort": Sort(), "cluster": Cluster()}


def _distance(a: Tensor, b: Tensor) -> Tensor:
    """float64 ``(n, N)``."""
    return (a - b).square().sum(-1).double().sqrt()


def _total(parts: Tensor) -> Tensor:
    """Sum of each row, column by column, so that it doesn't depend on the batch's size."""
    return sum(parts.unbind(1), torch.zeros_like(parts[:, 0]))
