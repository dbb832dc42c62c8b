"""A grid maze in the manner of MazeBase (Sukhbaatar et al. 2015, arXiv:1511.07401), and all of its games.

Agents move by single tiles and cannot enter blocks or leave the map. What else there is, and what is to be done, is the
game's; without one (``explore``) it is the world of Thomas et al. 2018 (arXiv:1802.09484), section 4.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ... import lookup
from ...errors import UnknownNameError
from ..core import Observation, World, fixed_factors
from ..streams import Streams
from . import games
from .columns import Contents, groups_of, name_of, values_of
from .combat import Combat
from .grids import Grids
from .intervene import Intervene
from .levels import OF_GAMES, Levels
from .physics import Physics
from .pixels import Pixels
from .places import Places, met
from .sentences import LENGTH, Sentences
from .settings import Settings
from .spawn import Spawn, by_game
from .state import BLOCK, MOVES, PRIMITIVES, PUSHES, SHOTS, WATER, MazeState
from .words import VOCABULARY, words_of

STEP_COST = 0.1
WATER_COST = 0.2
LOSS_COST = 1.0
GOAL_REWARD = 1.0


class Maze(World[MazeState]):
    """A maze and its game. A step costs 0.1, one that ends in water 0.2 more; doing the task pays 1 and is the end.

    Args:
        device: Where the tensors live.
        options: Those of `Settings`, by name.

    Raises:
        ValueError: An option out of range, options that contradict each other, or a layout without enough room.
    """

    def __init__(self, device: torch.device | str = "cpu", **options: Any) -> None:
        super().__init__(device)
        self.settings = settings = Settings(**options)
        self.games = [games.load(name) for name in settings.games]
        for game in self.games:
            game.check(settings)
        self._check_uses(options)
        self.levels = Levels(settings, self.games, self.device)
        self.places = Places(*settings.sides, int(settings.boundary), self.levels.layout, self.device)
        self.contents = contents = self._contents()
        self.groups = groups_of(contents, self.levels, self.places)
        self.factors = tuple(factor for group in self.groups for factor in group.factors())
        self.spawn = Spawn(contents, self.levels, self.places, self.games, self.groups)
        self.intervene = Intervene(self.spawn)
        terrain, lonely = self.levels.layout, contents.agents == 1
        settled = terrain is not None and lonely and not contents.boxes + contents.doors + contents.enemies
        walls = terrain >= BLOCK if terrain is not None and settled else None
        self.physics = Physics(self.places, settings, self.spawn.alternating, walls, self.device)
        self.combat = Combat(self.places, self.physics) if contents.enemies else None
        self._prepare_actions()
        self._prepare_views()
        self.has_water = "water" in self.grids.words
        self.rules = "\n\n".join(game.told_as() for game in self.games)
        self.paid, self.cost = torch.tensor([GOAL_REWARD - STEP_COST, -STEP_COST], device=self.device)
        self.has_costs = any(type(game).cost is not games.Game.cost for game in self.games)
        self.endless = torch.tensor([game.endless for game in self.games], device=self.device)
        self.has_task = not all(game.endless for game in self.games)
        self.mixes_endless = self.has_task and any(game.endless for game in self.games)

    @classmethod
    def options_class(cls) -> type:
        """`Settings`."""
        return Settings

    def _check_uses(self, given: Mapping[str, Any]) -> None:
        """Raise `ValueError` for an option that no game here has a use for."""
        for name in OF_GAMES:
            if given.get(name) not in (None, 0) and not any(name in game.spans for game in self.games):
                users = [game for game in lookup.names("envs.maze.games") if name in games.load(game).spans]
                raise ValueError(f"option {name} is for {', '.join(users)}, not for {', '.join(self.settings.games)}")

    def _contents(self) -> Contents:
        s, most = self.settings, self.levels.most
        goals, active = most("goals"), most("active")
        sizes = [game.task_sizes(s, goals, active) for game in self.games]
        widest = itertools.zip_longest(*sizes, fillvalue=0)
        fought = any(game.shoots for game in self.games)
        return Contents(
            agents=s.agents, npcs=s.npcs, boxes=max(game.boxes for game in self.games), goals=goals,
            switches=most("switches") + most("decoys"), doors=max(game.doors for game in self.games),
            enemies=most("enemies") * fought, health=most("health") * fought, cooldown=most("cooldown") * fought,
            colours=s.colours, hidden=any(game.hidden for game in self.games),
            visits=any(game.visits for game in self.games), breadcrumbs=s.breadcrumbs,
            toggles=any(game.toggles for game in self.games), games=len(self.games),
            task_sizes=tuple(max(entry) for entry in widest),
            task_optional=any(game.task_optional for game in self.games) or len({len(size) for size in sizes}) > 1,
        )  # fmt: skip

    def _prepare_actions(self) -> None:
        s, c = self.settings, self.contents
        own = [*MOVES, *PUSHES * (c.boxes and not s.pushing), *["stop"] * s.stop]
        own += [*["toggle"] * (c.toggles and c.switches > 0), *["breadcrumb"] * s.breadcrumbs, *SHOTS[: c.enemies]]
        single = tuple(own) if s.actions is None else s.actions
        names = ["+".join(parts) for parts in itertools.product(single, repeat=s.macro_steps)]
        for part in {part for name in names for part in name.split("+")}:
            if part not in PRIMITIVES:
                raise UnknownNameError("action", part, PRIMITIVES)
        self.action_names = tuple(names)
        sequences = [[PRIMITIVES.index(part) for part in name.split("+")] for name in names]
        longest = max(len(sequence) for sequence in sequences)
        wait = PRIMITIVES.index("stop")
        padded = [sequence + [wait] * (longest - len(sequence)) for sequence in sequences]
        self.sequences = torch.tensor(padded, device=self.device)
        self.lengths = torch.tensor([len(sequence) for sequence in sequences], device=self.device)
        self.plain = tuple(names) == PRIMITIVES[: len(names)]
        self.action_space = (
            spaces.MultiDiscrete([len(names)] * s.agents) if s.agents > 1 else spaces.Discrete(len(names))
        )

    def _prepare_views(self) -> None:
        s, c = self.settings, self.contents
        always = len(self.games) == 1 and self.levels.steady("goals", "switches", "decoys")
        complete = always and not (c.hidden or c.visits or c.enemies)
        terrain = self.levels.layout
        self.pixels = Pixels(c, self.places, s.image_size, s.corners, s.negative, terrain, self.device)
        water = max(s.span("water")) > 0 if s.layout is None else "~" in "".join(s.layout)
        self.grids = Grids(c, self.places, self.pixels, s.view, water, terrain, complete, self.device)
        first = torch.zeros((3, 1), dtype=torch.int64, device=self.device)
        blank = self.spawn.empty(self.levels.plan(*first), *first)
        told = max(1, *(len(game.sentences(blank, lambda place: (place, place))) for game in self.games))
        self.sentences = Sentences(self.grids, self.places, self.games, told, self.device)
        found: dict[str, spaces.Space[Any]] = {view: self._space(view, told) for view in s.views}
        self.observation_space = found[s.observation] if isinstance(s.observation, str) else spaces.Dict(found)
        counts = {
            item: getattr(blank, item).shape[1] for item in ("agent", "npc", "box", "goal", "switch", "door", "enemy")
        }
        self.items = {name_of(item, i, n): (item, i) for item, n in counts.items() for i in range(n)}
        self.object_names = tuple(self.items)

    def _space(self, view: str, told: int) -> spaces.Box:
        height, width, channels = self.places.height, self.places.width, len(self.grids.words)
        side = 2 * self.settings.view + 1
        agents = (self.settings.agents,) if self.settings.agents > 1 else ()
        sentences = (told + self.places.count, self.sentences.length)
        size = self.settings.image_size
        shapes: dict[str, tuple[tuple[int, ...], int, Any]] = {
            "pixels": ((size, size, 3), 255, np.uint8),
            "grid": ((height, width, channels), 1, np.uint8),
            "egocentric": ((*agents, side, side, channels), 1, np.uint8),
            "indices": ((height, width, self.grids.deepest), channels, np.uint8),
            "sentences": (sentences, len(VOCABULARY) - 1, np.int16),
            "relative_sentences": (sentences, len(VOCABULARY) - 1, np.int16),
            "instruction": ((told, LENGTH), len(VOCABULARY) - 1, np.int16),
        }
        shape, high, dtype = shapes[view]
        return spaces.Box(0, high, shape, dtype)

    def reset(self, n: int, rng: Streams, options: Mapping[str, Any] | None = None) -> MazeState:
        """Fresh mazes: everything on a floor tile of its own, all equally likely, the task possible and not yet done.

        With all factors fixed, exactly that state, possible or not.
        """
        fixed = fixed_factors(self, n, options)
        if len(fixed) == len(self.factors):
            return self.set_factors(torch.stack([fixed[factor.name] for factor in self.factors], 1))
        return self.spawn.fresh(n, fixed, rng)

    def step(self, state: MazeState, action: Tensor, rng: Streams) -> tuple[MazeState, Tensor, Tensor]:
        """Every agent acts, the first first; then others and enemies do.

        A sequence stops where the episode ends; who is through with a shorter one waits, but those who wander go on.
        """
        if action.ndim == 1:
            action = action.unsqueeze(1)
        if self.plain:
            return self._turn(state, action, rng)
        primitives, lengths = self.sequences[action], self.lengths[action].amax(1)
        state, reward, ended = self._turn(state, primitives[:, :, 0], rng)
        for k in range(1, primitives.shape[2]):
            following, more, end = self._turn(state, primitives[:, :, k], rng)
            going = ~ended & (k < lengths)
            state = MazeState(
                *(
                    torch.where(going.view(-1, *[1] * (new.ndim - 1)), new, old)
                    for new, old in zip(following, state, strict=True)
                )
            )._replace(npc=following.npc)
            reward, ended = reward + more * going, ended | (end & going)
        return state, reward, ended

    def _turn(self, before: MazeState, primitive: Tensor, rng: Streams) -> tuple[MazeState, Tensor, Tensor]:
        """One primitive action of each agent, ``(n, agents)``."""
        state = before
        for i in range(primitive.shape[1]):
            state = self.physics.act(state, i, primitive.select(1, i))
            if self.combat is not None:
                state = self.combat.shoot(state, i, primitive[:, i], rng)
        if self.contents.npcs:
            state = self.physics.wander(state, rng)
        if self.combat is not None:
            state = self.combat.turn_of_enemies(state, rng)
        if self.contents.visits:
            came = met(state.goal, state.agent) & (state.goal >= 0)
            state = state._replace(
                visited=by_game(self.games, lambda game, part, upon: game.visit(part, upon), state, came)
            )
        return state, *self._judge(before, state)

    def _judge(self, before: MazeState, state: MazeState) -> tuple[Tensor, Tensor]:
        """Reward and end."""
        if not self.has_task:
            return torch.zeros(len(state.agent), device=self.device), self.games[0].done(self.places, state)
        done = self.is_done(state)
        reward = torch.where(done, self.paid, self.cost)
        if self.has_water:
            standing = state.agent if self.combat is None else state.agent.clamp(min=0)
            wet = (state.terrain.gather(1, standing) == WATER) & (state.agent >= 0)
            reward = reward - WATER_COST * wet.sum(1)
        if self.has_costs:
            reward = reward - by_game(
                self.games, lambda game, was, now: game.cost(self.places, was, now), before, state
            )
        if self.mixes_endless:
            reward = torch.where(self.endless[state.game], 0.0, reward)
        if self.combat is None:
            return reward, done
        lost = by_game(self.games, lambda game, part: game.lost(part), state)
        return reward - LOSS_COST * lost, done | lost

    def is_done(self, state: MazeState) -> Tensor:
        """Whether the task is done: bool ``(n,)``."""
        return by_game(self.games, lambda game, part: game.done(self.places, part), state)

    def get_info(self, state: MazeState) -> dict[str, Any]:
        """``is_success``, where there is a task."""
        return {"is_success": self.is_done(state)} if self.has_task else {}

    def observe(self, state: MazeState) -> Observation:
        """The views that were asked for: an array, or a dict of arrays."""
        found = {view: self._see(view, state) for view in self.settings.views}
        return found[self.settings.observation] if isinstance(self.settings.observation, str) else found

    def _see(self, view: str, state: MazeState) -> Tensor:
        if view == "pixels":
            return self.pixels.images(state)
        if view in ("grid", "egocentric", "indices"):
            seen: Tensor = getattr(self.grids, view)(state)
            return seen
        if view == "instruction":
            return self.sentences.instruction(state)
        return self.sentences.about_all(state, relative=view == "relative_sentences")

    def describe(self, state: MazeState) -> list[str]:
        """The instruction's sentences."""
        rows = self.sentences.instruction(state).tolist()
        return ["; ".join(filter(None, map(words_of, lines))) for lines in rows]

    def render(self, state: MazeState) -> Tensor:
        """The pixels, whatever the agent sees."""
        return self.pixels.images(state)

    def get_masks(self, state: MazeState) -> Tensor:
        """Every pixel that an object changes: bool ``(n, M, image_size, image_size)``."""
        return self.pixels.masks(state, self.items)

    def get_factors(self, state: MazeState) -> Tensor:
        """float32 ``(n, K)``: tile coordinates, x to the right and y down; 0 for what is absent."""
        return values_of(self.groups, state)

    def set_factors(self, values: Tensor) -> MazeState:
        """States with these values; `ValueError` for an item in a wall, two on one tile, or one that is not there."""
        return self.intervene.states(self.check_factors(values))

    def shortest_path(self, start: Tensor, goal: Tensor) -> Tensor:
        """Fewest moves that bring the first agent from one place to another, boxes and others apart.

        Args:
            start: Factor values ``(n, K)``.
            goal: Factor values ``(n, K)``.

        Returns:
            int64 ``(n,)``; -1 where no way leads.
        """
        begin, end = self.set_factors(start), self.set_factors(goal)
        far = self.places.distances(begin.agent[:, 0], self.places.free(begin))
        return far.gather(1, end.agent[:, :1])[:, 0]
