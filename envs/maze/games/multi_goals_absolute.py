"""Visit several goals, by place, in a given order."""

from __future__ import annotations

import torch

from ..state import MazeState
from ._game import Coordinates, Sentence
from .multi_goals import MultiGoals


class MultiGoalsAbsolute(MultiGoals):
    """As `MultiGoals`, but the goals to visit are told by where they are."""

    def sentences(self, state: MazeState, coordinates: Coordinates) -> list[Sentence]:
        """``visit x3 y4``, then ``then visit x0 y2``..."""
        told: list[Sentence] = []
        for k in range(state.task.shape[1]):
            place = state.goal.gather(1, state.task[:, k : k + 1].clamp(min=0))[:, 0]
            x, y = coordinates(torch.where(state.task[:, k] < 0, -1, place))
            told.append(("visit", x, y) if k == 0 else ("then", "visit", x, y))
        return told


GAME = MultiGoalsAbsolute()
