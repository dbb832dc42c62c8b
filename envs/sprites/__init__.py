"""Worlds of sprites: dSprites and its coloured, crowded and moving relatives, blobs, and game characters."""

from .dsprites import DSprites, factor_grid, factors_at, index_of, overlap, read_dsprites
from .world import Sprites

__all__ = ["DSprites", "Sprites", "factor_grid", "factors_at", "index_of", "overlap", "read_dsprites"]
