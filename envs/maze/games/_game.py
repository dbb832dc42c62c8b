"""What a game is: the items it needs, what it asks for, and when it is done."""

from __future__ import annotations

import inspect
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from .... import lookup
from ..places import REGIONS
from ..words import number_of

if TYPE_CHECKING:
    from ...streams import Streams
    from ..levels import Plan
    from ..places import Places
    from ..settings import Settings, Span
    from ..state import MazeState

Sentence = tuple[str | Tensor, ...]
Coordinates = Callable[[Tensor], tuple[Tensor, Tensor]]
"""From places ``(n,)`` to the words for x and y, int64 ``(n,)`` each, as seen by whoever reads them."""


class Game(ABC):
    """A game is stateless: everything it knows of an episode is in the `MazeState`.

    Attributes:
        spans: The counts and chances it draws for each level, with the values that the game is known for.
        boxes: How many boxes count.
        doors: How many doors.
        divided: Whether a wall divides the map.
        bars: Whether boxes begin in the doors; else on the floor.
        alternates: Whether doors are open or shut by chance at first, then by turns.
        toggles: Whether agents can toggle switches.
        visits: Whether it matters which goals have been visited.
        task_optional: Whether entries of the task may be missing, -1.
        task_of_goals: Whether entries of the task are numbers of goals.
        hidden: Whether goals are on the map only with the chance ``visible``.
        shoots: Whether there are shots.
        endless: Whether there is nothing to do.
    """

    spans: ClassVar[Mapping[str, Span]] = {}
    boxes: ClassVar[int] = 0
    doors: ClassVar[int] = 0
    divided: ClassVar[bool] = False
    bars: ClassVar[bool] = False
    alternates: ClassVar[bool] = False
    toggles: ClassVar[bool] = False
    visits: ClassVar[bool] = False
    task_optional: ClassVar[bool] = False
    task_of_goals: ClassVar[bool] = False
    hidden: ClassVar[bool] = False
    shoots: ClassVar[bool] = False
    endless: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """That of its file."""
        return type(self).__module__.rpartition(".")[2]

    def told_as(self) -> str:
        """What the game is, in words: what its module and its class say, with its name."""
        return f"**{self.name}**: {inspect.getdoc(sys.modules[type(self).__module__])} {inspect.getdoc(self)}"

    def check(self, settings: Settings) -> None:
        """Raise `ValueError` for options with which the game makes no sense."""
        if self.doors and settings.layout is not None and "|" not in "".join(settings.layout):
            raise ValueError(
                f"layout must have a '|' where the door of {self.name} may be, not {list(settings.layout)}"
            )

    def task_sizes(self, settings: Settings, goals: int, active: int) -> tuple[int, ...]:
        """How many values each entry of ``state.task`` takes, for at most so many goals, and active ones."""
        return ()

    def draw_task(self, draft: MazeState, plan: Plan, rng: Streams) -> Tensor:
        """A task for each row, ``(n, K)``, where all items already have their places."""
        return draft.task

    @abstractmethod
    def done(self, places: Places, state: MazeState) -> Tensor:
        """Whether the task is done: bool ``(n,)``."""

    def solvable(self, places: Places, state: MazeState) -> Tensor:
        """Whether it can be done from here: bool ``(n,)``; never true where it can't."""
        return (places.at(state.goal, places.reachable(state)) | (state.goal < 0)).all(1)

    def cost(self, places: Places, before: MazeState, after: MazeState) -> Tensor:
        """What a step costs beside the usual: float32 ``(n,)``."""
        return torch.zeros(len(after.agent), device=after.agent.device)

    def lost(self, state: MazeState) -> Tensor:
        """Whether it can't be done any more, at a cost of 1: bool ``(n,)``."""
        return torch.zeros(len(state.agent), dtype=torch.bool, device=state.agent.device)

    def visit(self, state: MazeState, came: Tensor) -> Tensor:
        """``visited`` after agents are on the goals ``came``, bool ``(n, goals)``."""
        return state.visited

    def sentences(self, state: MazeState, coordinates: Coordinates) -> list[Sentence]:
        """What the player is told, a tuple of words (or int64 ``(n,)`` word numbers) each."""
        return []


def load(name: str) -> Game:
    """The game of this name."""
    game = lookup.load("envs.maze.games", name, "game").GAME
    assert isinstance(game, Game)
    return game


def region_words(index: Tensor) -> tuple[Tensor, Tensor]:
    """The two words, the second perhaps padding, for regions of REGIONS by index: int64 ``(n,)`` each."""
    table = [[number_of(word) for word in name.split()] for name in REGIONS]
    words = torch.tensor([[*numbers, 0][:2] for numbers in table], device=index.device)[index]
    return words[:, 0], words[:, 1]


def say(stem: str, number: Tensor) -> Tensor:
    """Numbers of the words ``stem0``, ``stem1``, ...: int64, like ``number``; those of -1 are padding."""
    return torch.where(number < 0, 0, number + number_of(f"{stem}0"))
