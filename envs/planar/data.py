"""Samples of the planar system for representation learning: transitions, and one state in two renderings."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from ..streams import Streams
from .navigation import MAX_MOVE, Planar


class Transitions(NamedTuple):
    """Independent triples (x, u, x'), and the factors behind them."""

    images: Tensor
    """uint8 ``(n, 40, 40, C)``"""
    actions: Tensor
    """float32 ``(n, 2)``, px"""
    next_images: Tensor
    """uint8 ``(n, 40, 40, C)``"""
    factors: Tensor
    """float32 ``(n, K)``"""
    next_factors: Tensor
    """float32 ``(n, K)``"""


class Pairs(NamedTuple):
    """The same states in two renderings."""

    first: Tensor
    """uint8 ``(n, 40, 40, C)``"""
    second: Tensor
    """uint8 ``(n, 40, 40, C)``"""
    factors: Tensor
    """float32 ``(n, K)``"""


def transitions(world: Planar, n: int, rng: Streams) -> Transitions:
    """``n`` transitions: a fresh state, an action uniform in +-3 px along each axis, what it leads to.

    Peers learn from 8,000 such triples of rendering X, and Banijamali et al. from 2,000 images of rendering Y beside.
    """
    state = world.reset(n, rng)
    actions = MAX_MOVE * (2 * rng.uniform(2) - 1)
    after, _, _ = world.step(state, actions, rng)
    seen = world.observe(state), actions, world.observe(after)
    return Transitions(*seen, world.get_factors(state), world.get_factors(after))


def pairs(first: Planar, second: Planar, n: int, rng: Streams) -> Pairs:
    """``n`` fresh states of ``first``, as both worlds show them.

    Args:
        first: A world of one content.
        second: A world that is the same but for its content, also one.
        n: How many.
        rng: One stream per pair.

    Raises:
        ValueError: Worlds of several contents.
    """
    for world in (first, second):
        if len(world.contents) > 1:
            raise ValueError(f"pairs needs worlds of one content each, not {', '.join(world.contents)}")
    state = first.reset(n, rng)
    return Pairs(first.observe(state), second.observe(state), first.get_factors(state))
