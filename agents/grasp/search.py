"""Better grasps, by what a net says of them: the paper's search, and the cross-entropy method in full."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import InputError

Score = Callable[[Tensor, Tensor], Tensor]
"""From positions ``(B, G, 3)`` and axes ``(B, G, 3, 3)`` to how good they are, ``(B, G)``."""


@dataclass(frozen=True)
class Step:
    """One step of the paper's search: random directions in the six dimensions of a pose, and the best is taken.

    Args:
        directions: That are tried at once; the paper has 10.
        move: Standard deviation along each axis, m.
        turn: The same, rad.
    """

    directions: int = 10
    move: float = 0.01
    turn: float = 0.2

    def __post_init__(self) -> None:
        if self.directions < 1 or min(self.move, self.turn) < 0:
            raise InputError("directions must be at least 1, move and turn at least 0")

    def next(
        self, score: Score, position: Tensor, rotation: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """The best of B poses' neighbours: ``(B, 3)``, ``(B, 3, 3)``."""
        noise = torch.randn(len(position), self.directions, 6, generator=generator).to(position)
        moved = position[:, None] + self.move * noise[..., :3]
        turned = rotation[:, None] @ turns(self.turn * noise[..., 3:])
        return _best(score(moved, turned), moved, turned)


@dataclass(frozen=True)
class Search:
    """The cross-entropy method (Rubinstein 1999) around a pose: draws, keeps the best, and draws around those.

    Args:
        rounds: How often is drawn.
        samples: Poses a round.
        elites: That the next round is drawn around.
        move: Standard deviation along each axis at first, m.
        turn: The same, rad.
    """

    rounds: int = 8
    samples: int = 128
    elites: int = 12
    move: float = 0.03
    turn: float = 0.5

    def __post_init__(self) -> None:
        if min(self.rounds, self.samples, self.elites) < 1 or self.elites > self.samples:
            raise InputError("rounds, samples and elites must be at least 1, and elites at most samples")

    def find(
        self, score: Score, position: Tensor, rotation: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """The best pose that was drawn around each of B: ``(B, 3)``, ``(B, 3, 3)``."""
        count = len(position)
        mean = position.new_zeros(count, 6)
        deviation = position.new_tensor([self.move] * 3 + [self.turn] * 3).expand(count, 6)
        best = position, rotation, position.new_full((count,), -torch.inf)
        for _ in range(self.rounds):
            noise = torch.randn(count, self.samples, 6, generator=generator).to(position)
            drawn = mean[:, None] + deviation[:, None] * noise
            moved = position[:, None] + drawn[..., :3]
            turned = rotation[:, None] @ turns(drawn[..., 3:])
            scores = score(moved, turned)
            value, order = scores.topk(self.elites, dim=1)
            elites = drawn.gather(1, order[..., None].expand(-1, -1, 6))
            mean, deviation = elites.mean(1), elites.std(1, correction=0) + 1e-4
            here = _best(scores, moved, turned)
            better = value[:, 0] > best[2]
            best = (
                torch.where(better[:, None], here[0], best[0]),
                torch.where(better[:, None, None], here[1], best[1]),
                torch.where(better, value[:, 0], best[2]),
            )
        return best[:2]


def turns(vectors: Tensor) -> Tensor:
    """Rotations by vectors ``(..., 3)`` in rad: ``(..., 3, 3)``."""
    x, y, z = vectors.unbind(-1)
    nothing = torch.zeros_like(x)
    skew = torch.stack([nothing, -z, y, z, nothing, -x, -y, x, nothing], -1).view(*vectors.shape[:-1], 3, 3)
    found: Tensor = torch.linalg.matrix_exp(skew)
    return found


def _best(scores: Tensor, position: Tensor, rotation: Tensor) -> tuple[Tensor, Tensor]:
    rows = torch.arange(len(scores), device=scores.device)
    chosen = scores.argmax(1)
    return position[rows, chosen], rotation[rows, chosen]
