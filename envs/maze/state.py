"""What a maze's state holds, and the words for it."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

FLOOR, WATER, BLOCK, OUTSIDE = range(4)
"""Terrain; from BLOCK on nobody can enter."""

DIFFICULTIES = 11
"""Difficulty goes from 0 to 1 in steps of a tenth; states hold the number of tenths."""

MOVES = ("left", "right", "up", "down")
PUSHES = tuple(f"push {move}" for move in MOVES)
SHOTS = tuple(f"shoot {k}" for k in range(1, 6))
PRIMITIVES = (*MOVES, *PUSHES, "stop", "toggle", "breadcrumb", *SHOTS)


class MazeState(NamedTuple):
    """A batch of n mazes of T tiles. A *place* is a tile's number, ``y * width + x``; -1 if there is no such item."""

    level: Tensor
    """Number of the generated terrain: int64 ``(n,)``"""
    difficulty: Tensor
    """In tenths: int64 ``(n,)``"""
    game: Tensor
    """Index of the game: int64 ``(n,)``"""
    terrain: Tensor
    """FLOOR, WATER, BLOCK or OUTSIDE (of a map smaller than the largest): uint8 ``(n, T)``"""
    agent: Tensor
    """Places: int64 ``(n, agents)``"""
    npc: Tensor
    """Places: int64 ``(n, npcs)``"""
    box: Tensor
    """Places: int64 ``(n, boxes)``"""
    goal: Tensor
    """Places: int64 ``(n, goals)``"""
    shown: Tensor
    """Whether the goal is on the map: bool ``(n, goals)``"""
    visited: Tensor
    """Bool ``(n, goals)``"""
    switch: Tensor
    """Places: int64 ``(n, switches)``"""
    colour: Tensor
    """Of the switches: int64 ``(n, switches)``"""
    door: Tensor
    """Places: int64 ``(n, doors)``"""
    open: Tensor
    """Whether the door lets through: bool ``(n, doors)``"""
    crumbs: Tensor
    """Breadcrumbs: bool ``(n, T)``, or ``(n, 0)`` where there are none"""
    task: Tensor
    """What the game asks for, as the game defines it: int64 ``(n, K)``"""
    enemy: Tensor
    """Places: int64 ``(n, enemies)``"""
    health: Tensor
    """Of agents, then enemies; 0 is dead, and off the map: int64 ``(n, agents + enemies)``, or ``(n, 0)``"""
    cooldown: Tensor
    """Steps until the next shot, likewise"""
    rules: Tensor
    """RULES of combat: float32 ``(n, 5)``, or ``(n, 0)``"""
