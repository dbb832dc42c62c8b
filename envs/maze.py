"""A grid maze in the manner of MazeBase (Sukhbaatar et al. 2015, arXiv:1511.07401), drawn in 64x64 pixels.

The agent, a red disc, moves by single tiles and cannot enter the orange blocks or leave the map: the world of
Thomas et al. 2018 (arXiv:1802.09484), section 4. A goal and a switch can be added; then it is also a task.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor
from torch.nn.functional import pad

from . import tiles
from .core import Factor, World, fixed_factors
from .streams import Streams

LAYOUT = (
    "........",
    ".#....#.",
    "...#....",
    "........",
    "....#...",
    ".#......",
    ".....#..",
    "........",
)

STEP_COST = 0.1
GOAL_REWARD = 1.0

FLOOR, GOAL, SWITCH_OFF, SWITCH_ON = range(4)
AGENT_HERE = 4  # added to the number of the tile that the agent stands on
WALL = 8


class MazeState(NamedTuple):
    """Places are tile numbers, ``y * width + x``; -1 where the maze has no such item."""

    agent: Tensor
    """int64 ``(n,)``"""
    goal: Tensor
    """int64 ``(n,)``"""
    switch: Tensor
    """int64 ``(n,)``"""
    switch_on: Tensor
    """bool ``(n,)``"""


class Maze(World[MazeState]):
    """A maze with fixed walls; what else is in it starts on a random free tile.

    Without a goal there is no reward and no end: a world to explore. With one, a step costs 0.1 and the goal pays 1
    and ends the episode; with a switch too, the goal counts only while the switch is on.

    Args:
        layout: Rows of ``.`` (floor) and ``#`` (wall), all of one length.
        goal: Whether there is a goal (factors ``goal.x``, ``goal.y``).
        switch: Whether there is a switch, flipped by the action ``toggle`` when the agent stands on it
            (factors ``switch.x``, ``switch.y``, ``switch.on``).
        image_size: Height and width of the observation in pixels; tiles are squares of
            ``image_size // max(height, width)`` pixels, and what is left over at the right and bottom is black.
        device: Where the tensors live.

    Raises:
        ValueError: A layout that isn't a rectangle of ``.`` and ``#``, with too few free tiles, or with free tiles
            that can't be reached; an image too small for it.
    """

    def __init__(
        self,
        layout: Sequence[str] = LAYOUT,
        goal: bool = False,
        switch: bool = False,
        image_size: int = 64,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(device)
        self.walls = _parse(layout, self.device)
        self.height, self.width = len(layout), len(layout[0])
        self.has_goal, self.has_switch = goal, switch
        self.image_size = image_size
        self.neighbours = _neighbours(self.walls.view(self.height, self.width))
        self._distances: Tensor | None = None
        self._check_room()
        self.atlas = tiles.Atlas(_draw_tiles(image_size // max(self.height, self.width)), self.device)
        self._ground = torch.where(self.walls, WALL, FLOOR)
        self.factors = self._state_factors()
        self.observation_space = spaces.Box(0, 255, (image_size, image_size, 3), np.uint8)
        self.action_names = ("left", "right", "up", "down", *(["toggle"] if switch else []))
        self.action_space = spaces.Discrete(len(self.action_names))
        self.object_names = ("agent", *["goal"] * goal, *["switch"] * switch)

    def _state_factors(self) -> tuple[Factor, ...]:
        def place(item: str, controllable: bool) -> list[Factor]:
            sides = (("x", self.width), ("y", self.height))
            return [Factor(f"{item}.{axis}", "ordinal", 0, n - 1, n, "tile", controllable) for axis, n in sides]

        found = place("agent", True)
        if self.has_goal:
            found += place("goal", False)
        if self.has_switch:
            found += [*place("switch", False), Factor("switch.on", "categorical", 0, 1, 2, "", True)]
        return tuple(found)

    def _check_room(self) -> None:
        free = int((~self.walls).sum())
        needed = 1 + self.has_goal + self.has_switch
        if free < needed + 1:
            raise ValueError(f"layout has {free} free tiles; agent, goal and switch need {needed + 1}")
        if self.image_size < max(self.height, self.width):
            raise ValueError(
                f"image_size {self.image_size} is less than a pixel a tile for {self.height}x{self.width} tiles"
            )
        if bool((self.distances()[~self.walls][:, ~self.walls] < 0).any()):
            raise ValueError("layout has free tiles that can't be reached from each other; open a way between them")

    def reset(self, n: int, rng: Streams, options: Mapping[str, Any] | None = None) -> MazeState:
        """Fresh states: every item on a free tile of its own, all free tiles equally likely, the switch off."""
        fixed = fixed_factors(self, n, options)
        free = (~self.walls).expand(n, -1)
        places = {"goal": torch.full((n,), -1, device=self.device), "switch": torch.full((n,), -1, device=self.device)}
        for item in ["goal"] * self.has_goal + ["switch"] * self.has_switch + ["agent"]:
            places[item] = self._place(item, free, fixed, rng)
            free = free.scatter(1, places[item][:, None], False)
        on = fixed.get("switch.on", torch.zeros(n, device=self.device)) > 0
        return MazeState(places["agent"], places["goal"], places["switch"], on)

    def _place(self, item: str, free: Tensor, fixed: dict[str, Tensor], rng: Streams) -> Tensor:
        tile = torch.arange(self.height * self.width, device=self.device)
        allowed = free
        for axis, coordinate in ((f"{item}.x", tile % self.width), (f"{item}.y", tile // self.width)):
            if axis in fixed:
                allowed = allowed & (coordinate == fixed[axis][:, None])
        stuck = ~allowed.any(1)
        if bool(stuck.any()):
            given = {name: float(values[stuck][0]) for name, values in fixed.items() if name.startswith(f"{item}.")}
            raise ValueError(f"factors {given} leave no free tile for the {item}: walls and other items are in the way")
        return rng.choice(allowed)

    def step(self, state: MazeState, action: Tensor, rng: Streams) -> tuple[MazeState, Tensor, Tensor]:
        """Move (into a wall or off the map: stay) or toggle; deterministic."""
        agent = self.neighbours[action, state.agent]
        on = state.switch_on
        if self.has_switch:
            on = on ^ ((action == len(self.action_names) - 1) & (agent == state.switch))
        moved = state._replace(agent=agent, switch_on=on)
        if not self.has_goal:
            return moved, torch.zeros(len(agent), device=self.device), torch.zeros_like(on)
        done = (agent == state.goal) & (on | (not self.has_switch))
        return moved, GOAL_REWARD * done - STEP_COST, done

    def observe(self, state: MazeState) -> Tensor:
        """uint8 ``(n, image_size, image_size, 3)``."""
        n = len(state.agent)
        ids = self._ground.expand(n, -1).clone()
        if self.has_goal:
            ids.scatter_(1, state.goal[:, None], GOAL)
        if self.has_switch:
            ids.scatter_(1, state.switch[:, None], SWITCH_OFF + state.switch_on[:, None].long())
        ids.scatter_add_(1, state.agent[:, None], torch.full((n, 1), AGENT_HERE, device=self.device))
        images = self.atlas.images(ids.view(n, self.height, self.width))
        bottom, right = self.image_size - images.shape[1], self.image_size - images.shape[2]
        return pad(images, (0, 0, 0, right, 0, bottom)) if bottom or right else images

    def get_masks(self, state: MazeState) -> Tensor:
        """Bool ``(n, M, image_size, image_size)``: each item's whole tile."""
        places = torch.stack([state.agent] + [state.goal] * self.has_goal + [state.switch] * self.has_switch, 1)
        pixel = torch.arange(self.image_size, device=self.device) // self.atlas.size_px
        inside = (pixel < self.width) & (pixel[:, None] < self.height)
        return (places[:, :, None, None] == pixel[:, None] * self.width + pixel) & inside

    def get_factors(self, state: MazeState) -> Tensor:
        """float32 ``(n, K)``: tile coordinates, x to the right and y down, and 0 or 1 for the switch."""
        places = [state.agent] + [state.goal] * self.has_goal + [state.switch] * self.has_switch
        columns = [part for place in places for part in (place % self.width, place // self.width)]
        return torch.stack(columns + [state.switch_on.long()] * self.has_switch, 1).float()

    def set_factors(self, values: Tensor) -> MazeState:
        """States with these values; `ValueError` for an item in a wall, or a goal and a switch on one tile."""
        values = self.check_factors(values)
        whole = values.round().long()
        none = torch.full((len(whole),), -1, device=self.device)
        places = {"goal": none, "switch": none}
        for k in range(0, len(self.factors) - 1, 2):
            item = self.factors[k].name.split(".")[0]
            places[item] = whole[:, k + 1] * self.width + whole[:, k]
            self._refuse(self.walls[places[item]], values, k, "a wall is there; take a free tile")
        if self.has_goal and self.has_switch:
            self._refuse(places["goal"] == places["switch"], values, 4, "the goal is there; take another tile")
        on = whole[:, -1] > 0 if self.has_switch else torch.zeros_like(none, dtype=torch.bool)
        return MazeState(places["agent"], places["goal"], places["switch"], on)

    def _refuse(self, bad: Tensor, values: Tensor, k: int, why: str) -> None:
        if bool(bad.any()):
            x, y = values[bad][0, k : k + 2].tolist()
            names = f"{self.factors[k].name!r}, {self.factors[k + 1].name!r}"
            raise ValueError(
                f"factors {names} can't be ({x:g}, {y:g}) of 0 .. {self.width - 1}, 0 .. {self.height - 1}: {why}"
            )

    def distances(self) -> Tensor:
        """Moves from tile to tile along the shortest way: int64 ``(tiles, tiles)``, -1 where there is none."""
        if self._distances is None:
            tiles_count = len(self.walls)
            far = torch.full((tiles_count, tiles_count), -1, device=self.device)
            reached = torch.eye(tiles_count, dtype=torch.bool, device=self.device)
            far[reached] = 0
            for moves in range(1, tiles_count):
                grown = reached | reached[:, self.neighbours[:4]].any(1)
                grown &= ~self.walls
                if bool((grown == reached).all()):
                    break
                far[grown & ~reached] = moves
                reached |= grown
            self._distances = far
        return self._distances

    def shortest_path(self, start: Tensor, goal: Tensor) -> Tensor:
        """Fewest moves that bring the agent from one place to another.

        Args:
            start: Factor values ``(n, K)``.
            goal: Factor values ``(n, K)``.

        Returns:
            int64 ``(n,)``.
        """
        ends = [self.set_factors(values).agent for values in (start, goal)]
        return self.distances()[ends[0], ends[1]]


def _parse(layout: Sequence[str], device: torch.device) -> Tensor:
    if not layout or not layout[0] or len({len(row) for row in layout}) != 1 or set("".join(layout)) - set(".#"):
        raise ValueError(f"layout must be rows of '.' and '#', all of one length, not {list(layout)}")
    return torch.tensor([tile == "#" for row in layout for tile in row], device=device)


def _neighbours(walls: Tensor) -> Tensor:
    """The tile where each action leads: int64 ``(5, tiles)`` for left, right, up, down and toggle (which stays)."""
    height, width = walls.shape
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    here = y * width + x
    moves = [(-1, 0), (1, 0), (0, -1), (0, 1), (0, 0)]
    there = torch.stack([(y + dy).clamp(0, height - 1) * width + (x + dx).clamp(0, width - 1) for dx, dy in moves])
    blocked = walls.cpu().flatten()[there]
    return torch.where(blocked, here, there).flatten(1).to(walls.device)


def _draw_tiles(size_px: int) -> list[Any]:
    """The pictures, in the order of the tile numbers above."""
    floor = tiles.plain(size_px, (242, 240, 235))
    goal = tiles.box(floor, (46, 125, 80), 0.36)
    off = tiles.box(floor, (120, 160, 200), 0.36)
    on = tiles.box(floor, (20, 60, 160), 0.36)
    ground = [floor, goal, off, on]
    return [*ground, *(tiles.disc(tile, (204, 30, 40), 0.42) for tile in ground), tiles.plain(size_px, (236, 140, 30))]
