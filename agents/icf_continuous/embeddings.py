"""Where factors lie: what the generator's outputs are squashed onto (arXiv:1802.09484, appendix A.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import normalize


class Embedding(NamedTuple):
    """A surface or body in K dimensions, and how many numbers a network says beyond K."""

    place: Callable[[Tensor], Tensor]
    """``(..., K + extra)`` to factors ``(..., K)``."""
    extra: int = 0


def _sphere(x: Tensor) -> Tensor:
    return normalize(x, dim=-1)


def _simplex(x: Tensor) -> Tensor:
    return x.softmax(-1)


def _signed_simplex(x: Tensor) -> Tensor:
    return x[..., :-1].softmax(-1) * x[..., -1:].tanh()


EMBEDDINGS = {
    "hypercube": Embedding(Tensor.tanh),
    "hypersphere": Embedding(_sphere),
    "simplex": Embedding(_simplex),
    "signed_simplex": Embedding(_signed_simplex, 1),
}
"""Within -1 .. 1 along each latent; of length 1; positive with a sum of 1; and that times a number in -1 .. 1."""
