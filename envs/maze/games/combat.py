"""Agents against star enemies, who shoot in all directions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from ..places import Places
from ..settings import Span
from ..state import MazeState
from ._game import Coordinates, Game, Sentence


class Combat(Game):
    """Done when all enemies are dead; the episode also ends, at a cost of 1, when all agents are."""

    spans: ClassVar[Mapping[str, Span]] = {
        "enemies": 1, "health": 3, "shot_range": 3, "cooldown": 2, "miss": 0.1, "speed": 1.0, "noise": 0.1
    }  # fmt: skip
    shoots = True

    def done(self, places: Places, state: MazeState) -> Tensor:
        """Whether all enemies are dead."""
        return (state.health[:, state.agent.shape[1] :] == 0).all(1)

    def solvable(self, places: Places, state: MazeState) -> Tensor:
        """Whether all enemies can be walked to."""
        return (places.at(state.enemy, places.reachable(state)) | (state.enemy < 0)).all(1)

    def lost(self, state: MazeState) -> Tensor:
        """Whether all agents are dead."""
        return (state.health[:, : state.agent.shape[1]] == 0).all(1)

    def sentences(self, state: MazeState, coordinates: Coordinates) -> list[Sentence]:
        """``shoot enemy``."""
        return [("shoot", "enemy")]


GAME = Combat()
