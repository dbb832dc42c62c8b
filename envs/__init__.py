"""Worlds: batched simulators that state their factors, behind Gymnasium's interfaces.

Importing this package registers its ids: ``gymnasium.make("unbraid/Maze-v0")`` then works, and
``gymnasium.make_vec("unbraid/Maze-v0", num_envs=1024)`` gives the native batch.
"""

from . import catalogue as catalogue
from .core import Factor, Factored, World, put, take
from .curriculum import Curriculum
from .factored import FactoredEnv, rendered
from .registration import find_spec, import_module_of, make_factored, make_single, register_world
from .rollout import Rollout
from .single import WorldEnv
from .streams import Streams
from .vector import WorldVectorEnv

__all__ = [
    "Curriculum",
    "Factor",
    "Factored",
    "FactoredEnv",
    "Rollout",
    "Streams",
    "World",
    "WorldEnv",
    "WorldVectorEnv",
    "find_spec",
    "import_module_of",
    "make_factored",
    "make_single",
    "put",
    "register_world",
    "rendered",
    "take",
]
