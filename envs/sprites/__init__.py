"""Worlds of sprites: dSprites and its coloured, crowded and moving relatives, blobs, and game characters."""

from .blob import Blob
from .characters import Characters
from .dsprites import DSprites, factor_grid, factors_at, index_of, overlap, read_dsprites
from .motion import Motion, videos
from .triangle import SquareEllipseTriangle
from .world import Sprites

__all__ = [
    "Blob",
    "Characters",
    "DSprites",
    "Motion",
    "Sprites",
    "SquareEllipseTriangle",
    "factor_grid",
    "factors_at",
    "index_of",
    "overlap",
    "read_dsprites",
    "videos",
]
