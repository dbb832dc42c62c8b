"""Encoders and decoders, a pair to a file; the file's name is the network's name.

Each offers ``encoder(shape, outputs)``, a module from images ``(B, C, H, W)`` in [0, 1] to ``(B, outputs)``, and
``decoder(latents, shape)``, one from codes ``(B, latents)`` to what a likelihood reads, ``(B, C, H, W)``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import nn

from ... import lookup
from ._parts import ImageShape, as_made, initialise, mlp, to_floats, to_images

__all__ = ["ImageShape", "Network", "as_made", "initialise", "mlp", "names", "network", "to_floats", "to_images"]

PACKAGE = "representation.networks"


class Network(NamedTuple):
    """An encoder and the decoder that goes with it."""

    encoder: Callable[[ImageShape, int], nn.Module]
    decoder: Callable[[int, ImageShape], nn.Module]


def names() -> list[str]:
    """All networks."""
    return lookup.names(PACKAGE)


def network(name: str) -> Network:
    """The pair of that name, ours or a user's ``module:name``, which keeps the weights that it is made with.

    Raises:
        UnknownNameError: There is none.
    """
    module = lookup.load(PACKAGE, name, "network")
    if ":" not in name:
        return Network(module.encoder, module.decoder)
    return Network(
        lambda shape, outputs: as_made(module.encoder(shape, outputs)),
        lambda latents, shape: as_made(module.decoder(latents, shape)),
    )
