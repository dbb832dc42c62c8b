"""A world as what interventional metrics draw from: its factors set at will, some of them held in groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..envs import Factor, make_factored
from ..errors import InputError

COPIES = 256


class WorldSampler:
    """States of a world with factors drawn independently and uniformly, as `metrics._groups.Sampler` asks for.

    Factors with a single value are left as they are. A world in which not every combination is possible refuses those
    with a `ValueError`: score states that occur in it instead, with the metrics of arrays. ::

        sampler = WorldSampler("unbraid/Sprites-v0")
        factor_vae.from_sampler(encode, sampler, rng, votes=800, votes_test=400)

    Args:
        env: An id, or ``"module:id"``.
        device: Where the observations are wanted.
        options: Options of the environment.

    Raises:
        InputError: No such environment, or none of its factors has two values.
    """

    def __init__(self, env: str, device: torch.device | str = "cpu", **options: Any) -> None:
        self.env = make_factored(env, COPIES, device, **options)
        self.env.reset(seed=0)
        self.varied = [k for k, factor in enumerate(self.env.factors) if factor.high > factor.low and factor.size != 1]
        if not self.varied:
            raise InputError(f"env {env!r} has no factor with two values; there is nothing to intervene on")

    @property
    def factors(self) -> int:
        """How many factors vary."""
        return len(self.varied)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the factors that vary."""
        return tuple(self.env.factors[k].name for k in self.varied)

    def draw(self, held: Sequence[bool], groups: int, size: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Observations ``(groups * size, ...)`` and the varied factors' values, float32 ``(groups * size, K)``."""
        columns = []
        for k, same in zip(self.varied, held, strict=True):
            values = _values(self.env.factors[k], (groups, 1 if same else size), rng)
            columns.append(np.broadcast_to(values, (groups, size)).reshape(-1))
        factors = torch.from_numpy(np.stack(columns, 1)).float()
        return self._observe(factors), factors

    def _observe(self, factors: Tensor) -> Tensor:
        """Some states at a time; the last round is filled up with the first of its states."""
        seen = []
        for part in factors.split(COPIES):
            values = self.env.get_factors().cpu().clone()
            values[:, self.varied] = torch.cat([part, part[:1].expand(COPIES - len(part), -1)])
            self.env.set_factors(values)
            seen.append(self.env.observe()[: len(part)])
        return torch.cat(seen)


def _values(factor: Factor, shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    if factor.size is None:
        return rng.uniform(factor.low, factor.high, shape)
    return factor.low + rng.integers(factor.size, size=shape) * (factor.high - factor.low) / (factor.size - 1)
