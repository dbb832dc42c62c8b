"""Moving pictures: frames to GIF or MP4, with captions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ..envs.core import to_colours, to_numpy
from ..errors import InputError

Frame = NDArray[np.uint8]
CAPTION_PX = 20
MARGIN_PX = 6


def enlarge(frame: Frame, at_least: int) -> Frame:
    """The frame with every pixel a square, so large that its shorter side has ``at_least`` pixels."""
    factor = max(1, -(-at_least // min(frame.shape[:2])))
    return frame.repeat(factor, 0).repeat(factor, 1)


def coloured(images: Frame) -> Frame:
    """Images of any number of channels as `World.render` shows them: ``(..., C)`` to ``(..., 3)``."""
    return to_numpy(to_colours(torch.as_tensor(images)))


def side_by_side(frames: Sequence[Frame], captions: Sequence[str], columns: int, at_least: int = 128) -> Frame:
    """Several frames of one size in a grid, each under its caption."""
    large = [enlarge(coloured(frame), at_least) for frame in frames]
    height, width = large[0].shape[:2]
    rows = -(-len(large) // columns)
    cell = (width + MARGIN_PX, height + CAPTION_PX + MARGIN_PX)
    sheet = Image.new("RGB", (columns * cell[0] + MARGIN_PX, rows * cell[1]), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for i, (frame, caption) in enumerate(zip(large, captions, strict=True)):
        x, y = MARGIN_PX + i % columns * cell[0], i // columns * cell[1]
        pen.text((x, y + 3), caption, fill="#22313f", font=font)
        sheet.paste(Image.fromarray(frame), (x, y + CAPTION_PX))
    return np.asarray(sheet)


def captioned(frames: Sequence[Frame], captions: Sequence[str]) -> list[Frame]:
    """Each frame under its caption."""
    return [side_by_side([frame], [caption], columns=1) for frame, caption in zip(frames, captions, strict=True)]


def write_movie(path: Path, frames: Sequence[Frame], fps: float) -> None:
    """Write ``.gif`` or ``.mp4``.

    Raises:
        InputError: Another ending, or a file that can't be written.
    """
    check_ending(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        {".gif": _write_gif, ".mp4": _write_mp4}[path.suffix](path, frames, fps)
    except OSError as error:
        raise InputError(f"can't write {path}: {error.strerror or error}") from error


def check_ending(path: Path) -> None:
    """Raise `InputError` where a file's name is no movie's."""
    if path.suffix not in (".gif", ".mp4"):
        raise InputError(f"{path}: a movie's name ends in .gif or .mp4, not {path.suffix!r}")


def _write_gif(path: Path, frames: Sequence[Frame], fps: float) -> None:
    images = [Image.fromarray(frame).quantize(dither=Image.Dither.NONE) for frame in frames]
    images[0].save(path, save_all=True, append_images=images[1:], duration=round(1000 / fps), loop=0)


def _write_mp4(path: Path, frames: Sequence[Frame], fps: float) -> None:
    cv2 = import_opencv()
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), fps, (width, height))
    if not writer.isOpened():
        raise OSError("OpenCV has no encoder for it; write a .gif instead")
    for frame in frames:
        writer.write(np.ascontiguousarray(frame[:, :, ::-1]))
    writer.release()


def import_opencv() -> Any:
    """OpenCV; `InputError` that says what to install where a library of the system is missing."""
    try:
        import cv2
    except ImportError as error:
        raise InputError(
            f"OpenCV can't be loaded ({error}); on Debian or Ubuntu: apt-get install libgl1 libglib2.0-0"
        ) from None
    return cv2
