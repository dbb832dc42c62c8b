"""Shooting and being shot at: the turns of agents and star enemies in the game ``combat``."""

from __future__ import annotations

import torch
from torch import Tensor

from ..streams import Streams
from .levels import RULES
from .physics import Physics
from .places import STAY, Places
from .state import PRIMITIVES, SHOTS, MazeState

_FIRST_SHOT = PRIMITIVES.index(SHOTS[0])


class Combat:
    """The rules of combat. Distances are the larger of those along x and y.

    A unit whose cooldown is over may shoot one that is at most ``shot_range`` tiles away; the shot takes one health
    unless it misses, and starts the cooldown. An enemy shoots the nearest agent in range, else goes a step towards it;
    its move is random with the chance ``noise``, and it takes its turn with the chance ``speed``. A dead unit is off
    the map.

    Args:
        places: The maps' geometry.
        physics: What moves do.
    """

    def __init__(self, places: Places, physics: Physics) -> None:
        self.places, self.physics = places, physics

    def shoot(self, state: MazeState, i: int, primitive: Tensor, rng: Streams) -> MazeState:
        """Agent ``i`` shoots the enemy that ``primitive`` (int64 ``(n,)``, of PRIMITIVES) names, where it does."""
        enemy = torch.arange(state.enemy.shape[1], device=primitive.device)
        aims = (primitive - _FIRST_SHOT)[:, None] == enemy
        near = self._apart(state.agent[:, i : i + 1], state.enemy) <= _rule(state, "shot_range")
        return self._fire(state, i, len_agents(state) + enemy, aims & near, rng)

    def turn_of_enemies(self, state: MazeState, rng: Streams) -> MazeState:
        """Every enemy shoots or moves; then all cooldowns go on."""
        for k in range(state.enemy.shape[1]):
            acts = (rng.uniform(1) < _rule(state, "speed"))[:, 0]
            apart = self._apart(state.enemy[:, k : k + 1], state.agent)
            nearest = apart.argmin(1, keepdim=True)
            aims = torch.arange(state.agent.shape[1], device=apart.device) == nearest
            in_range = apart.gather(1, nearest) <= _rule(state, "shot_range")
            unit = len_agents(state) + k
            shoots = acts & in_range[:, 0] & (state.cooldown[:, unit] == 0)
            agents = torch.arange(state.agent.shape[1], device=apart.device)
            state = self._fire(state, unit, agents, aims & shoots[:, None], rng)
            towards = state.agent.gather(1, nearest)[:, 0]
            state = self._advance(state, k, towards, acts & ~shoots, rng)
        return state._replace(cooldown=(state.cooldown - 1).clamp(min=0))

    def _fire(self, state: MazeState, unit: int, targets: Tensor, aims: Tensor, rng: Streams) -> MazeState:
        """``unit`` shoots those of ``targets`` (unit numbers, ``(k,)``) that it aims at, bool ``(n, k)``."""
        hits = (rng.uniform(1) >= _rule(state, "miss"))[:, 0]
        ready = (state.health[:, unit] > 0) & (state.cooldown[:, unit] == 0)
        aims = aims & ready[:, None] & (state.health[:, targets] > 0)
        health = state.health.index_add(1, targets, -(aims & hits[:, None]).long())
        pause = torch.where(aims.any(1), _rule(state, "cooldown")[:, 0].long() + 1, state.cooldown[:, unit])
        column = torch.arange(health.shape[1], device=health.device) == unit
        state = state._replace(health=health, cooldown=torch.where(column, pause[:, None], state.cooldown))
        return self.bury(state)

    def bury(self, state: MazeState) -> MazeState:
        """The dead taken off the map."""
        agents = len_agents(state)
        alive = state.health > 0
        return state._replace(
            agent=torch.where(alive[:, :agents], state.agent, -1),
            enemy=torch.where(alive[:, agents:], state.enemy, -1),
            cooldown=torch.where(alive, state.cooldown, 0),
        )

    def _advance(self, state: MazeState, k: int, towards: Tensor, moves: Tensor, rng: Streams) -> MazeState:
        """Enemy ``k`` takes a step, along the axis on which ``towards`` is further away."""
        chance = rng.uniform(2)
        here, goal = state.enemy[:, k].clamp(min=0), towards.clamp(min=0)
        dx, dy = (axis[goal] - axis[here] for axis in (self.places.x, self.places.y))
        sideways, upright = torch.where(dx > 0, 1, 0), torch.where(dy > 0, 3, 2)
        way = torch.where(dx.abs() >= dy.abs(), sideways, upright)
        way = torch.where((chance[:, :1] < _rule(state, "noise"))[:, 0], (chance[:, 1] * STAY).long(), way)
        there = self.places.reach[way, here]
        moves = moves & (state.enemy[:, k] >= 0) & (towards >= 0)
        moves = moves & self.physics.free(state, there) & ~self.physics.occupied(state, there)
        column = torch.arange(state.enemy.shape[1], device=here.device) == k
        return state._replace(enemy=torch.where(column & moves[:, None], there[:, None], state.enemy))

    def _apart(self, one: Tensor, others: Tensor) -> Tensor:
        """Distances between places ``(n, 1)`` and ``(n, k)``; far from and to what is nowhere."""
        a, b = one.clamp(min=0), others.clamp(min=0)
        apart = torch.maximum((self.places.x[a] - self.places.x[b]).abs(), (self.places.y[a] - self.places.y[b]).abs())
        return torch.where((one < 0) | (others < 0), self.places.count, apart)


def _rule(state: MazeState, name: str) -> Tensor:
    """One of the RULES, float32 ``(n, 1)``."""
    k = RULES.index(name)
    return state.rules[:, k : k + 1]


def len_agents(state: MazeState) -> int:
    """How many agents there are; ``health`` and ``cooldown`` hold theirs first."""
    return state.agent.shape[1]
