"""Worlds: batched simulators that state their factors, behind Gymnasium's interfaces.

Importing this package registers its ids: ``gymnasium.make("unbraid/Maze-v0")`` then works, and
``gymnasium.make_vec("unbraid/Maze-v0", num_envs=1024)`` gives the native batch.
"""

from .core import Factor, Factored, World, put, take
from .registration import find_spec, import_module_of, make_factored, make_single, register_world
from .single import WorldEnv
from .streams import Streams
from .vector import WorldVectorEnv

__all__ = [
    "Factor",
    "Factored",
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
    "take",
]

register_world("unbraid/DigitsGrid-v0", "unbraid.envs.digits:DigitsGrid", max_episode_steps=100)
register_world("unbraid/DigitsMoving-v0", "unbraid.envs.digits:DigitsMoving", max_episode_steps=100)
register_world("unbraid/Maze-v0", "unbraid.envs.maze:Maze", max_episode_steps=100)
register_world("unbraid/MazeGoal-v0", "unbraid.envs.maze:Maze", max_episode_steps=100, goal=True)
register_world("unbraid/MazeSwitch-v0", "unbraid.envs.maze:Maze", max_episode_steps=200, goal=True, switch=True)
register_world("unbraid/Planar-v0", "unbraid.envs.planar:Planar", max_episode_steps=100)
register_world("unbraid/PlanarGoal-v0", "unbraid.envs.planar:Planar", max_episode_steps=40, goal=True)
register_world("unbraid/PlanarPendulum-v0", "unbraid.envs.planar:Pendulum", max_episode_steps=200)
register_world("unbraid/PlanarSwingUp-v0", "unbraid.envs.planar:Pendulum", max_episode_steps=400, task="swing_up")
register_world("unbraid/PlanarCartPole-v0", "unbraid.envs.planar:CartPole", max_episode_steps=50)
register_world("unbraid/PlanarThreeLink-v0", "unbraid.envs.planar:ThreeLink", max_episode_steps=400)
