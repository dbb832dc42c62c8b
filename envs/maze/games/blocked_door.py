"""A box stands in the gap of the wall that may be between the agent and the goal."""

from __future__ import annotations

from torch import Tensor

from ..places import Places
from ..state import MazeState
from .single_goal import SingleGoal


class BlockedDoor(SingleGoal):
    """The gap is a door that is always open; the box begins in it."""

    boxes = 1
    doors = 1
    divided = True
    bars = True

    def solvable(self, places: Places, state: MazeState) -> Tensor:
        """Whether the goal can be reached, pushing the box where need be."""
        return places.at(state.goal[:, :1], places.pushable(state).any(1))[:, 0]


GAME = BlockedDoor()
