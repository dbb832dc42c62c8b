"""Objects to be grasped, and the worlds that they lie in."""

from .objects import CATEGORIES, NOVEL, PARAMETERS, TRAINING, Instance, instances, make
from .solids import Solid

__all__ = ["CATEGORIES", "NOVEL", "PARAMETERS", "TRAINING", "Instance", "Solid", "instances", "make"]
