"""Dynamics of codes: locally linear, forwards and backwards; a mechanism's, with bounds or without; or of no form."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...representation.networks import mlp

FINE = 0.1
"""What a unit of a mechanism's network counts: its accelerations are small, and Adam's steps are of one size."""
SHARP = 8.0
"""How abrupt a bound is: by a share of about 1 / SHARP of it, speeds are held back before."""


class Local(NamedTuple):
    """Dynamics around some codes: ``z' = A z + B u + c`` (equation 2)."""

    a: Tensor
    """``(B, K, K)``"""
    b: Tensor
    """``(B, K, A)``"""
    c: Tensor
    """``(B, K)``"""
    bend: Tensor
    """What they differ in from the first dynamics: ``(B, K (K + A + 1))``, or a mechanism's coefficients."""

    def next(self, z: Tensor, action: Tensor) -> Tensor:
        """z', ``(B, K)``."""
        return _times(self.a, z) + _times(self.b, action) + self.c

    def around(self, z: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """A and B, everywhere the same: ``(B, K, K)``, ``(B, K, A)``."""
        del z, action
        return self.a, self.b

    def back(self, after: Tensor, action: Tensor) -> Tensor:
        """The z that leads to z': ``(B, K)``."""
        before: Tensor = torch.linalg.solve(self.a, after - _times(self.b, action) - self.c)
        return before

    @property
    def stretch(self) -> Tensor:
        """``log |det A|``, ``(B,)``."""
        logarithm: Tensor = torch.linalg.slogdet(self.a)[1]
        return logarithm


class Stopped(NamedTuple):
    """Dynamics around some codes of two frames, ``(p, v)``, in which v is bounded along M ways."""

    free: Local
    ways: Tensor
    """Speeds along them are bounded by 1: ``(B, M, K / 2)``."""
    taken: Tensor
    """What a speed above 1 takes from z', a unit of it: ``(B, K, M)``."""

    @property
    def bend(self) -> Tensor:
        """That of what would be without bounds."""
        return self.free.bend

    def next(self, z: Tensor, action: Tensor) -> Tensor:
        """z', ``(B, K)``."""
        free = self.free.next(z, action)
        speed = self._along(free)
        above = functional.softplus(SHARP * (speed - 1)) - functional.softplus(-SHARP * (speed + 1))
        return free - _times(self.taken, above / SHARP)

    def around(self, z: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """A and B of dynamics that are linear around z and the action: ``(B, K, K)``, ``(B, K, A)``."""
        speed = self._along(self.free.next(z, action))
        slope = torch.sigmoid(SHARP * (speed - 1)) + torch.sigmoid(-SHARP * (speed + 1))
        held = functional.pad((self.taken * slope[:, None]) @ self.ways, (self.ways.shape[2], 0))
        return self.free.a - held @ self.free.a, self.free.b - held @ self.free.b

    def _along(self, free: Tensor) -> Tensor:
        return _times(self.ways, free.chunk(2, 1)[1])


class Transition(nn.Module):
    """A network from a code to the dynamics around it; at first ``z' = z + B u`` everywhere, with a B of its own.

    Args:
        latents: K.
        actions: A.
        hidden: Units of its two layers.
    """

    still: Tensor

    def __init__(self, latents: int, actions: int, hidden: int) -> None:
        super().__init__()
        self.latents, self.actions = latents, actions
        self.register_buffer("still", torch.eye(latents), persistent=False)
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


class Mechanism(Transition):
    """The dynamics of codes of two frames, ``(p, v)``, where the system is and by how much that changed since.

    It goes on as it goes, but for a change that is quadratic in v, as a mechanism's accelerations are in its speeds
    (``M(q) q'' + C(q, q') q' + g(q) = B u``, C linear in q'), with coefficients that a network reads from p. Few states
    of a recording are slow and near to a goal; so all that are near tell of it, whatever their speeds. A is no
    derivative: what p changes, as gravity does, is in c.

    Args:
        latents: K, even.
        actions: A.
        hidden: Units of the network's two layers.
    """

    def __init__(self, latents: int, actions: int, hidden: int) -> None:
        super().__init__(latents, actions, hidden)
        half = latents // 2
        self.still += torch.eye(latents).roll(half, 1).triu()
        self.bend = mlp(half, latents * (half * half + half + actions + 1), hidden)

    def forward(self, z: Tensor) -> Local:
        """The dynamics around z, ``(B, K)``."""
        place, speed = z.chunk(2, 1)
        half = speed.shape[1]
        bend = FINE * self.bend(place)
        rows = bend.view(len(z), self.latents, -1)
        twice, once, b, c = rows.split([half * half, half, self.actions, 1], 2)
        faster = once + _times(twice.unflatten(2, (half, half)), speed[:, None])
        return Local(self.still + functional.pad(faster, (half, 0)), self.push + b, c[..., 0], bend)


class Bounded(Mechanism):
    """A mechanism whose speeds end somewhere, and which joints stop at their ends.

    What it would do goes on as a `Mechanism`, but where v' is beyond a bound, along ways that a network reads from p,
    that much is taken from v', and from p' what it would have moved. No quadratic function says so, and a planner that
    doesn't know of bounds reckons with swings that don't happen.

    Args:
        latents: K, even.
        actions: A.
        hidden: Units of the networks' two layers.
    """

    unit: Tensor

    def __init__(self, latents: int, actions: int, hidden: int) -> None:
        super().__init__(latents, actions, hidden)
        half = latents // 2
        self.stops = mlp(half, 3 * half * half, hidden)
        self.register_buffer("unit", torch.zeros(()))

    def bound(self, speeds: Tensor) -> None:
        """Begin with bounds at the deviation of speeds ``(n, K / 2)``; until then there are none."""
        last = self.stops[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        self.unit.copy_(speeds.std())

    def forward(self, z: Tensor) -> Local | Stopped:  # type: ignore[override]
        """The dynamics around z, ``(B, K)``."""
        free = super().forward(z)
        if not self.unit:
            return free
        half = self.latents // 2
        one = torch.eye(half, device=z.device)
        ways, back, less = (FINE * self.stops(z[:, :half])).view(-1, 3, half, half).unbind(1)
        return Stopped(free, (one + ways) / self.unit, self.unit * torch.cat([one / 2 + back, one + less], 1))


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
