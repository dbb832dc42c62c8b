"""A switch opens the door in the wall that may be between the agent and the goal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from ...streams import Streams
from ..levels import Plan
from ..places import Places
from ..settings import Settings, Span
from ..state import MazeState
from ._game import Coordinates, Sentence, say
from .single_goal import SingleGoal


class LightKey(SingleGoal):
    """``task`` is the colour that opens the door: toggling the switch to it opens, to any other closes."""

    spans: ClassVar[Mapping[str, Span]] = {"goals": 1, "switches": 1}
    doors = 1
    divided = True
    toggles = True

    def task_sizes(self, settings: Settings, goals: int, active: int) -> tuple[int, ...]:
        """One entry, a colour."""
        return (settings.colours,)

    def draw_task(self, draft: MazeState, plan: Plan, rng: Streams) -> Tensor:
        """A colour that the switch does not have."""
        colours = plan.colours
        return (draft.colour[:, :1] + 1 + rng.integers(colours - 1)) % colours

    def solvable(self, places: Places, state: MazeState) -> Tensor:
        """Whether the goal can be reached, or the switch and then, through the door, the goal."""
        near, far = (places.reachable(state, doors_open) for doors_open in (False, True))
        by_switch = places.at(state.switch[:, :1], near) & places.at(state.goal[:, :1], far)
        return (places.at(state.goal[:, :1], near) | by_switch)[:, 0]

    def sentences(self, state: MazeState, coordinates: Coordinates) -> list[Sentence]:
        """``go to goal``, ``colour1 opens door``."""
        return [("go", "to", "goal"), (say("colour", state.task[:, 0]), "opens", "door")]


GAME = LightKey()
