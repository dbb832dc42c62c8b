"""Go to a place that is told by its coordinates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ..settings import Span
from ..state import MazeState
from ._game import Coordinates, Sentence
from .single_goal import SingleGoal


class Goto(SingleGoal):
    """The target is a goal that is on the map only with the chance ``visible``."""

    spans: ClassVar[Mapping[str, Span]] = {"goals": 1, "visible": 0.0}
    hidden = True

    def sentences(self, state: MazeState, coordinates: Coordinates) -> list[Sentence]:
        """``go to x3 y4``."""
        return [("go", "to", *coordinates(state.goal[:, 0]))]


GAME = Goto()
