"""The maze's games, one file each; the file's name is the game's.

A game's module offers ``GAME``, an instance of a `Game`.
"""

from ._game import Coordinates, Game, Sentence, load, say

__all__ = ["Coordinates", "Game", "Sentence", "load", "say"]
