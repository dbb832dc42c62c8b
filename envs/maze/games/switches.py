"""Bring all switches to one colour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from ..places import Places
from ..settings import Settings, Span
from ..state import MazeState
from ._game import Coordinates, Game, Sentence


class Switches(Game):
    """Done when all switches have the same colour, whichever it is."""

    spans: ClassVar[Mapping[str, Span]] = {"switches": (2, 5)}
    toggles = True

    def check(self, settings: Settings) -> None:
        """One switch alone would be done from the start."""
        super().check(settings)
        if settings.switches is not None and min(settings.span("switches")) < 2:
            raise ValueError(f"switches must be at least 2 in the game switches, not {settings.switches}")

    def done(self, places: Places, state: MazeState) -> Tensor:
        """Whether all switches that are there have the first one's colour."""
        return ((state.colour == state.colour[:, :1]) | (state.switch < 0)).all(1)

    def solvable(self, places: Places, state: MazeState) -> Tensor:
        """Whether every switch can be reached."""
        return (places.at(state.switch, places.reachable(state)) | (state.switch < 0)).all(1)

    def sentences(self, state: MazeState, coordinates: Coordinates) -> list[Sentence]:
        """``match switch``."""
        return [("match", "switch")]


GAME = Switches()
