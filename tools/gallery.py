"""The gallery of worlds: a page with every registered world, its picture, factors, actions and options.

``python tools/gallery.py docs/images/worlds.png`` draws the README's picture of them.
"""

import inspect
import io
import itertools
import sys
from pathlib import Path

import griffe
import gymnasium
import numpy as np
from PIL import Image

from unbraid.envs import make_single
from unbraid.envs.registration import world_class

FRAMES = 6
SIDE_PX = 112
PAGE = "worlds.md"
HEAD = """# Worlds

Every world, as it is registered; this page and its pictures are drawn by the code that it describes. Each picture shows
three fresh states, then three of one more episode under random actions, five steps apart.
`gymnasium.make("unbraid/Maze-v0")` gives one, `gymnasium.make_vec("unbraid/Maze-v0", num_envs=1024)` a native batch.
Options go in by name: `gymnasium.make("unbraid/Maze-v0", image_size=32)`, or on the command line
`unbraid play unbraid.envs:unbraid/Maze-v0 --env-options image_size=32`.

What is simulated in PyBullet has [a page of its own](grasping.md).

"""


def pages():
    """All generated files: path below docs -> bytes."""
    specs = [spec for id, spec in gymnasium.registry.items() if id.startswith("unbraid/") and "world" in spec.kwargs]
    found, text = {}, HEAD
    for world, of_class in itertools.groupby(specs, key=lambda spec: spec.kwargs["world"]):
        kind = world_class(world)
        text += f"## {kind.__name__}\n\n{_summary(kind)}\n\n{_options(kind)}\n"
        for spec in of_class:
            entry, picture = _entry(spec)
            text += entry
            if picture is not None:
                found[_picture_path(spec)] = picture
    return found | {PAGE: text.encode()}


def _summary(kind):
    """The module's story, the class's, and that of its options, without the sections on arguments."""
    tellers = [inspect.getmodule(kind), *dict.fromkeys([kind, kind.options_class()])]
    return "\n\n".join(_sections(inspect.getdoc(teller) or "", "text") for teller in tellers)


def _sections(doc, wanted):
    parsed = griffe.Docstring(doc).parse("google", warnings=False)
    return "\n\n".join(section.value for section in parsed if section.kind.value == wanted)


def _options(kind):
    """A table of the options, from the signature and the docstring."""
    source = kind.options_class()
    parsed = griffe.Docstring(inspect.getdoc(source)).parse("google", warnings=False)
    told = {item.name: item.description for part in parsed if part.kind.value == "parameters" for item in part.value}
    rows = ["| option | default | |", "|---|---|---|"]
    for name in kind.option_names():
        parameter = inspect.signature(source).parameters[name]
        default = "" if parameter.default is parameter.empty else f"`{parameter.default!r}`"
        meaning = " ".join(told[name].split()).replace("|", "\\|")
        rows.append(f"| `{name}` | {default} | {meaning} |")
    return "\n".join(rows) + "\n"


def _entry(spec):
    """One world: its picture, how it is registered, what acts, what varies."""
    options = {name: value for name, value in spec.kwargs.items() if name != "world"}
    given = ", ".join(f"`{name}={value!r}`" for name, value in options.items()) or "no options"
    text = f"### {spec.id}\n\n"
    try:
        env = make_single(spec.id, render_mode="rgb_array")
    except ValueError as error:
        return text + f"Registered with {given}. No picture: {error}.\n\n", None
    world = env.unwrapped
    text += (
        f"![{spec.id}]({_picture_path(spec)})\n\nRegistered with {given}; episodes of {spec.max_episode_steps} steps. "
    )
    text += f"{_actions(world)} {_factors(world.factors)}\n\n"
    text += f"{world.world.rules}\n\n" if world.world.rules else ""
    return text, _strip(env)


def _actions(world):
    names = world.action_names
    few = ", ".join(f"`{name}`" for name in itertools.islice(names, 24)) + (", ..." if len(names) > 24 else "")
    return f"Actions: {few} (`{world.action_space}`)." if few else f"Actions: `{world.action_space}`."


def _factors(factors):
    """All factors in a sentence; those that actions change in bold."""

    def describe(factor):
        values = f"{factor.size}" if factor.size else f"{factor.low:g} .. {factor.high:g} {factor.unit}".strip()
        return f"**{factor.name}** ({values})" if factor.controllable else f"{factor.name} ({values})"

    told = "Factors, those that actions change in bold, with the number or range of their values:"
    return f"{told} {', '.join(describe(factor) for factor in factors)}."


def _strip(env):
    """Fresh states, then an episode, side by side, as a PNG."""
    frames = []
    env.action_space.seed(0)
    for seed in range(FRAMES // 2):
        env.reset(seed=seed)
        frames.append(env.render())
    for _ in range(FRAMES - len(frames)):
        for _ in range(5):
            _, _, terminated, truncated, _ = env.step(env.action_space.sample())
            if terminated or truncated:
                env.reset()
        frames.append(env.render())
    larger = [np.pad(_enlarged(frame), ((0, 0), (0, 6), (0, 0)), constant_values=255) for frame in frames]
    png = io.BytesIO()
    Image.fromarray(np.concatenate(larger, 1)[:, :-6]).save(png, "PNG", optimize=True)
    return png.getvalue()


def _enlarged(frame):
    times = max(1, round(SIDE_PX / frame.shape[0]))
    return frame.repeat(times, 0).repeat(times, 1)


def _picture_path(spec):
    return f"images/worlds/{spec.id.split('/')[1]}.png"


OVERVIEW = (
    ("Maze", {}), ("MazeToggle", {}), ("MazeSingleGoal", {}), ("MazeMultiGoals", {}), ("MazeLightKey", {}),
    ("MazeBlockedDoor", {}), ("MazeCombat", {}), ("MazeGotoSwitch", {}), ("DigitsGrid", {}), ("DigitsMoving", {}),
    ("PlanarGoal", {}), ("PlanarGoal", {"content": "meadow"}), ("PlanarSwingUp", {}), ("PlanarCartPole", {}),
    ("PlanarThreeLink", {}), ("Sprites", {"antialiased": True}), ("SpritesMulti", {}), ("SpritesSort", {}),
    ("SpritesMotion", {}), ("SpritesGoal", {}),
)  # fmt: skip


def overview():
    """One picture of many worlds, two rows: uint8 ``(H, W, 3)``."""
    frames = []
    for name, options in OVERVIEW:
        env = make_single(f"unbraid/{name}-v0", render_mode="rgb_array", **options)
        env.reset(seed=4)
        for _ in range(4):
            env.step(env.action_space.sample())
        frame = Image.fromarray(env.render()).resize((SIDE_PX, SIDE_PX), Image.Resampling.NEAREST)
        frames.append(np.pad(np.asarray(frame), ((0, 6), (0, 6), (0, 0)), constant_values=255))
    half = len(frames) // 2
    return np.concatenate([np.concatenate(row, 1) for row in (frames[:half], frames[half:])])[:-6, :-6]


if __name__ == "__main__":
    Image.fromarray(overview()).save(Path(sys.argv[1]), optimize=True)
