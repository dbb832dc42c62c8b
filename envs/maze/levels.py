"""Levels: terrain and counts that follow from a level's number alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..streams import Streams
from .games import Game
from .settings import WHOLE, Settings
from .state import BLOCK, DIFFICULTIES, FLOOR, OUTSIDE, WATER

OF_GAMES = (
    "goals", "active", "switches", "decoys", "visible", "enemies", "health", "shot_range", "cooldown", "miss", "speed",
    "noise",
)  # fmt: skip
SPANS = ("size", "blocks", "water", *OF_GAMES)
RULES = ("shot_range", "cooldown", "miss", "speed", "noise")
"""Spans that decide more than the start of an episode; states hold them."""


@dataclass
class Plan:
    """What n levels fix of their mazes."""

    terrain: Tensor
    """uint8 ``(n, T)``"""
    wall: Tensor
    """Tiles of the wall where a door may be: bool ``(n, T)``"""
    drawn: dict[str, Tensor]
    """The value of each span: float32 ``(n,)``"""
    colours: int
    """How many states a switch goes through"""

    def rows(self, index: Tensor) -> Plan:
        """The plans of these rows."""
        drawn = {name: value[index] for name, value in self.drawn.items()}
        return Plan(self.terrain[index], self.wall[index], drawn, self.colours)

    def repeated(self, n: int) -> Plan:
        """The one plan that this is, for n levels."""
        drawn = {name: value.expand(n) for name, value in self.drawn.items()}
        return Plan(self.terrain.expand(n, -1), self.wall.expand(n, -1), drawn, self.colours)

    def count(self, name: str) -> Tensor:
        """A span's value as a whole number: int64 ``(n,)``."""
        return self.drawn[name].long()


class Levels:
    """Plans of levels, by number.

    Args:
        settings: The maze's options.
        games: The games that episodes draw from.
        device: Where the tensors live.
    """

    def __init__(self, settings: Settings, games: Sequence[Game], device: torch.device) -> None:
        self.settings, self.device = settings, device
        self.height, self.width = settings.sides
        ends = torch.tensor([[_ends(settings, game, name) for name in SPANS] for game in games], device=device)
        self.easiest, self.hardest = ends[..., 0], ends[..., 1]
        self.divided = torch.tensor([game.divided for game in games], device=device)
        self.layout = None if settings.layout is None else _parse(settings.layout, device)
        self.gaps = torch.tensor(
            [tile == "|" for tile in "".join(settings.layout or ())], dtype=torch.bool, device=device
        )
        scattered = settings.layout is None and any(max(settings.span(name)) > 0 for name in ("blocks", "water"))
        parted = settings.layout is None and bool(self.divided.any())
        self.varied = scattered or parted or bool((self.easiest != self.hardest).any())
        first = torch.zeros(1, dtype=torch.int64, device=device)
        alike = not self.varied and len(games) == 1
        self.same = self._draw_plan(first, first, first) if alike else None

    def most(self, name: str) -> int:
        """The largest value that a span takes in any level."""
        k = SPANS.index(name)
        return int(torch.maximum(self.easiest[:, k], self.hardest[:, k]).max())

    def steady(self, *names: str) -> bool:
        """Whether these spans have one value in all levels."""
        columns = [SPANS.index(name) for name in names]
        ends = torch.cat([self.easiest[:, columns], self.hardest[:, columns]])
        return bool((ends == ends[:1]).all())

    def most_of(self, name: str, game: int) -> int:
        """The largest value of a span in the game of this index."""
        k = SPANS.index(name)
        return int(torch.maximum(self.easiest[game, k], self.hardest[game, k]))

    def plan(self, level: Tensor, difficulty: Tensor, game: Tensor) -> Plan:
        """The levels of these numbers, tenths of difficulty and games, int64 ``(n,)`` each."""
        if self.same is not None:
            return self.same.repeated(len(level))
        return self._draw_plan(level, difficulty, game)

    def _draw_plan(self, level: Tensor, difficulty: Tensor, game: Tensor) -> Plan:
        rng = Streams((level * 16 + difficulty) * 64 + game, self.device)
        chance = rng.uniform(len(SPANS) + 3)
        values = self._draw(chance[:, : len(SPANS)], difficulty, game)
        drawn = dict(zip(SPANS, values.T, strict=True))
        height = drawn["size"]
        width = height if self.settings.square else self._draw(chance[:, -3:-2], difficulty, game)[:, 0]
        if self.layout is not None:
            terrain = self.layout.expand(len(level), -1)
            return Plan(terrain, self.gaps.expand(len(level), -1), drawn, self.settings.colours)
        noise = rng.uniform(self.height * self.width)
        inside, border = self._outline(height[:, None], width[:, None])
        wall = self._wall(chance[:, -2:], height, width) & inside & self.divided[game][:, None]
        solid = wall | (border & inside) if self.settings.boundary else wall
        ranks = torch.where(inside & ~solid, noise, 2.0).argsort(1).argsort(1)
        area = (height * width)[:, None]
        blocks = (drawn["blocks"][:, None] * area).round()
        water = blocks + (drawn["water"][:, None] * area).round()
        terrain = torch.where(ranks < blocks, BLOCK, torch.where(ranks < water, WATER, FLOOR))
        terrain = torch.where(inside, torch.where(solid, BLOCK, terrain), OUTSIDE)
        return Plan(terrain.to(torch.uint8), wall, drawn, self.settings.colours)

    def _draw(self, chance: Tensor, difficulty: Tensor, game: Tensor) -> Tensor:
        """Values of the first spans, ``(n, k)``, from uniform numbers of that shape."""
        k = chance.shape[1]
        low, high = self.easiest[game, :k], self.hardest[game, :k]
        reach = (difficulty / (DIFFICULTIES - 1))[:, None] * (high - low)
        whole = torch.tensor([name in WHOLE for name in SPANS[:k]], device=self.device)
        steps = reach.round()
        return low + torch.where(whole, steps.sign() * (chance * (steps.abs() + 1)).floor(), chance * reach)

    def _outline(self, height: Tensor, width: Tensor) -> tuple[Tensor, Tensor]:
        tile = torch.arange(self.height * self.width, device=self.device)
        x, y = tile % self.width, tile // self.width
        border = (x == 0) | (y == 0) | (x == width - 1) | (y == height - 1)
        return (x < width) & (y < height), border

    def _wall(self, chance: Tensor, height: Tensor, width: Tensor) -> Tensor:
        """A wall from side to side, not along the border; of a column or a row."""
        tile = torch.arange(self.height * self.width, device=self.device)
        upright = chance[:, 0] < 0.5
        length = torch.where(upright, width, height)
        at = 1 + (chance[:, 1] * (length - 2)).floor()
        return torch.where(upright[:, None], tile % self.width, tile // self.width) == at[:, None]


def _ends(settings: Settings, game: Game, name: str) -> tuple[float, float]:
    """The easiest and hardest value of a span in this game; 0 where the game has no such thing."""
    if name not in OF_GAMES:
        return settings.span(name)
    if name not in game.spans:
        return 0, 0
    given = game.spans[name] if getattr(settings, name) is None else settings.span(name)
    return given if isinstance(given, tuple) else (given, given)


def _parse(layout: Sequence[str], device: torch.device) -> Tensor:
    kinds = {".": FLOOR, "~": WATER, "#": BLOCK, "|": BLOCK}
    return torch.tensor([kinds[tile] for row in layout for tile in row], dtype=torch.uint8, device=device)
