"""Push a box onto the switch of the told colour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from ...streams import Streams
from ..levels import Plan
from ..places import Places, met
from ..settings import Settings, Span
from ..state import MazeState
from ._game import Coordinates, Game, Sentence, say


class PushBlock(Game):
    """``task`` is the colour; further switches, as many as ``decoys``, have colours of their own."""

    spans: ClassVar[Mapping[str, Span]] = {"switches": 1, "decoys": 0}
    boxes = 1

    def task_sizes(self, settings: Settings, goals: int, active: int) -> tuple[int, ...]:
        """One entry, a colour."""
        return (settings.colours,)

    def draw_task(self, draft: MazeState, plan: Plan, rng: Streams) -> Tensor:
        """The first switch's colour."""
        return draft.colour[:, :1]

    def done(self, places: Places, state: MazeState) -> Tensor:
        """Whether a box is on a switch of the colour."""
        upon = met(state.switch, state.box)
        return (upon & (state.colour == state.task[:, :1]) & (state.switch >= 0)).any(1)

    def solvable(self, places: Places, state: MazeState) -> Tensor:
        """Whether the box can be pushed onto such a switch."""
        targets = places.marked(torch.where(state.colour == state.task[:, :1], state.switch, -1))
        return (places.pushable(state).any(2) & targets).any(1)

    def sentences(self, state: MazeState, coordinates: Coordinates) -> list[Sentence]:
        """``push box to switch colour1``."""
        return [("push", "box", "to", "switch", say("colour", state.task[:, 0]))]


GAME = PushBlock()
