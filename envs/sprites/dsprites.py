"""dSprites as a table: its grid of factors in its own order, its file, and how our pictures compare.

dSprites (Matthey et al. 2017, https://github.com/deepmind/dsprites-dataset) holds every combination of shape, scale,
orientation, x and y once, 3 x 6 x 40 x 32 x 32 = 737,280 images, y varying fastest.
"""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core import to_numpy
from .folder import find_data
from .properties import properties
from .world import Sprites

FILE = "dsprites/dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
COLUMNS = ("color", "shape", "scale", "orientation", "posX", "posY")

_PROPERTIES = properties("white")
SIZES = tuple(held.size for held in _PROPERTIES)
"""Values of shape, scale, orientation, x and y."""
COUNT = math.prod(SIZES)


class DSprites(NamedTuple):
    """What a dSprites file holds; the columns are `COLUMNS`."""

    images: NDArray[np.uint8]
    """0 or 1, ``(n, 64, 64)``"""
    values: NDArray[np.float64]
    """``(n, 6)``; colour is 1, and shapes are 1, 2 and 3"""
    classes: NDArray[np.int64]
    """Each value's index in its factor's grid, ``(n, 6)``"""


def factors_at(index: Tensor) -> Tensor:
    """The factors of images of dSprites, as `Sprites` takes them.

    Args:
        index: int64 ``(n,)``, 0 .. 737,279.

    Returns:
        float32 ``(n, 5)``: shape, scale, orientation, x, y.

    Raises:
        ValueError: An index outside of the grid.
    """
    bad = (index < 0) | (index >= COUNT)
    if bool(bad.any()):
        raise ValueError(f"index must be 0 .. {COUNT - 1}, not {int(index[bad][0])}")
    places = torch.unravel_index(index, SIZES)
    columns = [held.values.to(index.device)[place] for held, place in zip(_PROPERTIES, places, strict=True)]
    return torch.stack(columns, 1)


def index_of(factors: Tensor) -> Tensor:
    """Where in dSprites the image with these factors is: int64 ``(n,)`` from float32 ``(n, 5)``.

    Raises:
        ValueError: A value that isn't in the grid.
    """
    index = torch.zeros(len(factors), dtype=torch.int64, device=factors.device)
    for held, column in zip(_PROPERTIES, factors.double().unbind(1), strict=True):
        held.factor("agent", True).check(column.float())
        place = (column - held.low) * (held.size - 1) / (held.high - held.low)
        index = index * held.size + place.round().long()
    return index


def factor_grid() -> Tensor:
    """The factors of all of dSprites in its order: float32 ``(737280, 5)``."""
    return factors_at(torch.arange(COUNT))


def read_dsprites(path: str | Path | None = None) -> DSprites:
    """Read a dSprites file; nothing in it is executed, its pickled metadata is left alone.

    The real file needs 3 GB of memory. A part of it in the same format will do, if it is a full grid.

    Args:
        path: The ``.npz`` file; None for ``UNBRAID_DATA/dsprites/dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz``.

    Raises:
        ValueError: No such file, no such format, or images that aren't in the order of dSprites.
    """
    place = find_data(path, FILE, "the dSprites file")
    wanted = ("imgs", "latents_values", "latents_classes")
    try:
        with np.load(place, allow_pickle=False) as file:
            images, values, classes = (file[name] for name in wanted)
    except (KeyError, OSError, ValueError, zipfile.BadZipFile, AttributeError, TypeError) as error:
        raise ValueError(
            f"{place} is no dSprites file: it must be an .npz with {', '.join(wanted)} ({error})"
        ) from None
    found = DSprites(images, values, classes)
    _check(found, place)
    return found


def _check(found: DSprites, place: Path) -> None:
    n = len(found.images)
    shapes = [part.shape for part in found]
    if shapes != [(n, 64, 64), (n, 6), (n, 6)]:
        raise ValueError(f"{place}: images and latents must be (n, 64, 64), (n, 6), (n, 6), not {shapes}")
    sizes = found.classes.max(0) + 1
    if np.prod(sizes) != n or not np.array_equal(found.classes, np.indices(sizes).reshape(6, -1).T):
        raise ValueError(f"{place}: latents_classes must be a grid of {', '.join(COLUMNS)}, the last varying fastest")
    if (np.lexsort(found.values.T[::-1]) != np.arange(n)).any():
        raise ValueError(f"{place}: latents_values must grow with latents_classes, in the order {', '.join(COLUMNS)}")


def overlap(data: DSprites, chunk: int = 4096) -> NDArray[np.float64]:
    """How alike the file's sprites and ours are: intersection over union, ``(n,)``; its mean is the mean IoU.

    Args:
        data: From `read_dsprites`.
        chunk: Images drawn at a time.

    Raises:
        ValueError: Values that `Sprites` doesn't take.
    """
    world = Sprites()
    found = []
    for start in range(0, len(data.images), chunk):
        rows = slice(start, start + chunk)
        factors = torch.from_numpy(data.values[rows, 1:]).float() - torch.tensor([1.0, 0, 0, 0, 0])
        ours = to_numpy(world.observe(world.set_factors(factors)))[..., 0] > 0
        theirs = data.images[rows] > 0
        found.append((ours & theirs).sum((1, 2)) / (ours | theirs).sum((1, 2)))
    return np.concatenate(found)
