"""Grid mazes in the manner of MazeBase: terrain, items, games, views, and an expert."""

from .settings import Settings
from .state import MazeState
from .words import VOCABULARY, words_of
from .world import Maze

__all__ = ["VOCABULARY", "Maze", "MazeState", "Settings", "words_of"]
