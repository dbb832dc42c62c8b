"""Shortest ways among codes, around what is foreseen to be in the way."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus

from .._foresight import Foresight, Look

SLACK = 3
LARGEST = 4000
DOUBT = 0.02
"""How much farther an offset counts for each move that it costs to come to, in moves."""
OUTSIDE = 1e6
"""What it costs to leave the lattice, or to do what was seen to do nothing: more than any way."""


class Lattice(NamedTuple):
    """Codes that whole moves lead to from a start, in any order: the same offsets for all episodes."""

    offsets: Tensor
    """In moves along each latent, int64 ``(G, K)``; number 0 is the start."""
    after: Tensor
    """Where each action leads, int64 ``(G, A)``; G for outside."""


def whole_moves(effects: Tensor) -> Tensor:
    """Each action's effect in moves along each latent: int64 ``(A, K)`` of ``(A, K)``."""
    size = effects.abs().amax(0).clamp_min(1e-6)
    return (effects / size).round().long()


def lattice(moves: Tensor, reach: int) -> Lattice | None:
    """All offsets of up to ``reach`` moves along each latent that actions lead to; None where they are too many.

    Args:
        moves: From `whole_moves`, ``(A, K)``.
        reach: In moves.
    """
    side = 2 * reach + 1
    if side ** moves.shape[1] > LARGEST:
        return None
    weights = side ** torch.arange(moves.shape[1], device=moves.device)
    every = torch.cartesian_prod(*[torch.arange(-reach, reach + 1, device=moves.device)] * moves.shape[1])
    every = every.view(-1, moves.shape[1])
    every = every[((every + reach) * weights).sum(1).argsort()]
    first = int((reach * weights).sum())
    order = torch.cat([torch.tensor([first], device=moves.device), torch.arange(len(every), device=moves.device)])
    order = order[(order != first) | (torch.arange(len(order), device=moves.device) == 0)]
    place = torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=moves.device))
    offsets = every[order]
    reached = offsets[:, None] + moves
    inside = (reached.abs() <= reach).all(2)
    numbers = place[(((reached + reach) * weights).sum(2)).clamp(0, len(every) - 1)]
    return Lattice(offsets, torch.where(inside, numbers, len(every)))


def unfold(grid: Lattice, foresight: Foresight, start: Tensor) -> Tensor:
    """The code at every offset, walked to from the start by foreseen moves: ``(n, G, K)`` for starts ``(n, K)``.

    Offsets that no walk reaches are infinitely far.
    """
    size = len(grid.offsets)
    codes = torch.full((len(start), size + 1, start.shape[1]), torch.inf, device=start.device)
    codes[:, 0] = start
    known = torch.zeros(size + 1, dtype=torch.bool, device=start.device)
    known[0] = known[size] = True
    wave = torch.zeros(1, dtype=torch.int64, device=start.device)
    while len(wave):
        found = codes[:, wave, None] + foresight.moves(codes[:, wave])
        target = grid.after[wave].flatten()
        fresh, first = _first_of_each(target, ~known[target])
        codes[:, fresh] = found.flatten(1, 2)[:, first]
        known[fresh] = True
        wave = fresh
    return codes[:, :size]


def _first_of_each(target: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Distinct wanted targets, and where each occurs first."""
    rows = wanted.nonzero()[:, 0]
    fresh, group = torch.unique(target[rows], return_inverse=True)
    first = torch.full_like(fresh, len(target)).scatter_reduce_(0, group, rows, "amin")
    return fresh, first


def costs(foresight: Foresight, seen: Look, codes: Tensor, grid: Lattice) -> Tensor:
    """Of each action at each offset, in moves: ``1 - log p(it does anything)``; ``(n, G, A)``."""
    known = codes.isfinite().all(2, keepdim=True)
    lets = foresight.lets(seen, codes.nan_to_num(0, 0, 0))
    price = (1 + softplus(-lets)).nan_to_num(OUTSIDE, OUTSIDE)  # of codes so far off that nothing is foretold of them
    return torch.where(known & (grid.after < len(grid.offsets)), price, OUTSIDE)


def to_goal(grid: Lattice, price: Tensor, goal: Tensor) -> Tensor:
    """What the cheapest way to the goal costs from each offset: ``(n, G)``.

    Args:
        grid: The lattice.
        price: From `costs`, ``(n, G, A)``.
        goal: Number of the goal's offset, int64 ``(n,)``.
    """
    far = torch.full((len(price), len(grid.offsets) + 1), OUTSIDE, device=price.device)
    far.scatter_(1, goal[:, None], 0.0)
    while True:
        nearer = torch.minimum(far[:, :-1], (price + far[:, grid.after]).amin(2))
        if torch.equal(nearer, far[:, :-1]):
            return far
        far[:, :-1] = nearer


def from_start(grid: Lattice, price: Tensor) -> Tensor:
    """What the cheapest way from the start to each offset costs: ``(n, G)``."""
    far = torch.full((len(price), len(grid.offsets) + 1), OUTSIDE, device=price.device)
    far[:, 0] = 0
    target = grid.after.flatten().expand(len(price), -1)
    while True:
        offered = (far[:, :-1, None] + price).flatten(1)
        nearer = far.scatter_reduce(1, target, offered, "amin")
        if torch.equal(nearer, far):
            return far[:, :-1]
        far = nearer


class Search:
    """Chooses actions along the cheapest way that is foreseen, and finds another where one turns out to be barred.

    Args:
        foresight: The agent's.
        seen: What its `look` says of the first images.
        start: Codes ``(n, K)``.
        goal: Codes ``(n, K)``.
        effects: Of each action where it does anything, ``(A, K)``.

    Raises:
        ValueError: The lattice of offsets between start and goal is too large to list.
    """

    def __init__(self, foresight: Foresight, seen: Look, start: Tensor, goal: Tensor, effects: Tensor) -> None:
        self.size = effects.abs().amax(0).clamp_min(1e-6)
        reach = int(((goal - start).abs() / self.size).max().ceil()) + SLACK
        grid = lattice(whole_moves(effects), reach)
        if grid is None:
            raise ValueError(f"{2 * reach + 1} offsets along each of {start.shape[1]} latents are too many to search")
        self.grid, self.each = grid, torch.arange(len(start), device=start.device)
        self.codes = unfold(grid, foresight, start)
        self.price = costs(foresight, seen, self.codes, grid)
        self.doubt = DOUBT * from_start(grid, self.price).clamp(max=OUTSIDE)
        self.goal = self.locate(goal)
        self.far = to_goal(grid, self.price, self.goal)

    def locate(self, codes: Tensor) -> Tensor:
        """The offset whose code is nearest, among like ones the one that is the easier to come to: ``(n,)``."""
        gap: Tensor = ((self.codes - codes[:, None]) / self.size).norm(dim=2)
        return (gap + self.doubt).argmin(1)

    def choose(self, here: Tensor) -> Tensor:
        """The action to take at codes ``(n, K)``: int64 ``(n,)``."""
        self.node = self.locate(here)
        cost = self.price[self.each, self.node] + self.far.gather(1, self.grid.after[self.node])
        return cost.argmin(1)

    def note(self, action: Tensor, moved: Tensor) -> None:
        """Remember what was just done, and whether it did anything, bool ``(n,)``.

        What did nothing is barred; whatever was done costs one more move from then on, so that nobody goes in circles.
        """
        place = (self.each, self.node, action)
        self.price[place] = torch.where(moved, self.price[place] + 1, OUTSIDE)
        self.far = to_goal(self.grid, self.price, self.goal)
