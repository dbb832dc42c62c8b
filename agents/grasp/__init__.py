"""What comes of a grasp, foretold from one view, and a search for a better one (Yan et al. 2017)."""

from .evaluate import evaluate
from .model import Config, GraspNet, build, data
from .plan import plan

__all__ = ["Config", "GraspNet", "build", "data", "evaluate", "plan"]
