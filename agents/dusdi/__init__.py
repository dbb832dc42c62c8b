"""Disentangled unsupervised skill discovery, to compare with (DUSDi: Hu et al. 2024, arXiv:2410.11251)."""

from .._skill_trials import evaluate, rollouts
from .model import Config, DUSDi, build, data

__all__ = ["Config", "DUSDi", "build", "data", "evaluate", "rollouts"]
