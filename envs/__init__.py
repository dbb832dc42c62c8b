"""Worlds: batched simulators that state their factors, behind Gymnasium's interfaces.

Importing this package registers its ids: ``gymnasium.make("unbraid/Maze-v0")`` then works, and
``gymnasium.make_vec("unbraid/Maze-v0", num_envs=1024)`` gives the native batch.
"""

from .core import Factor, Factored, World, put, take
from .curriculum import Curriculum
from .registration import find_spec, import_module_of, make_factored, make_single, register_world
from .single import WorldEnv
from .streams import Streams
from .vector import WorldVectorEnv

__all__ = [
    "Curriculum",
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

_LAYOUT = (
    "........",
    ".#....#.",
    "...#....",
    "........",
    "....#...",
    ".#......",
    ".....#..",
    "........",
)
_OPEN = ("....",) * 4


def _register_maze(name: str, max_episode_steps: int = 100, **options: object) -> None:
    register_world(f"unbraid/Maze{name}-v0", "unbraid.envs.maze:Maze", max_episode_steps, **options)


_register_maze("", layout=_LAYOUT)
_register_maze("Redundant", layout=_LAYOUT, actions=("left", "right", "up", "down", "up", "down+left"))
_register_maze("Toggle", layout=_OPEN, switches=3, stop=True)
_register_maze("Macro", layout=_OPEN, switches=3, stop=True, macro_steps=3)
_register_maze("Goal", game="single_goal", layout=_LAYOUT)
_register_maze("SingleGoal", game="single_goal", size=(5, 10), blocks=(0, 0.2), water=(0, 0.2))
_register_maze("MultiGoals", game="multi_goals", size=(5, 10), blocks=(0, 0.2), water=(0, 0.2))
_register_maze("MultiGoalsAbsolute", game="multi_goals_absolute", size=(5, 10), blocks=(0, 0.2), water=(0, 0.2))
_register_maze("ConditionalGoals", game="conditional_goals", size=(5, 10), blocks=(0, 0.2), water=(0, 0.2))
_register_maze("Exclusion", game="exclusion", size=(5, 10), blocks=(0, 0.2), water=(0, 0.2))
_register_maze("Switches", game="switches", size=(5, 10), blocks=(0, 0.2), water=(0, 0.2))
_register_maze("LightKey", game="light_key", size=(5, 10), blocks=(0, 0.2), water=(0, 0.2))
_register_maze("Goto", game="goto", size=(5, 10), blocks=(0, 0.2), water=(0, 0.2), visible=(1, 0))
_register_maze("GotoCardinal", game="goto_cardinal", size=(5, 10), blocks=(0, 0.2), water=(0, 0.2))
_register_maze("GotoHidden", game="goto_hidden", size=(5, 10), blocks=(0, 0.2), water=(0, 0.2), visible=(1, 0))
_register_maze("GotoSwitch", game="goto_switch", size=(5, 10), blocks=(0, 0.2), water=(0, 0.2), colours=5)
_register_maze("PushBlock", game="push_block", size=(3, 7), blocks=(0, 0.1), water=(0, 0.1))
_register_maze("PushBlockCardinal", game="push_block_cardinal", size=(3, 7), blocks=(0, 0.1), water=(0, 0.1))
_register_maze("BlockedDoor", game="blocked_door", size=(5, 7), blocks=(0, 0.1), water=(0, 0.1))
_register_maze("Combat", game="combat", size=(5, 10), blocks=(0, 0.2), agents=2, enemies=(1, 3))
_register_maze("Mixture", game="mixture", size=(5, 10), blocks=(0, 0.2), water=(0, 0.2), visible=(1, 0))
