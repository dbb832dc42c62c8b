"""Go to a switch of the told colour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from ...streams import Streams
from ..levels import Plan
from ..places import Places, met
from ..settings import Settings, Span
from ..state import MazeState
from ._game import Coordinates, Game, Sentence, say


class GotoSwitch(Game):
    """``task`` is the colour; switches can't be toggled here."""

    spans: ClassVar[Mapping[str, Span]] = {"switches": (2, 5)}

    def task_sizes(self, settings: Settings, goals: int, active: int) -> tuple[int, ...]:
        """One entry, a colour."""
        return (settings.colours,)

    def draw_task(self, draft: MazeState, plan: Plan, rng: Streams) -> Tensor:
        """The colour of one of the switches."""
        chosen = (rng.uniform(1) * plan.count("switches")[:, None]).long()
        return draft.colour.gather(1, chosen)

    def done(self, places: Places, state: MazeState) -> Tensor:
        """Whether an agent is on a switch of the colour."""
        upon = met(state.switch, state.agent)
        return (upon & (state.colour == state.task[:, :1])).any(1)

    def solvable(self, places: Places, state: MazeState) -> Tensor:
        """Whether a switch of the colour can be reached."""
        return (places.at(state.switch, places.reachable(state)) & (state.colour == state.task[:, :1])).any(1)

    def sentences(self, state: MazeState, coordinates: Coordinates) -> list[Sentence]:
        """``go to switch colour1``."""
        return [("go", "to", "switch", say("colour", state.task[:, 0]))]


GAME = GotoSwitch()
