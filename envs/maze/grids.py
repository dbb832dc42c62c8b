"""Mazes as grids of words: few-hot, from above or as seen from each agent, and as word numbers."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

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
        terrain: That of all mazes, uint8 ``(T,)``; None where it is generated.
        complete: Whether all items are on the map all the time.
        device: Where the grids are wanted.

    Attributes:
        words: What each channel stands for.
    """

    def __init__(
        self,
        contents: Contents,
        places: Places,
        pixels: Pixels,
        view: int,
        water: bool,
        terrain: Tensor | None,
        complete: bool,
        device: torch.device,
    ) -> None:
        self.contents, self.places, self.pixels, self.view = contents, places, pixels, view
        self.words = _channels(contents, pixels.corners, water)
        self.channel = {word: k for k, word in enumerate(self.words)}
        self.deepest = _most_words(contents, pixels.corners)
        c = contents
        counts = {"agent": c.agents, "goal": c.goals, "switch": c.switches, "door": c.doors, "box": c.boxes}
        self.constant = self._constant(counts | {"npc": c.npcs, "enemy": c.enemies})
        self.constants = torch.tensor([number for _, numbers in self.constant for number in numbers], device=device)
        self.complete = complete
        self.varies = bool(c.visits or c.switches or c.doors or c.enemies)
        self.kinds = torch.zeros((4, len(self.words)), dtype=torch.uint8, device=device)
        for word, kind in (("block", BLOCK), ("water", WATER), ("outside", OUTSIDE)):
            if word in self.channel:
                self.kinds[kind, self.channel[word]] = 1
        self.template = None if terrain is None else pad(self._ground(terrain[None]), (0, 0, 0, 1))
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
        n, count, channels = len(state.agent), self.places.count, len(self.words)
        if self.template is not None:
            cells = self.template.expand(n, -1, -1).clone()
        else:
            cells = pad(self._ground(state.terrain), (0, 0, 0, 1))
        if self.contents.breadcrumbs:
            cells[:, :count, self.channel["breadcrumb"]] = state.crumbs
        places, numbers = self._items(state)
        spots = (places if self.complete else torch.where(places < 0, count, places)) * channels + numbers
        return cells.view(n, -1).scatter_(1, spots, 1).view(n, count + 1, channels)

    def _ground(self, terrain: Tensor) -> Tensor:
        """Few-hot terrain: uint8 ``(n, T, C)``."""
        cells = self.kinds[terrain.long()]
        if self.pixels.corners:
            cells[:, :, self.channel["corner"]] = self.pixels.corner(terrain)
        return cells

    def _items(self, state: MazeState) -> tuple[Tensor, Tensor]:
        """Places ``(n, k)`` of all things, and the channel ``(n, k)`` or ``(k,)`` to be set there."""
        c = self.contents
        goal = torch.where(state.shown, state.goal, -1) if c.hidden else state.goal
        there = {"agent": state.agent, "goal": goal, "switch": state.switch, "door": state.door}
        there |= {"box": state.box, "npc": state.npc, "enemy": state.enemy}
        places = [there[item] for item, _ in self.constant]
        if not self.varies:
            return torch.cat(places, 1) if len(places) > 1 else places[0], self.constants
        channel, moods = self.channel, []
        if c.visits:
            moods.append((torch.where(state.visited, goal, -1), torch.full_like(goal, channel["visited"])))
        if c.switches:
            moods.append((state.switch, channel["colour0"] + state.colour))
        if c.doors:
            moods.append((state.door, torch.where(state.open, channel["open"], channel["closed"])))
        if c.enemies:
            units = torch.cat([state.agent, state.enemy], 1)
            moods += [(units, channel["health0"] + state.health), (units, channel["cooldown0"] + state.cooldown)]
        numbers = [self.constants.expand(len(goal), -1), *(number for _, number in moods)]
        return torch.cat([*places, *(place for place, _ in moods)], 1), torch.cat(numbers, 1)

    def _constant(self, counts: dict[str, int]) -> list[tuple[str, list[int]]]:
        """Items, as often as they have words that never change, and the channels of these."""
        found = []
        for item, count in counts.items():
            if item in self.channel and count:
                found.append((item, [self.channel[item]] * count))
            if f"{item}0" in self.channel and count:
                found.append((item, [self.channel[f"{item}{k}"] for k in range(count)]))
        return found


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
    """How many words a tile can have at most: of its terrain, of what is fixed on it, and of who stands there."""
    fixture = max(2 + c.visits if c.goals else 0, 2 if c.switches or c.doors else 0)
    fought = bool(c.enemies)
    body = max(1 + (c.agents > 1) + 2 * fought, 4 * fought)
    return 1 + corners + c.breadcrumbs + fixture + body + bool(c.npcs)
