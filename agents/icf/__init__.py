"""Independently controllable factors, the discrete form (Thomas et al. 2018, arXiv:1802.09484, appendix B.1)."""

from .evaluate import evaluate, rollouts
from .losses import selectivity
from .model import ICF, Config, build, data
from .plan import plan, reach

__all__ = ["ICF", "Config", "build", "data", "evaluate", "plan", "reach", "rollouts", "selectivity"]
