"""Diversity is all you need, to compare with (DIAYN: Eysenbach et al. 2018, arXiv:1802.06070)."""

from .._skill_trials import evaluate, rollouts
from .model import DIAYN, Config, build, data

__all__ = ["DIAYN", "Config", "build", "data", "evaluate", "rollouts"]
