"""Mazes as grids of words: few-hot, from above or as seen from each agent, and as word numbers."""

from __future__ import annotations

import torch
from torch import Tensor

from .columns import Contents
from .pixels import Pixels
from .places import Places
from .state import BLOCK, OUTSIDE, WATER, MazeState
from .words import GRID


class Grids:
    """Few-hot grids of mazes with these contents.

    Args:
        contents: What there can be.
        places: The maps' geometry.
        pixels: Knows where corners are marked.
        view: How many tiles the egocentric view reaches to each side.
        water: Whether there can be water.
        device: Where the grids are wanted.

    Attributes:
        words: What each channel stands for.
    """

    def __init__(
        self, contents: Contents, places: Places, pixels: Pixels, view: int, water: bool, device: torch.device
    ) -> None:
        self.contents, self.places, self.pixels, self.view = contents, places, pixels, view
        self.words = _channels(contents, pixels.corners, water)
        self.channel = {word: k for k, word in enumerate(self.words)}
        self.deepest = _most_words(contents, pixels.corners)
        y, x = places.y + view, places.x + view
        reach = torch.arange(-view, view + 1, device=device)
        self.wide = places.width + 2 * view
        self.start = (y - view) * self.wide + (x - view)
        self.window = ((reach[:, None] + view) * self.wide + reach + view).flatten()

    def grid(self, state: MazeState) -> Tensor:
        """From above: uint8 ``(n, height, width, C)``, 1 where a word applies."""
        n = len(state.agent)
        return self._cells(state)[:, : self.places.count].view(n, self.places.height, self.places.width, -1)

    def egocentric(self, state: MazeState) -> Tensor:
        """Seen from the agent: uint8 ``(n, 2 view + 1, 2 view + 1, C)``, or ``(n, agents, ...)`` of several."""
        grid = self.grid(state)
        n, height, width, channels = grid.shape
        wide = grid.new_zeros((n, height + 2 * self.view, self.wide, channels))
        wide[..., self.channel["outside"]] = 1
        wide[:, self.view : self.view + height, self.view : self.view + width] = grid
        index = (self.start[state.agent.clamp(min=0)][:, :, None] + self.window).flatten(1)
        seen = wide.flatten(1, 2).gather(1, index[:, :, None].expand(-1, -1, channels))
        side, agents = 2 * self.view + 1, state.agent.shape[1]
        seen = seen * (state.agent >= 0).repeat_interleave(side * side, 1)[:, :, None]
        return seen.view(n, agents, side, side, channels) if agents > 1 else seen.view(n, side, side, channels)

    def indices(self, state: MazeState) -> Tensor:
        """Channel numbers plus 1 of the words on each tile, rising, then 0: uint8 ``(n, height, width, k)``."""
        grid = self.grid(state)
        number = torch.arange(1, len(self.words) + 1, device=grid.device)
        ranked = torch.where(grid > 0, number, len(self.words) + 1).sort(-1).values[..., : self.deepest]
        return torch.where(ranked > len(self.words), 0, ranked).to(torch.uint8)

    def _cells(self, state: MazeState) -> Tensor:
        """Few-hot tiles, and a last one for what is nowhere: uint8 ``(n, T + 1, C)``."""
        count, channels = self.places.count, len(self.words)
        cells = torch.zeros((len(state.agent), (count + 1) * channels), dtype=torch.uint8, device=state.agent.device)
        planes = cells.view(-1, count + 1, channels)[:, :count]
        for word, kind in (("block", BLOCK), ("water", WATER), ("outside", OUTSIDE)):
            if word in self.channel:
                planes[:, :, self.channel[word]] = state.terrain == kind
        if self.pixels.corners:
            planes[:, :, self.channel["corner"]] = self.pixels.corner(state)
        if self.contents.breadcrumbs:
            planes[:, :, self.channel["breadcrumb"]] = state.crumbs
        spots = [_spots(place, channel, count, channels) for place, channel in self._items(state)]
        cells.scatter_(1, torch.cat(spots, 1), 1)
        return cells.view(-1, count + 1, channels)

    def _items(self, state: MazeState) -> list[tuple[Tensor, Tensor | int]]:
        """Places ``(n, k)`` and the channels ``(n, k)``, ``(k,)`` or one, to be set there."""
        c, channel, device = self.contents, self.channel, state.agent.device
        found: list[tuple[Tensor, Tensor | int]] = [(state.agent, channel["agent"])]
        if c.agents > 1:
            found.append((state.agent, channel["agent0"] + torch.arange(c.agents, device=device)))
        if c.goals:
            goal = torch.where(state.shown, state.goal, -1)
            found += [(goal, channel["goal"]), (goal, channel["goal0"] + torch.arange(c.goals, device=device))]
            if c.visits:
                found.append((torch.where(state.visited, goal, -1), channel["visited"]))
        if c.switches:
            found += [(state.switch, channel["switch"]), (state.switch, channel["colour0"] + state.colour)]
        if c.doors:
            state_of = torch.where(state.open, channel["open"], channel["closed"])
            found += [(state.door, channel["door"]), (state.door, state_of)]
        for word, place in (("box", state.box), ("npc", state.npc)):
            if word in channel:
                found.append((place, channel[word]))
        return found + (self._units(state) if c.enemies else [])

    def _units(self, state: MazeState) -> list[tuple[Tensor, Tensor | int]]:
        units = torch.cat([state.agent, state.enemy], 1)
        names = torch.arange(self.contents.enemies, device=units.device)
        return [
            (state.enemy, self.channel["enemy"]),
            (state.enemy, self.channel["enemy0"] + names),
            (units, self.channel["health0"] + state.health),
            (units, self.channel["cooldown0"] + state.cooldown),
        ]


def _spots(place: Tensor, channel: Tensor | int, count: int, channels: int) -> Tensor:
    return torch.where(place < 0, count, place) * channels + channel


def _channels(c: Contents, corners: bool, water: bool) -> tuple[str, ...]:
    """The words that can apply in such a maze."""
    wanted = {
        "block": True, "outside": True, "agent": True, "water": water, "corner": corners, "goal": c.goals,
        "visited": c.visits, "switch": c.switches, "door": c.doors, "open": c.doors, "closed": c.doors, "box": c.boxes,
        "breadcrumb": c.breadcrumbs, "npc": c.npcs, "enemy": c.enemies,
    }  # fmt: skip
    fought = bool(c.enemies)
    many = {
        "goal": c.goals, "colour": c.colours if c.switches else 0, "agent": c.agents if c.agents > 1 else 0,
        "enemy": c.enemies, "health": (c.health + 1) * fought, "cooldown": (c.cooldown + 1) * fought,
    }  # fmt: skip
    names = {word for word, there in wanted.items() if there}
    names |= {f"{stem}{k}" for stem, count in many.items() for k in range(count)}
    return tuple(word for word in GRID if word in names)


def _most_words(c: Contents, corners: bool) -> int:
    """How many words a tile can have at most: those of what is on the ground, and of who stands there."""
    ground = max(2 + c.visits if c.goals else 0, 2 if c.switches else 0, 2 if c.doors else 0, 1)
    body = (c.agents + (c.agents > 1) if c.agents > 1 else 1) + 2 * bool(c.enemies) + bool(c.npcs)
    return ground + corners + c.breadcrumbs + max(body, 1 + bool(c.npcs)) + bool(c.enemies)
