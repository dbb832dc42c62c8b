"""All ids of ours; importing this registers them."""

from __future__ import annotations

import gymnasium

from .registration import register_world

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
_ROOMS = (
    "##########",
    "#...######",
    "#...######",
    "#....#####",
    "#....|...#",
    "#....|...#",
    "#....|...#",
    "######...#",
    "######...#",
    "##########",
)


def _register_maze(name: str, max_episode_steps: int = 100, **options: object) -> None:
    register_world(f"unbraid/Maze{name}-v0", "unbraid.envs.maze:Maze", max_episode_steps, **options)


_register_maze("", layout=_LAYOUT)
_register_maze("Redundant", layout=_LAYOUT, actions=("left", "right", "up", "down", "up", "down+left"))
_register_maze("Toggle", layout=_OPEN, switches=3, stop=True)
_register_maze("Macro", layout=_OPEN, switches=3, stop=True, macro_steps=3)
_register_maze("Distractor", game="rooms", layout=_ROOMS, npcs=1, pushing=True, stop=True)
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

_SPRITES = "unbraid.envs.sprites.world:Sprites"
_MANY = {"sprites": 4, "colour": "rgb", "antialiased": True, "optional": True, "half_size": True}
_TASK = {"sprites": 3, "colour": "palette", "antialiased": True, "half_size": True, "stride": 4}
register_world("unbraid/Sprites-v0", _SPRITES, max_episode_steps=100)
register_world("unbraid/SpritesMulti-v0", _SPRITES, max_episode_steps=100, **_MANY)
register_world("unbraid/SpritesGoal-v0", _SPRITES, max_episode_steps=100, task="goal", **_TASK)
register_world("unbraid/SpritesSort-v0", _SPRITES, max_episode_steps=100, task="sort", **_TASK)
register_world("unbraid/SpritesCluster-v0", _SPRITES, max_episode_steps=100, task="cluster", **_TASK)
register_world("unbraid/SpritesBlob-v0", "unbraid.envs.sprites.blob:Blob", max_episode_steps=100)
register_world("unbraid/SpritesTriangle-v0", "unbraid.envs.sprites:SquareEllipseTriangle", max_episode_steps=100)
register_world("unbraid/SpritesMotion-v0", "unbraid.envs.sprites.motion:Motion", max_episode_steps=16)
register_world("unbraid/SpritesCharacters-v0", "unbraid.envs.sprites.characters:Characters", max_episode_steps=100)

register_world("unbraid/DigitsGrid-v0", "unbraid.envs.digits:DigitsGrid", max_episode_steps=100)
register_world("unbraid/DigitsMoving-v0", "unbraid.envs.digits:DigitsMoving", max_episode_steps=100)
register_world("unbraid/Planar-v0", "unbraid.envs.planar:Planar", max_episode_steps=100)
register_world("unbraid/PlanarGoal-v0", "unbraid.envs.planar:Planar", max_episode_steps=40, goal=True)
register_world("unbraid/PlanarPendulum-v0", "unbraid.envs.planar:Pendulum", max_episode_steps=200)
register_world("unbraid/PlanarSwingUp-v0", "unbraid.envs.planar:Pendulum", max_episode_steps=400, task="swing_up")
register_world("unbraid/PlanarCartPole-v0", "unbraid.envs.planar:CartPole", max_episode_steps=50)
register_world("unbraid/PlanarThreeLink-v0", "unbraid.envs.planar:ThreeLink", max_episode_steps=400)

register_world("unbraid/Objects-v0", "unbraid.envs.grasp.still:Objects", max_episode_steps=100)

_GRASP = "unbraid.envs.grasp.world:Grasp"

gymnasium.register("unbraid/Grasp-v0", _GRASP)
gymnasium.register("unbraid/GraspSteps-v0", _GRASP, kwargs={"moves": True, "observation": "state"})
