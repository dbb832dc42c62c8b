"""Independently controllable factors, the continuous form (Thomas et al. 2018, arXiv:1802.09484)."""

from .evaluate import Behaviour, Variations, behaviour, evaluate, variations
from .model import Config, ContinuousICF, build, data
from .plan import plan

__all__ = [
    "Behaviour", "Config", "ContinuousICF", "Variations",
    "behaviour", "build", "data", "evaluate", "plan", "variations",
]  # fmt: skip
