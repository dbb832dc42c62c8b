"""Sprites in frames of 64 x 64 pixels: one as in dSprites, or several whose colours add up; with tasks or without.

One white sprite has the factors, and the grid of their values, of dSprites (Matthey et al. 2017,
https://github.com/deepmind/dsprites-dataset). Several sprites, each of them present or not, with summed and clipped
colours, are the scenes of Nash et al. 2017, "The multi-entity variational autoencoder", appendix A. All properties
are drawn uniformly and independently, so that fresh states are also samples of factor data.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ..core import Factor, World, fixed_factors
from ..streams import Streams
from .patches import FRAME_PX, Patches
from .properties import CHANGES, COLOURS, MOVES, PALETTE, SHAPES, Colour, change, properties
from .shapes import FULL, coverage
from .tasks import RADIUS_PX, TASKS

TURNS = 40
_GOAL_COLOUR = 80
_PLACE_SHADE = 0.3


class SpritesState(NamedTuple):
    """Properties are indices of their grids' values."""

    sprites: Tensor
    """int64 ``(n, N, F)``"""
    goal: Tensor
    """x and y, int64 ``(n, 2)``; ``(n, 0)`` where there is no goal"""


class Sprites(World[SpritesState]):
    """Squares, ellipses and hearts that move, turn, grow and change; exactly one property of one sprite per action.

    Positions are one pixel apart: value 0 is pixel 16 and value 1 pixel 47, x to the right and y down, so that a sprite
    is always wholly inside the frame. At scale 1 a sprite is at most 30 px across. Orientations turn clockwise; as in
    dSprites the last looks like the first, and turning skips it.

    A single sprite is the object ``agent``, several are ``sprite0``, ``sprite1``, ...; the actions are those of sprite
    0, then those of sprite 1, and so on. With a task the actions are the four moves only, and what starts out as done
    is undone by moving sprite 0 half the range away, unless the reset's options fix its place.

    Args:
        sprites: How many, 1 .. 8.
        colour: ``"white"``, one channel; ``"rgb"``, factors ``red``, ``green`` and ``blue`` of 16 values from .5
            to 1, the range of the coloured dSprites; ``"palette"``, a factor ``colour``: red, green, blue, yellow.
        antialiased: Whether pixels at the rim are shaded by how much of them is covered; else those are on that are
            covered by more than half, and neighbouring orientations of the smallest squares can look the same.
        optional: Whether a sprite can be absent (factor ``present``); it then keeps its other factors.
        half_size: Whether scales are .25 to .5, and positions the 48 pixels from 8 to 55.
        stride: Pixels per move, 1 .. 31.
        task: None, ``"goal"``, ``"sort"`` or ``"cluster"`` (see `unbraid.envs.sprites.tasks`).
        device: Where the tensors live.

    Raises:
        ValueError: An option out of range; a task without palette colours, with optional sprites, or to cluster one.
    """

    def __init__(
        self,
        sprites: int = 1,
        colour: Colour = "white",
        antialiased: bool = False,
        optional: bool = False,
        half_size: bool = False,
        stride: int = 1,
        task: str | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(device)
        _check_options(sprites, colour, stride, task, optional)
        self.names = ("agent",) if sprites == 1 else tuple(f"sprite{k}" for k in range(sprites))
        self.colour = colour
        self.task = TASKS[task] if task else None
        self.rules = inspect.getdoc(self.task) or "" if task else ""
        self.properties = properties(colour, optional, half_size)
        self._column = {held.name: k for k, held in enumerate(self.properties)}
        self._places_count = self.properties[self._column["x"]].size
        self.object_names = (*self.names, *["goal"] * self._has_goal)
        self._make_actions(stride)
        self._make_factors()
        self._make_pictures(antialiased)

    @property
    def _has_goal(self) -> bool:
        return self.task is not None and self.task.has_goal

    def _make_actions(self, stride: int) -> None:
        known = [*((name, of, by * stride) for name, of, by in MOVES), *(CHANGES if self.task is None else ())]
        own = [(name, self._column[of], by) for name, of, by in known if of in self._column]
        prefix = [""] if len(self.names) == 1 else [f"{name} " for name in self.names]
        self.action_names = tuple(f"{sprite}{name}" for sprite in prefix for name, _, _ in own)
        self.action_space = spaces.Discrete(len(self.action_names))
        effect = torch.zeros((len(self.names), len(own), len(self.names), len(self.properties)), dtype=torch.int64)
        for i, (_, column, by) in enumerate(own):
            effect[range(len(self.names)), i, range(len(self.names)), column] = by
        self._effect = effect.flatten(0, 1).to(self.device)
        self._controllable = {self.properties[column].name for _, column, _ in own}

    def _make_factors(self) -> None:
        own = [held.factor(name, held.name in self._controllable) for name in self.names for held in self.properties]
        goal = [Factor(f"goal.{axis}", "ordinal", 0, 1, self._places_count, "", False) for axis in "xy"]
        self.factors = tuple(own + goal * self._has_goal)
        grids = torch.zeros((len(self.properties), max(held.size for held in self.properties)))
        for row, held in zip(grids, self.properties, strict=True):
            row[: held.size] = held.values
        self._grids = grids.to(self.device)
        self._rows = torch.arange(len(self.properties), device=self.device)

    def _make_pictures(self, antialiased: bool) -> None:
        channels = 1 if self.colour == "white" else 3
        angles = tuple(2 * math.pi * (i % (TURNS - 1)) / (TURNS - 1) for i in range(TURNS))
        side_px = FRAME_PX - self._places_count
        drawn = coverage(SHAPES, tuple(self.properties[self._column["scale"]].values.tolist()), angles, side_px)
        disc = coverage(("disc",), (RADIUS_PX / 10,), (0.0,), side_px)
        shades = torch.cat([drawn, disc])
        solid = torch.where(shades > FULL // 2, FULL, 0).to(torch.uint8)
        self.patches = Patches(shades if antialiased else solid, channels, self.device)
        self._disc = len(drawn)
        self._palette = torch.tensor(PALETTE, dtype=torch.uint8, device=self.device)
        self._ground = self.patches.frames(1)
        corners = torch.tensor(self.task.corners if self.task else (), device=self.device)
        self._own = (corners * (self._places_count - 1)).round().long()
        for place, colour in zip(self._own, self._palette, strict=False):
            self._add_disc(self._ground, place[None], (colour[None] * _PLACE_SHADE).to(torch.uint8))
        self.observation_space = spaces.Box(0, 255, (FRAME_PX, FRAME_PX, channels), np.uint8)

    def _add_disc(self, frames: Tensor, place: Tensor, shade: Tensor) -> None:
        picture = torch.full((len(frames),), self._disc, device=self.device)
        self.patches.add(frames, picture, place, shade)

    def reset(self, n: int, rng: Streams, options: Mapping[str, Any] | None = None) -> SpritesState:
        """Fresh states, each property uniform over its grid; for a task's exceptions see the class and the task."""
        fixed = fixed_factors(self, n, options)
        sprites = torch.stack([rng.integers(held.size, len(self.names)) for held in self.properties], 2)
        goal = rng.integers(self._places_count, 2) if self._has_goal else rng.integers(1, 0)
        if self.task:
            k = self._column["colour"]
            sprites[:, :, k] = self.task.first_colours(sprites[:, :, k])
        state = self._fix(SpritesState(sprites, goal), fixed)
        return self._undo(state, fixed) if self.task else state

    def _fix(self, state: SpritesState, fixed: dict[str, Tensor]) -> SpritesState:
        values = self.get_factors(state)
        for k, factor in enumerate(self.factors):
            values[:, k] = fixed.get(factor.name, values[:, k])
        return self._nearest(values)

    def _undo(self, state: SpritesState, fixed: dict[str, Tensor]) -> SpritesState:
        """Move sprite 0 by half the range, in the axes that aren't fixed, where the task is done already."""
        sprites, half_way = state.sprites.clone(), (self.gap(state) == 0) * (self._places_count // 2)
        for axis in "xy":
            if f"{self.names[0]}.{axis}" not in fixed:
                here = sprites[:, 0, self._column[axis]]
                sprites[:, 0, self._column[axis]] = (here + half_way) % self._places_count
        return state._replace(sprites=sprites)

    def step(self, state: SpritesState, action: Tensor, rng: Streams) -> tuple[SpritesState, Tensor, Tensor]:
        """Change one property of one sprite; deterministic. Without a task there is no reward and no end."""
        moved = state._replace(sprites=change(state.sprites, self._effect[action], self.properties))
        if self.task is None:
            nothing = torch.zeros(len(action), device=self.device)
            return moved, nothing, nothing > 0
        gap = self.gap(moved)
        return moved, self.gap(state) - gap + (gap == 0), gap == 0

    def gap(self, state: SpritesState) -> Tensor:
        """How far from done the task is, in widths of the range: float32 ``(n,)``, 0 where it is done.

        Raises:
            ValueError: The world has no task.
        """
        if self.task is None:
            raise ValueError("this world has no task; make it with task='goal', 'sort' or 'cluster'")
        colours = state.sprites[:, :, self._column["colour"]]
        gap_px = self.task.gap(self._places(state), colours, state.goal, self._own)
        return (gap_px / (self._places_count - 1)).float()

    def get_info(self, state: SpritesState) -> dict[str, Any]:
        """``is_success`` where there is a task."""
        return {} if self.task is None else {"is_success": self.gap(state) == 0}

    def _places(self, state: SpritesState) -> Tensor:
        """int64 ``(n, N, 2)``."""
        x = self._column["x"]
        return state.sprites[:, :, x : x + 2]

    def observe(self, state: SpritesState) -> Tensor:
        """uint8 ``(n, 64, 64, 1)`` where sprites are white, else ``(n, 64, 64, 3)``."""
        frames = self._ground.expand(len(state.goal), -1).clone()
        if self._has_goal:
            grey = torch.full((len(frames), 3), _GOAL_COLOUR, dtype=torch.uint8, device=self.device)
            self._add_disc(frames, state.goal, grey)
        pictures, places, colours = self._pictures(state), self._places(state), self._colours(state)
        bare = not self._has_goal and len(self._own) == 0
        for k in range(len(self.names)):
            self.patches.add(frames, pictures[:, k], places[:, k], colours[:, k], blank=bare and k == 0)
        return self.patches.images(frames)

    def _pictures(self, state: SpritesState) -> Tensor:
        """Numbers of the sprites' pictures: int64 ``(n, N)``."""
        shape, scale, turn = (state.sprites[:, :, self._column[name]] for name in ("shape", "scale", "orientation"))
        number = (shape * self.properties[self._column["scale"]].size + scale) * TURNS + turn
        if "present" not in self._column:
            return number
        return torch.where(state.sprites[:, :, self._column["present"]] > 0, number, self.patches.blank)

    def _colours(self, state: SpritesState) -> Tensor:
        """uint8 ``(n, N, C)``."""
        if self.colour == "white":
            return torch.full((*state.sprites.shape[:2], 1), 255, dtype=torch.uint8, device=self.device)
        first = self._column[COLOURS[self.colour][0]]
        if self.colour == "palette":
            return self._palette[state.sprites[:, :, first]]
        return (255 * self._grids[first][state.sprites[:, :, first : first + 3]]).round().to(torch.uint8)

    def get_masks(self, state: SpritesState) -> Tensor:
        """Bool ``(n, M, 64, 64)``; where sprites overlap, so do their masks, since their colours add up."""
        pictures, places = self._pictures(state), self._places(state)
        if self._has_goal:
            pictures = torch.cat([pictures, torch.full_like(pictures[:, :1], self._disc)], 1)
            places = torch.cat([places, state.goal[:, None]], 1)
        frames = self.patches.frames(pictures.numel())
        white = torch.full((len(frames), self.patches.channels), 255, dtype=torch.uint8, device=self.device)
        self.patches.add(frames, pictures.flatten(), places.flatten(0, 1), white, blank=True)
        return (self.patches.images(frames)[..., 0] > 0).view(*pictures.shape, FRAME_PX, FRAME_PX)

    def get_factors(self, state: SpritesState) -> Tensor:
        """float32 ``(n, K)``: the sprites' properties, then the goal's place."""
        own = self._grids[self._rows, state.sprites].flatten(1)
        return torch.cat([own, self._grids[self._column["x"]][state.goal]], 1)

    def set_factors(self, values: Tensor) -> SpritesState:
        """States with these values; every combination is possible."""
        return self._nearest(self.check_factors(values))

    def _nearest(self, values: Tensor) -> SpritesState:
        own = values[:, : len(self.names) * len(self.properties)].view(len(values), len(self.names), -1).double()
        low, high, size = (
            torch.tensor([getattr(held, name) for held in self.properties], device=self.device, dtype=torch.float64)
            for name in ("low", "high", "size")
        )
        sprites = ((own - low) * (size - 1) / (high - low)).round().long()
        return SpritesState(sprites, (values[:, own[0].numel() :] * (self._places_count - 1)).round().long())


def _check_options(sprites: int, colour: str, stride: int, task: str | None, optional: bool) -> None:
    if not 1 <= sprites <= 8:
        raise ValueError(f"sprites must be 1 .. 8, not {sprites}")
    if colour not in COLOURS:
        raise ValueError(f"colour must be one of {', '.join(COLOURS)}, not {colour!r}")
    if not 1 <= stride <= 31:
        raise ValueError(f"stride must be 1 .. 31 pixels, not {stride}")
    if task is not None and task not in TASKS:
        raise ValueError(f"task must be None or one of {', '.join(TASKS)}, not {task!r}")
    if task is not None and (colour != "palette" or optional):
        raise ValueError(f"task {task!r} needs colour='palette' and optional=False, not {colour!r} and {optional}")
    if task == "cluster" and sprites < 2:
        raise ValueError("task 'cluster' needs sprites=2 or more, not 1")
