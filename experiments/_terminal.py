"""A terminal as a screen and a keyboard."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

ESCAPE_BYTES = 8


def show(frame: NDArray[np.uint8], caption: str) -> None:
    """Draw a frame with half blocks, two pixels to a character cell, at the top of the cleared terminal."""
    rows = max(4, min(frame.shape[0] // 2, shutil.get_terminal_size().lines - 3))
    pick = np.linspace(0, frame.shape[0] - 1, 2 * rows).round().astype(int)
    across = np.linspace(0, frame.shape[1] - 1, 2 * rows).round().astype(int)
    small = frame[pick][:, across, :3]
    lines = [
        "".join(_cell(top, bottom) for top, bottom in zip(*pair, strict=True))
        for pair in zip(small[::2], small[1::2], strict=True)
    ]
    sys.stdout.write("\x1b[2J\x1b[H" + "\x1b[0m\r\n".join(lines) + f"\x1b[0m\r\n{caption}\r\n")
    sys.stdout.flush()


def _cell(top: NDArray[np.uint8], bottom: NDArray[np.uint8]) -> str:
    return "\x1b[38;2;{};{};{}m\x1b[48;2;{};{};{}m\u2580".format(*top, *bottom)


@contextmanager
def keyboard() -> Iterator[Iterator[str]]:
    """Keys as they are pressed; an arrow is its escape sequence. The terminal is as it was afterwards.

    Raises:
        InputError: Standard input is not a terminal.
    """
    if not sys.stdin.isatty():
        raise InputError("--mode keys needs a terminal to read keys from; use --mode random here")
    import termios
    import tty

    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    try:
        tty.setcbreak(number, termios.TCSANOW)
        yield (data.decode(errors="replace") for data in iter(lambda: os.read(number, ESCAPE_BYTES), b""))
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)
