"""The maze's options, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from ... import lookup

Span = float | tuple[float, float]

LIMITS = {
    "size": (2, 32), "blocks": (0, 0.5), "water": (0, 0.5), "goals": (1, 10), "active": (1, 10), "switches": (1, 9),
    "decoys": (0, 5), "visible": (0, 1), "enemies": (1, 5), "health": (1, 9), "shot_range": (1, 32),
    "cooldown": (0, 9), "miss": (0, 1), "speed": (0, 1), "noise": (0, 1),
}  # fmt: skip
WHOLE = ("size", "goals", "active", "switches", "decoys", "enemies", "health", "shot_range", "cooldown")
ALONE = ("explore", "rooms", "combat")
"""Games that are not part of the mixture."""
VIEWS = ("pixels", "grid", "egocentric", "indices", "sentences", "relative_sentences", "instruction")


@dataclass(frozen=True)
class Settings:
    """What a maze is like.

    An option marked *span* is a number or a pair (easiest, hardest), from which every level draws: at difficulty d,
    uniformly between the easiest and the value a fraction d of the way to the hardest. With any pair the maze has the
    factor ``difficulty``; fresh episodes have difficulty 1 unless told otherwise.

    Args:
        game: One of the games in `unbraid.envs.maze.games`, ``"explore"`` (no task) among them; or several, of which
            every episode draws one; ``"mixture"`` is all but ``explore``, ``rooms`` and ``combat``.
        layout: Fixed terrain: rows of ``.`` (floor), ``#`` (block), ``~`` (water) and ``|`` (a block where a door may
            be, in games that have one). None: generated, by the factor ``level``.
        size: Tiles a side (span). Smaller maps lie at the top left of the largest.
        square: Whether height and width are one number; else each is drawn.
        boundary: Whether blocks stand along the map's border.
        blocks: Fraction of the tiles that are blocks (span).
        water: Fraction of the tiles that are water (span), where being costs 0.2 a step.
        corners: Whether the map's four corners are marked.
        goals: How many goals (span); None: as many as the game is known for.
        active: How many of the goals must be visited, or be avoided in ``exclusion`` (span); None: as the game has it.
        switches: How many switches (span); None: as many as the game needs.
        colours: How many states a switch goes through.
        decoys: How many further switches there are in ``push_block`` (span), of colours of their own.
        visible: Probability that the target of ``goto`` and the goals of ``goto_hidden`` are on the map (span).
        agents: How many agents; each has its own action, the reward is the team's.
        npcs: How many others wander about at random, whatever agents do: only blocks stop them (a door is one to them,
            open or shut), and they stop nobody.
        pushing: Whether walking into a box pushes it; else pushing takes actions of its own.
        breadcrumbs: Whether agents can drop breadcrumbs.
        stop: Whether there is an action that does nothing.
        actions: The actions by name, in place of all that the game has. ``"down+left"`` does both in one step; a name
            may occur twice.
        macro_steps: Actions are all sequences of so many of the actions.
        enemies: How many star enemies, in ``combat`` (span).
        health: Shots that an enemy bears, in ``combat`` (span); agents bear as many as the hardest enemy.
        shot_range: How far a shot goes, in tiles, in ``combat`` (span).
        cooldown: Steps between two shots of a unit, in ``combat`` (span).
        miss: Probability that a shot misses, in ``combat`` (span).
        speed: Fraction of its turns that an enemy takes, in ``combat`` (span).
        noise: Probability that an enemy's move is a random one, in ``combat`` (span).
        observation: One of ``pixels``, ``grid`` (few-hot tiles), ``egocentric`` (the same, seen from the agent),
            ``indices`` (the grid's words by number), ``sentences``, ``relative_sentences``, ``instruction``; or
            several, which makes a dict.
        view: How many tiles the egocentric view reaches to each side.
        image_size: Height and width of the picture in pixels; tiles are squares of ``image_size // longest side``
            pixels, and what is left over at the right and bottom is black.
        negative: Whether pictures are shown in negative, as another content of the same mazes.
        levels: How many different levels; generated terrain depends on the level's number alone.
        first_level: Number of the first level; train and test on levels apart.

    Raises:
        ValueError: A value outside its range, or options that contradict each other.
    """

    game: str | tuple[str, ...] = "explore"
    layout: tuple[str, ...] | None = None
    size: Span = 8
    square: bool = True
    boundary: bool = False
    blocks: Span = 0.1
    water: Span = 0.0
    corners: bool = False
    goals: Span | None = None
    active: Span | None = None
    switches: Span | None = None
    colours: int = 2
    decoys: Span = 0
    visible: Span = 0.0
    agents: int = 1
    npcs: int = 0
    pushing: bool = False
    breadcrumbs: bool = False
    stop: bool = False
    actions: tuple[str, ...] | None = None
    macro_steps: int = 1
    enemies: Span = 1
    health: Span = 3
    shot_range: Span = 3
    cooldown: Span = 2
    miss: Span = 0.1
    speed: Span = 1.0
    noise: Span = 0.1
    observation: str | tuple[str, ...] = "pixels"
    view: int = 3
    image_size: int = 64
    negative: bool = False
    levels: int = 10_000
    first_level: int = 0

    def __post_init__(self) -> None:
        for name in ("game", "layout", "actions", "observation", *LIMITS):
            value = getattr(self, name)
            if isinstance(value, Sequence) and not isinstance(value, str):
                object.__setattr__(self, name, tuple(value))
        if isinstance(self.layout, str) or self.actions == () or isinstance(self.actions, str):
            raise ValueError("layout and actions are lists of strings, not empty")
        for name in LIMITS:
            if getattr(self, name) is not None:
                self._check_span(name)
        counts = (("colours", 2, 10), ("agents", 1, 5), ("npcs", 0, 5), ("macro_steps", 1, 5), ("view", 1, 31))
        more = (("image_size", 1, 4096), ("levels", 1, 2**24), ("first_level", 0, 2**24 - self.levels))
        for name, low, high in (*counts, *more):
            value = getattr(self, name)
            if not isinstance(value, (int, float)) or value != int(value) or not low <= value <= high:
                raise ValueError(f"{name} must be a whole number of {low} .. {high}, not {value}")
        self._check_names("game", self.games, lookup.names("envs.maze.games"))
        self._check_names("observation", self.views, VIEWS)
        if self.layout is not None:
            _check_layout(self.layout)
        if self.image_size < self.longest:
            raise ValueError(
                f"image_size {self.image_size} is less than a pixel a tile for {self.longest} tiles a side"
            )

    def _check_span(self, name: str) -> None:
        low, high = LIMITS[name]
        given = getattr(self, name)
        ends = given if isinstance(given, tuple) else (given, given)
        whole = name in WHOLE
        numbers = all(isinstance(end, (int, float)) and not isinstance(end, bool) for end in ends)
        if len(ends) != 2 or not numbers or not all(low <= e <= high and (not whole or e == int(e)) for e in ends):
            kind = "whole number" if whole else "number"
            raise ValueError(f"{name} must be a {kind} of {low} .. {high}, or an (easiest, hardest) pair, not {given}")

    def _check_names(self, option: str, given: Sequence[str], known: Sequence[str]) -> None:
        unknown = [name for name in given if name not in known]
        if unknown or not given or len(set(given)) < len(given):
            raise ValueError(f"{option} must name one of {', '.join(known)}, or several, each once; not {given}")

    @property
    def games(self) -> tuple[str, ...]:
        """The games that episodes draw from."""
        if self.game == "mixture":
            return tuple(name for name in lookup.names("envs.maze.games") if name not in ALONE)
        return (self.game,) if isinstance(self.game, str) else self.game

    @property
    def views(self) -> tuple[str, ...]:
        """What an observation holds."""
        return (self.observation,) if isinstance(self.observation, str) else self.observation

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width of the largest map, in tiles."""
        if self.layout is not None:
            return len(self.layout), len(self.layout[0])
        return int(max(self.span("size"))), int(max(self.span("size")))

    @property
    def longest(self) -> int:
        """Tiles along the longer side of the largest map."""
        return max(self.sides)

    @property
    def graded(self) -> bool:
        """Whether any option is a pair of easiest and hardest."""
        names = [field.name for field in fields(self) if field.name in LIMITS and getattr(self, field.name) is not None]
        return any(len(set(self.span(name))) > 1 for name in names)

    def span(self, name: str) -> tuple[float, float]:
        """An option's easiest and hardest value."""
        value = getattr(self, name)
        return value if isinstance(value, tuple) else (value, value)


def _check_layout(layout: tuple[str, ...]) -> None:
    if not layout or not layout[0] or len({len(row) for row in layout}) != 1 or set("".join(layout)) - set(".#~|"):
        raise ValueError(f"layout must be rows of '.', '#', '~' and '|', all of one length, not {list(layout)}")
    if max(len(layout), len(layout[0])) > LIMITS["size"][1]:
        raise ValueError(f"layout must have at most {LIMITS['size'][1]} tiles a side")
