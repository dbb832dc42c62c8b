"""What actions do, whatever the game: moving, pushing, toggling, dropping breadcrumbs."""

from __future__ import annotations

import torch
from torch import Tensor

from ..streams import Streams
from .places import STAY, Places, met
from .settings import Settings
from .state import BLOCK, MOVES, PRIMITIVES, PUSHES, MazeState

_TOGGLE, _CRUMB = PRIMITIVES.index("toggle"), PRIMITIVES.index("breadcrumb")


class Physics:
    """Moves of agents, one after another, and of the others who wander about.

    Args:
        places: The maps' geometry.
        settings: The maze's options.
        alternates: Whether doors open and shut by turns where no task names a colour.
        walls: Blocks that all mazes have, bool ``(T,)``, where nothing else is ever in the way; else None.
        device: Where the tensors live.
    """

    def __init__(
        self, places: Places, settings: Settings, alternates: bool, walls: Tensor | None, device: torch.device
    ) -> None:
        self.places, self.colours, self.alternates = places, settings.colours, alternates
        number = torch.arange(len(PRIMITIVES), device=device)
        self.walks = number < len(MOVES)
        self.pushes = (number < len(MOVES) + len(PUSHES)) & (settings.pushing | ~self.walks)
        ways = [*range(STAY), *range(STAY), *[STAY] * (len(PRIMITIVES) - len(MOVES) - len(PUSHES))]
        self.leads = places.reach[torch.tensor(ways, device=device)]
        self.settled = walls is not None
        if walls is not None:
            self.leads = torch.where(walls[self.leads], places.reach[STAY], self.leads)

    def act(self, state: MazeState, i: int, primitive: Tensor) -> MazeState:
        """Agent ``i`` does what ``primitive`` (int64 ``(n,)``, of PRIMITIVES) says."""
        state = self._move(state, i, primitive)
        if state.switch.shape[1]:
            state = self._toggle(state, i, primitive == _TOGGLE)
        if state.crumbs.shape[1]:
            dropped = self.places.marked(state.agent[:, i : i + 1]) & (primitive == _CRUMB)[:, None]
            state = state._replace(crumbs=state.crumbs | dropped)
        return state

    def _move(self, state: MazeState, i: int, primitive: Tensor) -> MazeState:
        here = state.agent.select(1, i)
        there = self.leads[primitive, here]
        if self.settled:
            return state._replace(agent=there.unsqueeze(1))
        enters = self.free(state, there)
        if state.box.shape[1]:
            ahead = state.box == there[:, None]
            barred = ahead.any(1)
            beyond = self.leads[primitive, there]
            pushed = self.pushes[primitive] & barred & (beyond != there) & self.free(state, beyond)
            pushed &= ~self.occupied(state, beyond) & ~(state.box == beyond[:, None]).any(1)
            state = state._replace(box=torch.where(ahead & pushed[:, None], beyond[:, None], state.box))
            enters &= torch.where(barred, pushed, self.walks[primitive])
        if state.agent.shape[1] + state.enemy.shape[1] > 1:
            enters &= ~self.occupied(state, there) & (here >= 0)
        agent = torch.where(enters, there, here)
        if state.agent.shape[1] == 1:
            return state._replace(agent=agent[:, None])
        column = torch.arange(state.agent.shape[1], device=agent.device) == i
        return state._replace(agent=torch.where(column, agent[:, None], state.agent))

    def _toggle(self, state: MazeState, i: int, toggles: Tensor) -> MazeState:
        """A switch under the agent goes on to its next colour, and with it the doors, but for those somebody is in.

        They are open at the task's colour; where no task names one, they open and shut by turns.
        """
        turned = (state.switch == state.agent[:, i : i + 1]) & (state.switch >= 0) & toggles[:, None]
        colour = torch.where(turned, (state.colour + 1) % self.colours, state.colour)
        if not state.door.shape[1]:
            return state._replace(colour=colour)
        told = state.task[:, :1]
        unlocked = colour[:, :1] == told if told.shape[1] else ~state.open
        if self.alternates and told.shape[1]:
            unlocked = torch.where(told < 0, ~state.open, unlocked)
        unlocked = unlocked | met(state.door, state.agent)
        if state.box.shape[1]:
            unlocked = unlocked | met(state.door, state.box)
        turn = turned.any(1, keepdim=True) & (state.door >= 0)
        return state._replace(colour=colour, open=torch.where(turn, unlocked, state.open))

    def wander(self, state: MazeState, rng: Streams) -> MazeState:
        """Every other takes a random step; only walls stop them."""
        way = rng.integers(STAY + 1, state.npc.shape[1])
        there = self.places.reach[way, state.npc.clamp(min=0)]
        free = state.terrain.gather(1, there) < BLOCK
        return state._replace(npc=torch.where(free, there, state.npc))

    def free(self, state: MazeState, place: Tensor) -> Tensor:
        """Whether terrain and doors let one be at ``place``: bool ``(n,)``."""
        free = state.terrain.gather(1, place.unsqueeze(1)).squeeze(1) < BLOCK
        if state.door.shape[1]:
            free |= ((state.door == place[:, None]) & state.open).any(1)
        return free

    def occupied(self, state: MazeState, place: Tensor) -> Tensor:
        """Whether an agent or an enemy is at ``place``: bool ``(n,)``."""
        there = (state.agent == place[:, None]).any(1)
        return there | (state.enemy == place[:, None]).any(1) if state.enemy.shape[1] else there
