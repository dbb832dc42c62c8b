"""Mazes in words: a sentence for each thing, and what the player is told, as padded word numbers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .games import Coordinates, Game, Sentence, say
from .grids import Grids
from .places import Places
from .spawn import by_game
from .state import MazeState
from .words import number_of

LENGTH = 6
"""Words of the longest sentence that the player is told."""


class Sentences:
    """Sentences about mazes of one kind.

    Args:
        grids: Knows the words for what is on each tile.
        places: The maps' geometry.
        games: The games that episodes draw from.
        told: How many sentences the player is told at most.
        device: Where the numbers are wanted.

    Attributes:
        length: Words of the longest sentence about a tile.
    """

    def __init__(self, grids: Grids, places: Places, games: Sequence[Game], told: int, device: torch.device) -> None:
        self.grids, self.places, self.games, self.told = grids, places, games, told
        self.numbers = torch.tensor([0, *(number_of(word) for word in grids.words)], device=device)
        self.length = max(2 + grids.deepest, LENGTH)

    def about_all(self, state: MazeState, relative: bool) -> Tensor:
        """All there is and all that is told: int16 ``(n, told + T, length)``, sentences first, padding after.

        Each tile with anything on it has one: where it is, then the words that apply.

        Args:
            state: The mazes.
            relative: Whether places are seen from the first agent.
        """
        n, count = len(state.agent), self.places.count
        coordinates = self._coordinates(state, relative)
        words = self.numbers[self.grids.indices(state).long().view(n, count, -1)]
        tile = torch.arange(count, device=words.device).expand(n, -1)
        where = torch.stack([axis.view(n, count) for axis in coordinates(tile)], 2)
        lines = torch.cat([where, words], 2)
        lines = torch.where(words[:, :, :1] > 0, lines, 0)
        lines = torch.nn.functional.pad(lines, (0, self.length - lines.shape[2]))
        told = torch.nn.functional.pad(self._told(state, relative), (0, self.length - LENGTH))
        return _packed(torch.cat([told, lines], 1)).to(torch.int16)

    def instruction(self, state: MazeState) -> Tensor:
        """What the player is told, with absolute places: int16 ``(n, told, LENGTH)``."""
        return _packed(self._told(state, False)).to(torch.int16)

    def _told(self, state: MazeState, relative: bool) -> Tensor:
        def tell(game: Game, part: MazeState) -> Tensor:
            said = game.sentences(part, self._coordinates(part, relative))
            lines = [_line(sentence, len(part.agent), part.agent.device) for sentence in said]
            empty = torch.zeros((len(part.agent), LENGTH), dtype=torch.int64, device=part.agent.device)
            return torch.stack(lines + [empty] * (self.told - len(lines)), 1)

        return by_game(self.games, tell, state)

    def _coordinates(self, state: MazeState, relative: bool) -> Coordinates:
        origin = state.agent[:, :1].clamp(min=0)

        def name(place: Tensor) -> tuple[Tensor, Tensor]:
            at = place.clamp(min=0)
            found = []
            for axis, values in (("x", self.places.x), ("y", self.places.y)):
                if relative:
                    seen = values[at] - values[origin if place.ndim == 2 else origin[:, 0]]
                    word = seen + number_of(f"{axis}+0")
                else:
                    word = say(axis, values[at])
                found.append(torch.where(place < 0, 0, word))
            return found[0], found[1]

        return name


def _line(sentence: Sentence, n: int, device: torch.device) -> Tensor:
    """A sentence as numbers ``(n, LENGTH)``; none where its first word that depends on the state is missing."""
    words = [
        word if isinstance(word, Tensor) else torch.full((n,), number_of(word), device=device) for word in sentence
    ]
    line = torch.stack(words + [torch.zeros_like(words[0])] * (LENGTH - len(words)), 1)
    first = next((word for word in sentence if isinstance(word, Tensor)), None)
    return line if first is None else torch.where(first[:, None] > 0, line, 0)


def _packed(lines: Tensor) -> Tensor:
    """Sentences ``(n, s, w)`` in their order, empty ones last."""
    order = (lines[:, :, 0] == 0).to(torch.int8).argsort(dim=1, stable=True)
    return lines.gather(1, order[:, :, None].expand_as(lines))
