"""Systems in the plane for control from pixels: navigation between obstacles, and poles that want to fall."""

from .cartpole import CartPole
from .data import Pairs, Transitions, pairs, transitions
from .drawing import CONTENTS, Content
from .navigation import Planar, PlanarState
from .pendulum import Pendulum
from .poles import Poles, PolesState
from .three_link import ThreeLink

__all__ = [
    "CONTENTS",
    "CartPole",
    "Content",
    "Pairs",
    "Pendulum",
    "Planar",
    "PlanarState",
    "Poles",
    "PolesState",
    "ThreeLink",
    "Transitions",
    "pairs",
    "transitions",
]
