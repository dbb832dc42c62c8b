"""How the planar map looks: its contents (shape, size and colours), and antialiased images of them.

Pixel (i, j) is the square [i, i + 1] x [j, j + 1] of the map, which is 40 px wide; rows go down.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

SIZE = 40
OBSTACLES = ((20.5, 5.5), (20.5, 13.5), (20.5, 27.5), (20.5, 35.5), (10.5, 20.5), (30.5, 20.5))
OBSTACLE_RADIUS = 2.5
GOALS = ((37.0, 37.0), (37.0, 3.0), (3.0, 37.0))
GOAL_RADIUS = 2.0

Colour = tuple[int, int, int]
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
GOAL_COLOUR, GOAL_GREY = (46, 160, 80), (128, 128, 128)


@dataclass(frozen=True)
class Content:
    """What an observation shows beside the agent's place; it has no part in the dynamics.

    Args:
        shape: Of the agent. A diamond is a square that stands on its corner.
        size: Square root of the agent's area in px: shapes of one size are equally bright.
        agent: Its colour, red, green, blue, 0 .. 255 each.
        obstacle: The obstacles' colour.
        background: The free map's colour.
    """

    shape: Literal["square", "disc", "diamond"] = "square"
    size: float = 3.0
    agent: Colour = WHITE
    obstacle: Colour = WHITE
    background: Colour = BLACK

    @property
    def is_grey(self) -> bool:
        """Whether one channel is enough to show it."""
        return all(len(set(colour)) == 1 for colour in (self.agent, self.obstacle, self.background))

    @property
    def extent(self) -> float:
        """Distance from the agent's centre to the nearest point of its outline, px."""
        return self.size / math.sqrt(math.pi) if self.shape == "disc" else self.size / 2

    @property
    def reach(self) -> float:
        """How far from its centre along an axis the agent colours pixels' centres."""
        return (self.extent + 0.5) * (math.sqrt(2) if self.shape == "diamond" else 1)


CONTENTS = {
    "x": Content(),
    "y": Content(shape="diamond"),
    "disc": Content(shape="disc"),
    "large": Content(size=5.0),
    "red": Content(agent=(225, 60, 50)),
    "meadow": Content(obstacle=(40, 90, 60), background=(190, 220, 170)),
    "dusk": Content("disc", 4.0, (250, 200, 80), (150, 60, 110), (30, 30, 70)),
}
"""The named renderings: X and Y differ in shape alone; the others in shape, size, colour, background, and all four."""


def _hypot(down: Tensor, right: Tensor) -> Tensor:
    return (down * down + right * right).sqrt()


def _cover(depth: Tensor) -> Tensor:
    """The share, 0 .. 1, of a pixel that lies in a half-plane whose edge is ``depth`` px outside of its centre."""
    return (depth + 0.5).clamp(0, 1)


# The share of pixels at (down, right) of a shape's centre that it covers, given its extent: exact for the square.
_COVERS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "square": lambda down, right, extent: _cover(extent - down.abs()) * _cover(extent - right.abs()),
    "disc": lambda down, right, extent: _cover(extent - _hypot(down, right)),
    "diamond": lambda down, right, extent: _cover(extent - (down.abs() + right.abs()) * math.sqrt(0.5)),
}


class Painter:
    """Draws the map with the agent in it: ready-made maps, and a small patch computed around the agent.

    Args:
        contents: The renderings to choose from.
        channels: 1 (all contents grey) or 3.
        device: Where the images are wanted.
    """

    def __init__(self, contents: Sequence[Content], channels: int, device: torch.device) -> None:
        self.channels, self.device = channels, device
        self.patch = math.ceil(2 * max(content.reach for content in contents))
        self._reach = torch.tensor([content.reach for content in contents], device=device)
        self._extents = torch.tensor([content.extent for content in contents], device=device)
        self._shapes = sorted({content.shape for content in contents})
        self._shape = torch.tensor([self._shapes.index(content.shape) for content in contents], device=device)
        self._agents = self._colours([content.agent for content in contents])
        scenes = [self._scene(content, goal) for content in contents for goal in (None, *GOALS)]
        # Rows of whole 8-byte words gather faster than single bytes.
        self._scenes = torch.stack(scenes).to(torch.uint8).flatten(1).view(torch.int64)

    def _colours(self, colours: list[Colour]) -> Tensor:
        return torch.tensor(colours, dtype=torch.float32, device=self.device)[:, : self.channels]

    def _scene(self, content: Content, goal: tuple[float, float] | None) -> Tensor:
        """The map without the agent: ``(SIZE * SIZE, channels)``."""
        centres = torch.arange(SIZE, device=self.device) + 0.5
        down, right = torch.meshgrid(centres, centres, indexing="ij")
        mark = GOAL_GREY if self.channels == 1 else GOAL_COLOUR
        background, obstacle, ring = self._colours([content.background, content.obstacle, mark])[:, None, None]
        scene: Tensor = background.expand(SIZE, SIZE, -1)
        for row, column in OBSTACLES:
            far = _hypot(down - row, right - column)
            scene = _blend(scene, obstacle, _cover(OBSTACLE_RADIUS - far))
        if goal is not None:
            far = _hypot(down - goal[0], right - goal[1])
            scene = _blend(scene, ring, _cover(0.5 - (far - GOAL_RADIUS + 0.5).abs()))
        return scene.reshape(SIZE * SIZE, self.channels)

    def images(self, place: Tensor, content: Tensor, goal: Tensor) -> Tensor:
        """uint8 ``(n, SIZE, SIZE, channels)``.

        Args:
            place: The agent's row and column in px: float32 ``(n, 2)``.
            content: Index of the content: int64 ``(n,)``.
            goal: Index of the goal to mark, -1 for none: int64 ``(n,)``.
        """
        scenes = self._scenes.index_select(0, content * (1 + len(GOALS)) + goal + 1)
        pixels = scenes.view(torch.uint8).view(-1, self.channels)
        where, cover = self._agent(place, content)
        colours = self._agents[content].repeat(self.patch**2, 1)
        drawn = _blend(pixels.index_select(0, where), colours, cover)
        pixels.index_copy_(0, where, drawn.to(torch.uint8))
        return pixels.view(-1, SIZE, SIZE, self.channels)

    def agent_mask(self, place: Tensor, content: Tensor) -> Tensor:
        """The pixels that the agent touches: bool ``(n, SIZE, SIZE)``."""
        where, cover = self._agent(place, content)
        blank = torch.zeros(len(place) * SIZE * SIZE, dtype=torch.bool, device=self.device)
        return blank.index_copy_(0, where, cover > 0).view(-1, SIZE, SIZE)

    def _agent(self, place: Tensor, content: Tensor) -> tuple[Tensor, Tensor]:
        """The pixels around each agent, numbered through the batch, and how much it covers: ``(patch^2 * n,)`` both.

        The batch comes last, where arithmetic on long rows is fast.
        """
        corner = (place - self._reach[content][:, None] + 0.5).floor().clamp(0, SIZE - self.patch)
        steps = torch.arange(self.patch, device=self.device)[:, None]
        rows, columns = corner[:, 0] + steps, corner[:, 1] + steps
        down, right = rows + 0.5 - place[:, 0], columns + 0.5 - place[:, 1]
        cover = self._covered(down[:, None], right[None], content)
        first = torch.arange(len(place), device=self.device) * SIZE * SIZE
        where = (rows.long() * SIZE + first)[:, None] + columns.long()
        return where.view(-1), cover.view(-1)

    def _covered(self, down: Tensor, right: Tensor, content: Tensor) -> Tensor:
        """The share of the pixels at (down, right) of each agent's centre that it covers."""
        extent, shape = self._extents[content], self._shape[content]
        found, *others = (_COVERS[name](down, right, extent) for name in self._shapes)
        for index, cover in enumerate(others, 1):
            found = torch.where(shape == index, cover, found)
        return found


def goal_masks(device: torch.device) -> Tensor:
    """The pixels that each goal's mark touches: bool ``(goals, SIZE, SIZE)``."""
    return _reached(GOALS, GOAL_RADIUS, device)


def obstacle_mask(device: torch.device) -> Tensor:
    """The pixels that the obstacles touch: bool ``(SIZE, SIZE)``."""
    return _reached(OBSTACLES, OBSTACLE_RADIUS, device).any(0)


def _reached(centres: Sequence[tuple[float, float]], radius: float, device: torch.device) -> Tensor:
    pixels = torch.arange(SIZE, device=device) + 0.5
    rows, columns = torch.tensor(centres, device=device).T[:, :, None, None]
    return _cover(radius - _hypot(pixels[:, None] - rows, pixels - columns)) > 0


def _blend(under: Tensor, colour: Tensor, cover: Tensor) -> Tensor:
    """Whole numbers: ``colour`` over ``under`` (both ``(..., channels)``) where ``cover`` says, 0 .. 1."""
    return (under + (colour - under) * cover[..., None]).round()
