"""Dynamics apart from content: codes to control and plan with, from pixels (Banijamali et al. 2018)."""

from .evaluate import evaluate
from .model import Config, DynamicsContent, build, data
from .plan import plan
from .settle import settle

__all__ = ["Config", "DynamicsContent", "build", "data", "evaluate", "plan", "settle"]
