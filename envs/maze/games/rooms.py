"""No task: rooms with a door between them, a box and a switch, without reward or end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from ..places import STAY, Places
from ..settings import Span
from ..state import MazeState
from .explore import Explore


class Rooms(Explore):
    """Toggling the switch opens and shuts the door by turns; it stays open while an agent or a box is in it."""

    spans: ClassVar[Mapping[str, Span]] = {"switches": 1}
    boxes = 1
    doors = 1
    divided = True
    alternates = True

    def solvable(self, places: Places, state: MazeState) -> Tensor:
        """Whether every switch can be reached, and a side of the box, the door open, from which it can be pushed."""
        reached, free = places.reachable(state, doors_open=True), places.free(state, doors_open=True)
        box, opposite = state.box[:, 0], [1, 0, 3, 2]
        ahead, behind = places.reach[:STAY, box].T, places.reach[opposite][:, box].T
        moves = places.at(behind, reached) & places.at(ahead, free) & (ahead != state.box)
        return super().solvable(places, state) & moves.any(1)


GAME = Rooms()
