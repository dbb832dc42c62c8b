"""Independently controllable factors, the discrete form (Thomas et al. 2018, arXiv:1802.09484, appendix B.1)."""

from .evaluate import evaluate, rollouts
from .losses import selectivity
from .model import ICF, Config, build, data
from .plan import plan, reach
from .predict import foretell, predict

__all__ = [
    "ICF",
    "Config",
    "build",
    "data",
    "evaluate",
    "foretell",
    "plan",
    "predict",
    "reach",
    "rollouts",
    "selectivity",
]
