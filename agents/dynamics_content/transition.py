"""Dynamics of codes: locally linear, forwards and backwards, or of no form."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...representation.networks import mlp


class Local(NamedTuple):
    """Dynamics around some codes: ``z' = A z + B u + c`` (equation 2)."""

    a: Tensor
    """``(B, K, K)``"""
    b: Tensor
    """``(B, K, A)``"""
    c: Tensor
    """``(B, K)``"""
    bend: Tensor
    """What they differ in from the first dynamics: ``(B, K (K + A + 1))``."""

    def next(self, z: Tensor, action: Tensor) -> Tensor:
        """z', ``(B, K)``."""
        return _times(self.a, z) + _times(self.b, action) + self.c

    def back(self, after: Tensor, action: Tensor) -> Tensor:
        """The z that leads to z': ``(B, K)``."""
        before: Tensor = torch.linalg.solve(self.a, after - _times(self.b, action) - self.c)
        return before

    @property
    def stretch(self) -> Tensor:
        """``log |det A|``, ``(B,)``."""
        logarithm: Tensor = torch.linalg.slogdet(self.a)[1]
        return logarithm


class Transition(nn.Module):
    """A network from a code to the dynamics around it; at first ``z' = z + B u`` everywhere, with a B of its own.

    Of codes of two frames, whose second half is what the first changed by, it is ``z' = A z + B u`` at first, with the
    A that goes on as it goes.

    Args:
        latents: K.
        actions: A.
        hidden: Units of its two layers.
        frames: That a code is of, 1 or 2.
    """

    still: Tensor

    def __init__(self, latents: int, actions: int, hidden: int, frames: int = 1) -> None:
        super().__init__()
        self.latents, self.actions = latents, actions
        self.register_buffer("still", torch.eye(latents), persistent=False)
        if frames == 2:
            self.still += torch.eye(latents).roll(latents // 2, 1).triu()
        self.bend = mlp(latents, latents * (latents + actions + 1), hidden)
        self.push = nn.Parameter(torch.zeros(latents, actions))

    def begin(self, generator: torch.Generator) -> None:
        """The first dynamics: the columns of B, or its rows, orthogonal and of length 1/2."""
        last = self.bend[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.orthogonal_(self.push, 0.5, generator)

    def forward(self, z: Tensor) -> Local:
        """The dynamics around z, ``(B, K)``."""
        bend = self.bend(z)
        k, actions = self.latents, self.actions
        a, b, c = bend.split([k * k, k * actions, k], 1)
        return Local(self.still + a.view(-1, k, k), self.push + b.view(-1, k, actions), c, bend)


class Free(nn.Module):
    """Dynamics of no form, ``z' = z + f(z, u)``, one function for all codes.

    Args:
        latents: K.
        actions: A.
        hidden: Units of its two layers.
    """

    def __init__(self, latents: int, actions: int, hidden: int) -> None:
        super().__init__()
        self.change = mlp(latents + actions, latents, hidden)

    def forward(self, z: Tensor) -> Free:
        """The dynamics around z, which are those anywhere."""
        del z
        return self

    def next(self, z: Tensor, action: Tensor) -> Tensor:
        """z', ``(B, K)``."""
        after: Tensor = z + self.change(torch.cat([z, action], 1))
        return after


def _times(matrix: Tensor, vector: Tensor) -> Tensor:
    return (matrix @ vector[..., None])[..., 0]
