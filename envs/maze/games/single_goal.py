"""Go to the goal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from ..places import Places, met
from ..settings import Span
from ..state import MazeState
from ._game import Coordinates, Game, Sentence


class SingleGoal(Game):
    """Done when an agent stands on the goal."""

    spans: ClassVar[Mapping[str, Span]] = {"goals": 1}

    def done(self, places: Places, state: MazeState) -> Tensor:
        """Whether an agent is on a goal."""
        return met(state.goal, state.agent).any(1)

    def sentences(self, state: MazeState, coordinates: Coordinates) -> list[Sentence]:
        """``go to goal``."""
        return [("go", "to", "goal")]


GAME = SingleGoal()
