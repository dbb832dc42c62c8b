"""Where one can go: neighbouring tiles, walls and doors, regions of the map, and what can be reached."""

from __future__ import annotations

import torch
from torch import Tensor

from .state import BLOCK, MOVES, OUTSIDE, MazeState

REGIONS = ("left", "right", "top", "bottom", "top left", "top right", "bottom left", "bottom right")
STAY = len(MOVES)


def met(places: Tensor, by: Tensor) -> Tensor:
    """Whether any of ``by`` ``(n, j)`` is at each of ``places`` ``(n, k)``: bool ``(n, k)``."""
    return places == by if by.shape[1] == 1 else (places[:, :, None] == by[:, None, :]).any(2)


class Places:
    """The geometry of maps of one largest size.

    Args:
        height: Tiles of the largest map.
        width: Likewise.
        border: How many tiles of each side the map's border takes.
        terrain: That of all mazes, uint8 ``(T,)``; None where it is generated.
        device: Where the tensors live.

    Attributes:
        reach: The tile where a move leads, itself at the map's edge: int64 ``(5, T)`` for left, right, up, down, stay.
    """

    def __init__(self, height: int, width: int, border: int, terrain: Tensor | None, device: torch.device) -> None:
        self.height, self.width, self.border = height, width, border
        self.count = height * width
        tile = torch.arange(self.count, device=device)
        self.x, self.y = tile % width, tile // width
        moves = ((-1, 0), (1, 0), (0, -1), (0, 1), (0, 0))
        there = [(self.y + dy).clamp(0, height - 1) * width + (self.x + dx).clamp(0, width - 1) for dx, dy in moves]
        self.reach = torch.stack(there)
        self.connected = None
        if terrain is not None:
            self.connected = self.distances(tile, (terrain < BLOCK).expand(self.count, -1)) >= 0

    def at(self, place: Tensor, plane: Tensor) -> Tensor:
        """What a bool plane ``(n, T)`` says of places ``(n, k)``; False of no place."""
        return plane.gather(1, place.clamp(min=0)) & (place >= 0)

    def marked(self, place: Tensor) -> Tensor:
        """Bool ``(n, T)``: where any of the places ``(n, k)`` is."""
        plane = torch.zeros((len(place), self.count + 1), dtype=torch.bool, device=place.device)
        spot = torch.where(place < 0, self.count, place)
        return plane.scatter_(1, spot, True)[:, : self.count]

    def sides(self, terrain: Tensor) -> tuple[Tensor, Tensor]:
        """Height and width of each map, int64 ``(n, 1)``, from its terrain ``(n, T)``."""
        inside = (terrain != OUTSIDE).view(-1, self.height, self.width)
        return inside[:, :, 0].sum(1, keepdim=True), inside[:, 0].sum(1, keepdim=True)

    def region(self, state: MazeState, index: Tensor) -> Tensor:
        """The tiles of a region of REGIONS, by its index ``(n,)``: bool ``(n, T)``."""
        height, width = self.sides(state.terrain)
        low = self.border
        left, right = self.x == low, self.x == width - 1 - low
        top, bottom = self.y == low, self.y == height - 1 - low
        left, top = left.expand_as(right), top.expand_as(bottom)
        corners = [top & left, top & right, bottom & left, bottom & right]
        regions = torch.stack([left, right, top, bottom, *corners], 1)
        inside = state.terrain != OUTSIDE
        return regions[torch.arange(len(index), device=index.device), index] & inside

    def free(self, state: MazeState, doors_open: bool = False) -> Tensor:
        """Where one can stand, boxes and others apart: bool ``(n, T)``.

        Args:
            state: The mazes.
            doors_open: Take all doors as open.
        """
        free = state.terrain < BLOCK
        if state.door.shape[1]:
            lets = state.open | doors_open
            free = free | self.marked(torch.where(lets, state.door, -1))
        return free

    def reachable(self, state: MazeState, doors_open: bool = False) -> Tensor:
        """Tiles that the first agent can walk to, past boxes that stay where they are: bool ``(n, T)``."""
        if self.connected is not None and not state.door.shape[1] + state.box.shape[1]:
            return self.connected[state.agent[:, 0]]
        free = self.free(state, doors_open)
        if state.box.shape[1]:
            free = free & ~self.marked(state.box)
        reached = self.marked(state.agent[:, :1])
        while True:  # two tiles at a time: comparing costs as much as growing
            grown = reached[:, self.reach].any(1) & free
            grown = grown[:, self.reach].any(1) & free | reached
            if torch.equal(grown, reached):
                return reached
            reached = grown

    def distances(self, start: Tensor, free: Tensor) -> Tensor:
        """Moves from ``start`` ``(n,)`` to each tile over free ones ``(n, T)``: int64 ``(n, T)``, -1 if none lead."""
        reached = self.marked(start[:, None])
        far = torch.where(reached, 0, -1)
        for moves in range(1, self.count):
            grown = free & (reached[:, self.reach[:STAY]].any(1) | reached)
            fresh = grown & ~reached
            if not bool(fresh.any()):
                break
            far = torch.where(fresh, moves, far)
            reached = grown | reached
        return far

    def pushable(self, state: MazeState) -> Tensor:
        """What the first agent can make of the first box: bool ``(n, T, T)``, by the places of box and agent.

        64 rows are searched at once, as the bits of one number.
        """
        free = self.free(state)
        if state.box.shape[1] > 1:
            free = free & ~self.marked(state.box[:, 1:])
        start = self.marked(state.box[:, :1])[:, :, None] & self.marked(state.agent[:, :1])[:, None, :]
        tile = torch.arange(self.count, device=free.device)
        to, back = self.reach[:STAY], self.reach[[1, 0, 3, 2]]
        open_to, reached = _packed(free), _packed(start)
        allowed = torch.where(tile[:, None] == tile, 0, open_to[:, None, :])
        landing = torch.where((to != tile) & (back != tile), open_to[:, to], 0)
        while True:
            walked = reached[:, :, back]
            grown = reached | walked[:, :, 0] | walked[:, :, 1] | walked[:, :, 2] | walked[:, :, 3]
            grown[:, to, tile] |= reached[:, tile, back] & landing
            grown &= allowed
            if torch.equal(grown, reached):
                return _unpacked(reached, len(free))
            reached = grown


def _packed(rows: Tensor) -> Tensor:
    """Bool ``(n, ...)`` as the bits of int64 ``(ceil(n / 64), ...)``."""
    count = -(-len(rows) // 64)
    whole = torch.zeros((count * 64, *rows.shape[1:]), dtype=torch.int64, device=rows.device)
    whole[: len(rows)] = rows
    bit = torch.arange(64, device=rows.device).view(64, *[1] * (rows.ndim - 1))
    return (whole.view(count, 64, *rows.shape[1:]) << bit).sum(1)


def _unpacked(words: Tensor, n: int) -> Tensor:
    """What `_packed` packed: bool ``(n, ...)``."""
    bit = torch.arange(64, device=words.device).view(64, *[1] * (words.ndim - 1))
    return (words[:, None] >> bit & 1).flatten(0, 1)[:n] > 0
