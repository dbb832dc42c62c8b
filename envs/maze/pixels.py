"""How a maze looks: one atlas of tiles, put together by number."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from .. import tiles
from ..tiles import Colour
from .columns import Contents
from .places import Places
from .state import BLOCK, OUTSIDE, MazeState

_FLOOR: Colour = (242, 240, 235)
_GROUND: tuple[Colour, ...] = (_FLOOR, (150, 190, 235), (236, 140, 30), (0, 0, 0))
_GOALS: tuple[Colour, ...] = (
    (106, 61, 154), (178, 89, 40), (31, 120, 180), (200, 160, 20), (227, 119, 194),
    (46, 125, 80), (23, 150, 160), (110, 110, 40), (90, 30, 60), (60, 60, 60),
)  # fmt: skip
_AGENTS: tuple[Colour, ...] = ((204, 30, 40), (40, 80, 200), (20, 140, 60), (150, 40, 160), (30, 30, 30))
_NPC: Colour = (140, 140, 150)
_BOX: Colour = (120, 80, 50)
_ENEMY: Colour = (20, 20, 20)
_CRUMB: Colour = (205, 170, 60)
_CORNER: Colour = (205, 200, 215)


class Pixels:
    """Pictures of mazes with these contents.

    A tile's number tells what lies on the ground, whether a breadcrumb does, who stands there, and whether another
    who wanders does too.

    Args:
        contents: What there can be.
        places: The maps' geometry.
        image_size: Height and width in pixels.
        corners: Whether corners are marked.
        negative: Whether pictures are negatives.
        terrain: That of all mazes, uint8 ``(T,)``; None where it is generated.
        device: Where the pictures are wanted.
    """

    def __init__(
        self,
        contents: Contents,
        places: Places,
        image_size: int,
        corners: bool,
        negative: bool,
        terrain: Tensor | None,
        device: torch.device,
    ) -> None:
        self.contents, self.places, self.image_size, self.corners = contents, places, image_size, corners
        size_px = image_size // max(places.height, places.width)
        ground = self._draw_ground(size_px)
        if contents.breadcrumbs:
            ground = [picture for tile in ground for picture in (tile, tiles.disc(tile, _CRUMB, 0.14))]
        bodies = self._bodies()
        drawn = [picture for tile in ground for picture in self._peopled(tile, bodies)]
        drawn = [255 - tile for tile in drawn] if negative else drawn
        self.bodies, self.visitor = len(drawn) // len(ground), len(bodies)
        self.atlas = tiles.Atlas(drawn, device)
        self.columns = image_size // size_px
        self.goal_looks = self.first_goal + torch.arange(contents.goals, device=device)
        lives = contents.health if contents.enemies else 1
        self.unit_looks = 2 + lives * torch.arange(contents.agents + contents.enemies, device=device)
        self.bare = None if terrain is None else pad(self._ground(terrain[None]), (0, 1)) * self.bodies
        self.background = None if contents.breadcrumbs or image_size % size_px else self._empty(terrain)

    def _empty(self, terrain: Tensor | None) -> Tensor | None:
        """The picture of a maze without any items, where all have one terrain."""
        if terrain is None:
            return None
        ids = self._ground(terrain[None]) * self.bodies
        return self._padded(self.atlas.images(ids.view(1, self.places.height, self.places.width)))[0]

    def _draw_ground(self, size_px: int) -> list[tiles.Tile]:
        """Terrain, corner, goals (and visited goals), switches by colour, doors closed and open."""
        c, floor = self.contents, tiles.plain(size_px, _FLOOR)
        found = [tiles.plain(size_px, colour) for colour in _GROUND]
        found.append(tiles.box(floor, _CORNER, 0.45))
        self.first_goal = len(found)
        found += [tiles.box(floor, _GOALS[g], 0.36) for g in range(c.goals)]
        found += [tiles.box(tile, _FLOOR, 0.18) for tile in found[self.first_goal :]] * c.visits
        self.first_switch = len(found)
        shades = [k / max(c.colours - 1, 1) for k in range(c.colours if c.switches else 0)]
        greens = [(round(190 - 180 * s), round(225 - 135 * s), round(170 - 150 * s)) for s in shades]
        found += [tiles.rounded(floor, green, 0.4, 0.15) for green in greens]
        self.first_door = len(found)
        if c.doors:
            frame = tiles.box(floor, (140, 90, 30), 0.5)
            found += [tiles.box(frame, (90, 50, 10), 0.32), tiles.box(frame, _FLOOR, 0.38)]
        return found

    def _bodies(self) -> list[tiles.Paint | None]:
        """Nobody, a box, agents (by health), enemies (by health)."""
        c = self.contents
        lives = range(1, c.health + 1) if c.enemies else [1]

        def size(health: int) -> float:
            return 0.42 if not c.enemies else 0.2 + 0.22 * health / c.health

        def agent(k: int, health: int) -> tiles.Paint:
            return lambda tile: tiles.disc(tile, _AGENTS[k], size(health))

        def enemy(health: int) -> tiles.Paint:
            return lambda tile: tiles.star(tile, _ENEMY, 1.15 * size(health))

        found: list[tiles.Paint | None] = [None, lambda tile: tiles.box(tile, _BOX, 0.4)]
        found += [agent(k, health) for k in range(c.agents) for health in lives]
        return found + [enemy(health) for _ in range(c.enemies) for health in lives]

    def _peopled(self, tile: tiles.Tile, bodies: list[tiles.Paint | None]) -> list[tiles.Tile]:
        """The tile with each body; then, where others wander, each with one of them as well, small on who is there."""
        alone = [tile if body is None else body(tile) for body in bodies]
        shared = [
            tiles.disc(picture, _NPC, 0.36 if body is None else 0.25)
            for picture, body in zip(alone, bodies, strict=True)
        ]
        return alone + shared * bool(self.contents.npcs)

    def images(self, state: MazeState) -> Tensor:
        """uint8 ``(n, image_size, image_size, 3)``."""
        ids = self._ids(state)
        if self.background is not None:
            items = [state.goal, state.switch, state.door, state.box, state.npc, state.agent, state.enemy]
            there = [places for places in items if places.shape[1]]
            places = torch.cat(there, 1).clamp(min=0)  # what is nowhere: the first tile, as it is
            at = places // self.places.width * self.columns + places % self.places.width
            return self.atlas.paste(self.background, at, ids.gather(1, places))
        return self._padded(self.atlas.images(ids.view(-1, self.places.height, self.places.width)))

    def _padded(self, images: Tensor) -> Tensor:
        bottom, right = self.image_size - images.shape[1], self.image_size - images.shape[2]
        return pad(images, (0, 0, 0, right, 0, bottom)) if bottom or right else images

    def _ids(self, state: MazeState) -> Tensor:
        """The atlas's number for each tile: int64 ``(n, T)``; one more column is for what is nowhere."""
        c, count = self.contents, self.places.count
        if self.bare is not None:
            ids = self.bare.expand(len(state.agent), -1).clone()
        else:
            ids = pad(self._ground(state.terrain), (0, 1)) * self.bodies
        fixtures, looks = self._fixtures(state)
        if fixtures:
            ids.scatter_(1, self._spots(fixtures), (torch.cat(looks, 1) if len(looks) > 1 else looks[0]) * self.bodies)
        if c.breadcrumbs:
            ids[:, :count] = ids[:, :count] * 2 + state.crumbs * self.bodies
        places, standing = self._units(state)
        ids = ids.scatter_add_(1, self._spots([places]), standing)[:, :count]
        return ids + self.visitor * self.places.marked(state.npc) if c.npcs else ids

    def _spots(self, places: list[Tensor]) -> Tensor:
        """Columns for places; the last one for what is nowhere."""
        place = torch.cat(places, 1) if len(places) > 1 else places[0]
        return torch.where(place < 0, self.places.count, place)

    def _ground(self, terrain: Tensor) -> Tensor:
        """Numbers of the terrain's tiles, corners marked: int64 ``(n, T)``."""
        ids = terrain.long()
        return torch.where(self.corner(terrain) & (ids < BLOCK), OUTSIDE + 1, ids) if self.corners else ids

    def _fixtures(self, state: MazeState) -> tuple[list[Tensor], list[Tensor]]:
        """Places and looks of what lies on the ground, ``(n, k)`` each."""
        c, places, looks = self.contents, [], []
        if c.goals:
            look = self.goal_looks
            look = look + c.goals * state.visited if c.visits else look.expand_as(state.goal)
            places.append(torch.where(state.shown, state.goal, -1) if c.hidden else state.goal)
            looks.append(look)
        if c.switches:
            places.append(state.switch)
            looks.append(self.first_switch + state.colour)
        if c.doors:
            places.append(state.door)
            looks.append(self.first_door + state.open.long())
        return places, looks

    def _units(self, state: MazeState) -> tuple[Tensor, Tensor]:
        """Places and looks of boxes, agents and enemies, ``(n, k)`` each; no two are on one tile."""
        c = self.contents
        units = torch.cat([state.agent, state.enemy], 1) if c.enemies else state.agent
        first = self.unit_looks
        looks = first + (state.health - 1).clamp(min=0) if c.enemies else first.expand_as(units)
        if not c.boxes:
            return units, looks
        return torch.cat([state.box, units], 1), torch.cat([torch.full_like(state.box, 1), looks], 1)

    def corner(self, terrain: Tensor) -> Tensor:
        """Where the map's corners are: bool ``(n, T)``."""
        height, width = self.places.sides(terrain)
        x, y, low = self.places.x, self.places.y, self.places.border
        return ((x == low) | (x == width - 1 - low)) & ((y == low) | (y == height - 1 - low))

    def masks(self, state: MazeState, names: dict[str, tuple[str, int]]) -> Tensor:
        """What each item changes of the picture: bool ``(n, M, image_size, image_size)``.

        Args:
            state: The mazes.
            names: For each object, the field of the state that holds its place, and the column.
        """
        whole = self.images(state)
        found = []
        for field, i in names.values():
            place = getattr(state, field).clone()
            place[:, i] = -1
            found.append((self.images(state._replace(**{field: place})) != whole).any(3))
        return torch.stack(found, 1)
