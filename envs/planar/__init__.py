"""Systems in the plane for control from pixels: navigation between obstacles, and poles that want to fall."""

from .data import Pairs, Transitions, pairs, transitions
from .drawing import CONTENTS, Content
from .navigation import Planar, PlanarState

__all__ = ["CONTENTS", "Content", "Pairs", "Planar", "PlanarState", "Transitions", "pairs", "transitions"]
