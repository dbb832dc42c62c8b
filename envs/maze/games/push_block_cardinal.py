"""Push a box to an edge of the map."""

from __future__ import annotations

from torch import Tensor

from ...streams import Streams
from ..levels import Plan
from ..places import Places
from ..settings import Settings
from ..state import MazeState
from ._game import Coordinates, Game, Sentence, region_words

EDGES = 4


class PushBlockCardinal(Game):
    """``task`` is an edge, of the first four REGIONS; any tile of it will do."""

    boxes = 1

    def task_sizes(self, settings: Settings, goals: int, active: int) -> tuple[int, ...]:
        """One entry, an edge."""
        return (EDGES,)

    def draw_task(self, draft: MazeState, plan: Plan, rng: Streams) -> Tensor:
        """Any edge."""
        return rng.integers(EDGES)

    def done(self, places: Places, state: MazeState) -> Tensor:
        """Whether a box is at the edge."""
        return places.at(state.box, places.region(state, state.task[:, 0])).any(1)

    def solvable(self, places: Places, state: MazeState) -> Tensor:
        """Whether the box can be pushed there."""
        return (places.pushable(state).any(2) & places.region(state, state.task[:, 0])).any(1)

    def sentences(self, state: MazeState, coordinates: Coordinates) -> list[Sentence]:
        """``push box to left``."""
        return [("push", "box", "to", *region_words(state.task[:, 0]))]


GAME = PushBlockCardinal()
