"""Go to an edge or a corner of the map."""

from __future__ import annotations

from torch import Tensor

from ...streams import Streams
from ..levels import Plan
from ..places import REGIONS, Places
from ..settings import Settings
from ..state import MazeState
from ._game import Coordinates, Game, Sentence, region_words


class GotoCardinal(Game):
    """``task`` is an edge or a corner, of REGIONS; any tile of it will do."""

    def task_sizes(self, settings: Settings, goals: int, active: int) -> tuple[int, ...]:
        """One entry, a region."""
        return (len(REGIONS),)

    def draw_task(self, draft: MazeState, plan: Plan, rng: Streams) -> Tensor:
        """Any region."""
        return rng.integers(len(REGIONS))

    def done(self, places: Places, state: MazeState) -> Tensor:
        """Whether an agent is in the region."""
        return places.at(state.agent, places.region(state, state.task[:, 0])).any(1)

    def solvable(self, places: Places, state: MazeState) -> Tensor:
        """Whether a tile of the region can be reached."""
        return (places.region(state, state.task[:, 0]) & places.reachable(state)).any(1)

    def sentences(self, state: MazeState, coordinates: Coordinates) -> list[Sentence]:
        """``go to top left``."""
        return [("go", "to", *region_words(state.task[:, 0]))]


GAME = GotoCardinal()
