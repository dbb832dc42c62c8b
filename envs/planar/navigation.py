"""Navigation between six obstacles: the planar system of control from pixels.

The system of Watter et al. 2015 (arXiv:1506.07365), with the numbers that later work agrees on (PCC, arXiv:1909.01506,
and its code): a 40 x 40 map, obstacles of radius 2.5 px, an agent of half-width 1.5 px that moves by up to 3 px along
each axis. Renderings that differ in content alone are those of Banijamali et al. 2019, *Disentangling Dynamics and
Content for Control and Planning*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ..core import Factor, World, fixed_factors
from ..streams import Streams
from .drawing import (
    CONTENTS,
    GOAL_RADIUS,
    GOALS,
    OBSTACLE_RADIUS,
    OBSTACLES,
    SIZE,
    Painter,
    goal_masks,
    obstacle_mask,
)

HALF_WIDTH = 1.5
MAX_MOVE = 3.0
LOW, HIGH = HALF_WIDTH, SIZE - HALF_WIDTH
START_LOW, START_HIGH = 3.0, 7.0

Protocol = Literal["swept", "pcc"]


class PlanarState(NamedTuple):
    """Where the agent is, what it looks like and where it should go."""

    place: Tensor
    """float32 ``(n, 2)``: row and column of the agent's centre, px"""
    content: Tensor
    """int64 ``(n,)``: number of the rendering, in the order of the option ``content``"""
    goal: Tensor
    """int64 ``(n,)``: number of the goal in `GOALS`, -1 where there is none"""


class Planar(World[PlanarState]):
    """An agent among obstacles, seen from above; an action is its move (rows down, columns right), in px.

    Without a goal the agent starts anywhere free and there is no reward. With one it starts uniformly in rows and
    columns 3 .. 7, should come within 2 px of one of three corners and stay: each step that ends there pays 1, so that
    the mean reward is the share of steps in the goal. Episodes don't end at the goal but after 40 steps.

    Args:
        goal: Whether there is a goal (factor ``goal.corner``: 0 bottom right, 1 bottom left, 2 top right).
        content: The rendering, a key of `CONTENTS`; or several, of which each episode draws one (factor ``content``).
            ``"x"`` and ``"y"`` differ in the agent's shape alone. No content changes the dynamics.
        protocol: ``"swept"``: a move is refused if on its straight way the agent's square would overlap an obstacle's
            disc or leave the map. ``"pcc"``: as in PCC's code, the target is clipped to the map and refused if the
            agent's square would hold an obstacle's centre there; so moves can pass through obstacles.
        sigma: Standard deviation of the noise that is added to the place after a move, clipped to the map and refused
            like a move, px (0 .. 10).
        show_goal: Whether the observation marks the goal with a ring; `render` always does.
        device: Where the tensors live.

    Raises:
        ValueError: An unknown content or protocol, or a sigma out of range.
    """

    def __init__(
        self,
        goal: bool = False,
        content: str | Sequence[str] = "x",
        protocol: Protocol = "swept",
        sigma: float = 0.0,
        show_goal: bool = False,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(device)
        if protocol not in get_args(Protocol):
            raise ValueError(f"protocol must be one of {', '.join(get_args(Protocol))}, not {protocol!r}")
        if not 0 <= sigma <= 10:
            raise ValueError(f"sigma must be a number of px in 0 .. 10, not {sigma}")
        self.contents = _check_contents(content)
        self.has_goal, self.protocol, self.sigma, self.show_goal = goal, protocol, sigma, show_goal
        looks = [CONTENTS[name] for name in self.contents]
        channels = 1 if all(look.is_grey for look in looks) else 3
        self._painter = Painter(looks, channels, self.device)
        self._render_painter = Painter(looks, 3, self.device)
        self._goals = torch.tensor(GOALS, device=self.device)
        self._obstacles = torch.tensor(OBSTACLES, device=self.device).T[:, :, None]
        signs = torch.tensor([[-1.0, -1.0, 1.0, 1.0], [-1.0, 1.0, -1.0, 1.0]], device=self.device)
        self._corners = (self._obstacles + HALF_WIDTH * signs[:, None]).reshape(2, -1, 1)
        self.factors = self._state_factors()
        self.observation_space = spaces.Box(0, 255, (SIZE, SIZE, channels), np.uint8)
        self.action_space = spaces.Box(-MAX_MOVE, MAX_MOVE, (2,), np.float32)
        self.object_names = ("agent", "obstacles", *["goal"] * goal)

    def _state_factors(self) -> tuple[Factor, ...]:
        found = [Factor(f"agent.{axis}", "continuous", LOW, HIGH, None, "px", True) for axis in ("row", "col")]
        if self.has_goal:
            found.append(Factor("goal.corner", "categorical", 0, len(GOALS) - 1, len(GOALS), "", False))
        if len(self.contents) > 1:
            found.append(Factor("content", "categorical", 0, len(self.contents) - 1, len(self.contents), "", False))
        return tuple(found)

    def reset(self, n: int, rng: Streams, options: Mapping[str, Any] | None = None) -> PlanarState:
        """Fresh states: the place as the class says, every goal and content equally likely."""
        fixed = fixed_factors(self, n, options)
        content = self._draw_number("content", len(self.contents), fixed, rng)
        goal = torch.full((n,), -1, device=self.device)
        if self.has_goal:
            goal = self._draw_number("goal.corner", len(GOALS), fixed, rng)
        return PlanarState(self._draw_place(n, rng, fixed), content, goal)

    def _draw_number(self, name: str, count: int, fixed: dict[str, Tensor], rng: Streams) -> Tensor:
        drawn = rng.integers(count)[:, 0]
        return fixed[name].round().long() if name in fixed else drawn

    def _draw_place(self, n: int, rng: Streams, fixed: dict[str, Tensor]) -> Tensor:
        """The first free one of several places drawn, so free places are equally likely: ``(n, 2)``.

        All 32 are taken with a probability below 1e-18; all 256 also in the row of four obstacles, where 84% is taken.
        The corner where the way to a goal starts is free.
        """
        given = {k: fixed[f"agent.{axis}"] for k, axis in enumerate(("row", "col")) if f"agent.{axis}" in fixed}
        tries = 256 if given else 1 if self.has_goal else 32
        low, high = (START_LOW, START_HIGH) if self.has_goal else (LOW, HIGH)
        drawn = low + (high - low) * rng.uniform(2 * tries).view(n, tries, 2)
        for k, values in given.items():
            drawn[:, :, k] = values[:, None]
        free = ~self._overlaps(drawn.flatten(0, 1)).view(n, tries)
        self._refuse(~free.any(1), drawn[:, 0])
        first = free.to(torch.int8).argmax(1)
        return drawn[torch.arange(n, device=self.device), first]

    def step(self, state: PlanarState, action: Tensor, rng: Streams) -> tuple[PlanarState, Tensor, Tensor]:
        """Move, or stay where the move is refused; then the noise, likewise."""
        place = self._move(state.place, action, clip=self.protocol == "pcc")
        if self.sigma:
            place = self._move(place, self.sigma * rng.normal(2), clip=True)
        moved = state._replace(place=place)
        return moved, self._in_goal(moved).float(), torch.zeros(len(place), dtype=torch.bool, device=self.device)

    def _move(self, place: Tensor, by: Tensor, clip: bool) -> Tensor:
        target = place + by
        target = target.clamp(LOW, HIGH) if clip else target
        inside = ((target >= LOW) & (target <= HIGH)).all(1)
        return torch.where((inside & ~self._blocked(place, target))[:, None], target, place)

    def _blocked(self, start: Tensor, end: Tensor) -> Tensor:
        """Whether an obstacle is in the way from one place to another, both ``(n, 2)``: bool ``(n,)``.

        The moving square meets a disc where the straight way of its centre comes closer than the disc's radius to the
        square of the same size around the disc's centre. The start is free, so what is closest is the end or, of the
        way, what is nearest to a corner of that square: a way across it passes within 1.5 px of a corner.
        """
        taken = self._overlaps(end)
        if self.protocol == "pcc":
            return taken
        way = (end - start).T.contiguous()[:, None]
        to_corner = self._corners - start.T.contiguous()[:, None]
        along = (_dot(to_corner, way) / _dot(way, way).clamp_min(1e-12)).clamp(0, 1)
        gap = to_corner - along * way
        return taken | (_dot(gap, gap) < OBSTACLE_RADIUS**2).any(0)

    def _overlaps(self, place: Tensor) -> Tensor:
        """Whether an obstacle is where the agent would be, ``(m, 2)``, by the protocol's test: bool ``(m,)``."""
        away = (place.T.contiguous()[:, None] - self._obstacles).abs()
        if self.protocol == "pcc":
            return (away <= HALF_WIDTH).all(0).any(0)
        gap = (away - HALF_WIDTH).clamp_min(0)
        return (_dot(gap, gap) < OBSTACLE_RADIUS**2).any(0)

    def _in_goal(self, state: PlanarState) -> Tensor:
        """Bool ``(n,)``: within 2 px of the goal; False where there is none."""
        away = state.place - self._goals[state.goal.clamp_min(0)]
        near = away[:, 0] * away[:, 0] + away[:, 1] * away[:, 1] <= GOAL_RADIUS**2
        return near & (state.goal >= 0)

    def goal(self, state: PlanarState) -> PlanarState:
        """The same, the agent in its goal; `ValueError` where there is none."""
        if not self.has_goal:
            raise ValueError("this world sets no goal; make it with goal=True")
        return state._replace(place=self._goals[state.goal])

    def get_info(self, state: PlanarState) -> dict[str, Any]:
        """``is_success``, where there is a goal: whether the agent is in it."""
        return {"is_success": self._in_goal(state)} if self.has_goal else {}

    def observe(self, state: PlanarState) -> Tensor:
        """uint8 ``(n, 40, 40, 1)``, with 3 channels where a content is coloured."""
        goal = state.goal if self.show_goal else torch.full_like(state.goal, -1)
        return self._painter.images(state.place, state.content, goal)

    def render(self, state: PlanarState) -> Tensor:
        """uint8 ``(n, 40, 40, 3)``, the goal marked."""
        return self._render_painter.images(state.place, state.content, state.goal)

    def get_masks(self, state: PlanarState) -> Tensor:
        """Bool ``(n, M, 40, 40)``: agent, obstacles, and the goal's ring with what is in it."""
        agent = self._painter.agent_mask(state.place, state.content)
        masks = [agent, obstacle_mask(self.device).expand_as(agent)]
        return torch.stack([*masks, *[goal_masks(self.device)[state.goal]] * self.has_goal], 1)

    def get_factors(self, state: PlanarState) -> Tensor:
        """float32 ``(n, K)``."""
        columns = [state.goal] * self.has_goal + [state.content] * (len(self.contents) > 1)
        return torch.cat([state.place, *(column[:, None].float() for column in columns)], 1)

    def set_factors(self, values: Tensor) -> PlanarState:
        """States with these values; `ValueError` for an agent in an obstacle."""
        values = self.check_factors(values)
        place = values[:, :2].clone()
        self._refuse(self._overlaps(place), place)
        zero = torch.zeros(len(values), dtype=torch.int64, device=self.device)
        goal = values[:, 2].round().long() if self.has_goal else zero - 1
        return PlanarState(place, values[:, -1].round().long() if len(self.contents) > 1 else zero, goal)

    def _refuse(self, bad: Tensor, place: Tensor) -> None:
        if bool(bad.any()):
            row, column = place[bad][0].tolist()
            rule = "hold the centre of" if self.protocol == "pcc" else "overlap"
            centres = ", ".join(f"({r:g}, {c:g})" for r, c in OBSTACLES)
            raise ValueError(
                f"factors 'agent.row', 'agent.col' can't be ({row:g}, {column:g}): the agent, a square of half-width "
                f"{HALF_WIDTH:g} px, would {rule} an obstacle; take a free place (the obstacles are discs of radius "
                f"{OBSTACLE_RADIUS:g} px around {centres})"
            )


def _dot(first: Tensor, second: Tensor) -> Tensor:
    """Scalar products of vectors ``(2, ...)``; the batch comes last, where arithmetic on long rows is fast."""
    return first[0] * second[0] + first[1] * second[1]


def _check_contents(content: str | Sequence[str]) -> tuple[str, ...]:
    names = (content,) if isinstance(content, str) else tuple(content)
    if not names or not set(names) <= set(CONTENTS) or len(set(names)) < len(names):
        raise ValueError(f"content must be one of {', '.join(CONTENTS)}, or several different ones, not {content!r}")
    return names
