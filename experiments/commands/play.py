"""Look at a world: random actions, or your own keys in a terminal or a window; into a GIF or MP4 if you like."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from ...errors import InputError
from ._options import DEFAULT_ENV, env_options, parse, print_json

ARROWS = {"\x1b[A": "up", "\x1b[B": "down", "\x1b[C": "right", "\x1b[D": "left"}
WINDOW_ARROWS = {65362: "\x1b[A", 65364: "\x1b[B", 65363: "\x1b[C", 65361: "\x1b[D"}


@dataclass(frozen=True)
class Options:
    """What to look at.

    Args:
        env: Environment: ID, or MODULE:ID for any package's.
        env_options: Options of the environment, NAME=VALUE each, as in goal=true.
        mode: random: random actions; keys: yours, in this terminal; window: yours, in a window. Arrows move, digits
            are the actions by number, r starts a new episode, q ends.
        steps: At most so many steps.
        seed: Of the world and of random actions.
        out: Write what was seen to this .gif or .mp4.
        fps: Frames a second, of the movie.
        json: Print one JSON object.
    """

    env: Annotated[str, tyro.conf.Positional] = DEFAULT_ENV
    env_options: tuple[str, ...] = ()
    mode: Literal["random", "keys", "window"] = "random"
    steps: int = 100
    seed: int = 0
    out: Path | None = None
    fps: float = 8.0
    json: bool = False


def main(argv: Sequence[str]) -> None:
    """``unbraid play [ENV] [OPTIONS]``."""
    options = parse(Options, argv, "play", __doc__)
    if options.out is not None and options.out.suffix not in (".gif", ".mp4"):
        raise InputError(f"--out {options.out}: a movie's name ends in .gif or .mp4")
    if options.fps <= 0:
        raise InputError(f"--fps must be more than 0, not {options.fps}")
    if options.steps < 1:
        raise InputError(f"--steps must be at least 1, not {options.steps}")
    from gymnasium.spaces import Discrete

    from ...envs import make_single

    env = make_single(options.env, render_mode="rgb_array", **env_options(options.env_options))
    names = getattr(env.unwrapped, "action_names", ())
    if options.mode != "random" and not isinstance(env.action_space, Discrete):
        raise InputError(
            f"--mode {options.mode} plays single discrete actions, and {options.env} takes {env.action_space}; "
            "use --mode random"
        )
    env.action_space.seed(options.seed)
    with _interface(options.mode) as (screen, keys):
        frames, steps, total = _episodes(env, options, names, screen, keys)
    if options.out is not None:
        from ..movies import enlarge, write_movie

        write_movie(options.out, [enlarge(frame, 256) for frame in frames], options.fps)
    if options.json:
        print_json({"steps": steps, "return": total, "out": options.out and str(options.out)})
        return
    few = ", ".join(names[:24]) + (", ..." if len(names) > 24 else "")
    actions = few or env.action_space
    print(f"{steps} steps of {options.env}, return {total:g}; actions: {actions}")
    if options.out is not None:
        print(f"wrote {options.out}")


@contextmanager
def _interface(mode: str) -> Iterator[tuple[Any, Iterator[str] | None]]:
    """A way to show a frame with a caption, and the keys pressed; neither for random actions."""
    if mode == "random":
        yield None, None
    elif mode == "keys":
        from .._terminal import keyboard, show

        with keyboard() as keys:
            yield show, keys
    else:
        yield _window()


def _episodes(
    env: Any, options: Options, names: Sequence[str], screen: Any, keys: Iterator[str] | None
) -> tuple[list[Any], int, float]:
    """Play on until the steps or the player's patience are over: what was seen, steps taken, and all rewards."""
    env.reset(seed=options.seed)
    frames, steps, total, acting = [_picture(env, options.env)], 0, 0.0, _keys_that_act(names, env.action_space)
    while steps < options.steps:
        if screen is not None:
            told = getattr(env.unwrapped, "describe", str)()
            screen(frames[-1], f"step {steps}   return {total:g}   {told or acting + ' act'}, r restarts, q ends")
        key = next(keys, "q") if keys is not None else None
        if key == "q":
            break
        action = env.action_space.sample() if key is None else action_of(key, names, env.action_space)
        ended = key == "r"
        if action is not None:
            _, reward, terminated, truncated, _ = env.step(action)
            frames.append(_picture(env, options.env))
            steps, total, ended = steps + 1, total + float(reward), terminated or truncated
        if ended:
            env.reset()
            frames.append(_picture(env, options.env))
    return frames, steps, total


def _picture(env: Any, name: str) -> Any:
    """What the environment renders; `InputError` where that is no picture."""
    try:
        frame = env.render()
    except NotImplementedError as error:
        raise InputError(f"env {name!r} can't be shown: {error or 'it renders nothing'}") from None
    if getattr(frame, "ndim", 0) != 3:
        raise InputError(f"env {name!r} can't be shown: with render_mode='rgb_array' it must render an array (H, W, 3)")
    return frame


def _keys_that_act(names: Sequence[str], space: Any) -> str:
    """The keys that `action_of` knows, for the player; digits reach ten actions at most."""
    arrows = ["arrows"] if set(ARROWS.values()) & set(names) else []
    toggle = ["space"] if "toggle" in names else []
    digits = [str(digit) for digit in range(10) if hasattr(space, "n") and space.contains(digit)]
    return ", ".join(arrows + toggle + ([f"{digits[0]}-{digits[-1]}"] if digits else []))


def action_of(key: str, names: Sequence[str], space: Any) -> int | None:
    """The action a key stands for: an arrow by name, a digit by number, space for ``toggle``; None for any other."""
    name = ARROWS.get(key, "toggle" if key == " " else "")
    if name in names:
        return int(space.start) + names.index(name)
    return int(key) if key.isdigit() and space.contains(int(key)) else None


def _window() -> tuple[Any, Iterator[str]]:
    """A window's way to show a frame, and the keys pressed in it."""
    from ..movies import enlarge, import_opencv

    no_screen = InputError("--mode window: no screen to open a window on; use --mode keys in a terminal")
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise no_screen  # OpenCV's windows would end the process
    cv2 = import_opencv()
    title = "unbraid play"
    try:
        cv2.namedWindow(title, cv2.WINDOW_AUTOSIZE | cv2.WINDOW_GUI_NORMAL)
    except cv2.error:
        raise no_screen from None

    def show(frame: Any, caption: str) -> None:
        cv2.imshow(title, enlarge(frame, 512)[:, :, ::-1])
        cv2.setWindowTitle(title, caption)

    def keys() -> Iterator[str]:
        while cv2.getWindowProperty(title, cv2.WND_PROP_VISIBLE) >= 1:
            code = cv2.waitKeyEx(50)
            if code != -1:
                yield WINDOW_ARROWS.get(code, chr(code & 0xFF))

    return show, keys()
