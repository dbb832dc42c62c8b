"""Random play without end, the fastest way from a world to images; on a GPU as one recorded graph."""

from __future__ import annotations

from typing import Any, cast

import torch
from gymnasium import spaces
from torch import Tensor

from .core import Observation, World
from .streams import Streams


class Rollout:
    """``n`` copies of a world under uniformly random actions. Episodes do not end; `reset` begins them anew.

    Args:
        world: Any world with Discrete, MultiDiscrete or bounded Box actions.
        n: How many copies.
        seed: Copy i draws from the stream of ``seed + i``.
        fused: Compile a step, its actions and the observation into one program (torch.compile; on a GPU recorded as
            a CUDA graph). It gives the same numbers (a world that computes in floats: up to their rounding, which
            is the compiler's), takes half a minute to build, and on a CPU is no faster.

    Raises:
        ValueError: Other actions.
    """

    def __init__(self, world: World[Any], n: int, seed: int = 0, fused: bool = False) -> None:
        self.world, self.n = world, n
        self._rng = Streams(range(seed, seed + n), world.device)
        if not isinstance(world.action_space, (spaces.Discrete, spaces.MultiDiscrete, spaces.Box)):
            raise ValueError(f"random play needs Discrete, MultiDiscrete or Box actions, not {world.action_space}")
        mode = "reduce-overhead" if world.device.type == "cuda" else "default"
        self._turn = torch.compile(self._play, fullgraph=True, mode=mode) if fused else self._play
        self.reset()

    def reset(self) -> None:
        """Fresh states."""
        self.state = self.world.reset(self.n, self._rng)

    def step(self) -> Observation:
        """One step of every copy, and what is seen then; fused on a GPU, clone what is to outlast the next step."""
        self.state, self._rng.counters, seen = self._turn(self.state, self._rng.keys, self._rng.counters)
        return seen

    def _play(self, state: Any, keys: Tensor, counters: Tensor) -> tuple[Any, Tensor, Observation]:
        rng = Streams((), keys.device)
        rng.keys, rng.counters = keys, counters
        state, _, _ = self.world.step(state, self._actions(rng), rng)
        return state, rng.counters, self.world.observe(state)

    def _actions(self, rng: Streams) -> Tensor:
        space = self.world.action_space
        if isinstance(space, spaces.Box):
            low, high = (torch.as_tensor(bound, device=rng.keys.device) for bound in (space.low, space.high))
            chance = rng.uniform(low.numel()).view(-1, *low.shape)
            return low + (high - low) * chance
        counted = cast(spaces.Discrete | spaces.MultiDiscrete, space)
        if isinstance(counted, spaces.Discrete):
            return rng.integers(int(counted.n))[:, 0] + int(counted.start)
        return torch.cat([rng.integers(int(count)) for count in counted.nvec], 1)
