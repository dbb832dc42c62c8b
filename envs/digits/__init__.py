"""Worlds of two handwritten digits: moved over a grid by actions, or bouncing by themselves."""

from .data import DigitSet, load
from .grid import DigitsGrid, DigitsGridState
from .moving import DigitsMoving, DigitsMovingState, Videos, videos

__all__ = [
    "DigitSet",
    "DigitsGrid",
    "DigitsGridState",
    "DigitsMoving",
    "DigitsMovingState",
    "Videos",
    "load",
    "videos",
]
