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

register_world("unbraid/Maze-v0", "unbraid.envs.maze:Maze", max_episode_steps=100)
register_world("unbraid/MazeGoal-v0", "unbraid.envs.maze:Maze", max_episode_steps=100, goal=True)
register_world("unbraid/MazeSwitch-v0", "unbraid.envs.maze:Maze", max_episode_steps=200, goal=True, switch=True)
_SPRITES = "unbraid.envs.sprites.world:Sprites"
_MANY = {"sprites": 4, "colour": "rgb", "antialiased": True, "optional": True, "half_size": True}
_TASK = {"sprites": 3, "colour": "palette", "antialiased": True, "half_size": True, "stride": 4}
register_world("unbraid/Sprites-v0", _SPRITES, max_episode_steps=100)
register_world("unbraid/SpritesMulti-v0", _SPRITES, max_episode_steps=100, **_MANY)
register_world("unbraid/SpritesGoal-v0", _SPRITES, max_episode_steps=100, task="goal", **_TASK)
register_world("unbraid/SpritesSort-v0", _SPRITES, max_episode_steps=100, task="sort", **_TASK)
register_world("unbraid/SpritesCluster-v0", _SPRITES, max_episode_steps=100, task="cluster", **_TASK)
register_world("unbraid/SpritesBlob-v0", "unbraid.envs.sprites.blob:Blob", max_episode_steps=100)
register_world("unbraid/SpritesMotion-v0", "unbraid.envs.sprites.motion:Motion", max_episode_steps=16)
register_world("unbraid/SpritesCharacters-v0", "unbraid.envs.sprites.characters:Characters", max_episode_steps=100)
