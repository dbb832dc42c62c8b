"""Characters of a video game, put together from the sprite sheets of the Liberated Pixel Cup.

The sheets are not part of this package. They are those of Li & Mandt 2018 (arXiv:1803.02991; their repository is
https://github.com/YingzhenLi/Sprites), drawn by the artists of the Liberated Pixel Cup (https://lpc.opengameart.org)
and of the Universal LPC Spritesheet (https://github.com/jrconway3/Universal-LPC-spritesheet). Their licences, CC BY-SA
3.0 and GNU GPL 3.0, hold for pictures made of them too.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ..core import World, fixed_factors
from ..streams import Streams
from .folder import find_data
from .patches import FRAME_PX
from .properties import Property, change

FOLDER = "lpc-sprites"
LAYERS = ("body", "eyes", "bottomwear", "topwear", "hair", "shoes")
"""What a character consists of, from the lowest to the topmost; sheets are ``LAYER/0.png``, ``LAYER/1.png``, ..."""
VIEWS = ("back", "left", "front", "right")
ANIMATIONS = {"spellcast": (0, 7), "walk": (8, 9), "slash": (12, 6)}
"""First row on the sheets (there is a row for each view) and number of pictures; the sheets' other animations lack some
of the clothes."""
FRAMES = 6
"""Pictures taken of each animation, evenly spaced."""

_ROWS, _COLUMNS = 21, 13
_OPAQUE = 128


class CharactersState(NamedTuple):
    """Who it is and what it does."""

    chosen: Tensor
    """Indices of the sheets of `LAYERS`, then view, animation and frame: int64 ``(n, 9)``"""


class _Layer(NamedTuple):
    """Pictures of one layer, in 8-byte words; only the rows of pixels that any of them touches."""

    first: int
    last: int
    keep: Tensor
    """All bits set where the layer is transparent, int64 ``(sheets * poses, words)``"""
    ink: Tensor
    """The layer's colours, 0 where it is transparent"""


class Characters(World[CharactersState]):
    """A character whose body, clothes, hair and eyes change, that turns, and that moves through its animations.

    Every factor is an index: of the sheet in its folder, of `VIEWS`, of `ANIMATIONS`, and of the animation's frame.
    Fresh states are uniform and independent in all of them. The background is black. Sheets are taken to be either
    opaque or transparent at each pixel, with the border at one half: few of their pixels are in between.

    Args:
        folder: Where the sheets are; None for ``lpc-sprites`` below the folder that ``UNBRAID_DATA`` names.
        device: Where the tensors live.

    Raises:
        ValueError: No such folder, or sheets that are missing or of another size.
    """

    object_names = ("agent",)
    observation_space = spaces.Box(0, 255, (FRAME_PX, FRAME_PX, 3), np.uint8)

    def __init__(self, folder: str | Path | None = None, device: torch.device | str = "cpu") -> None:
        super().__init__(device)
        sheets = _read(find_data(folder, FOLDER, "the folder of LPC sprite sheets"))
        self.layers = [
            _Layer(first, last, keep.to(self.device), ink.to(self.device)) for first, last, keep, ink in sheets
        ]
        poses = len(VIEWS) * len(ANIMATIONS) * FRAMES
        sizes = dict(zip(LAYERS, (len(layer.ink) // poses for layer in self.layers), strict=True))
        sizes |= {"view": len(VIEWS), "animation": len(ANIMATIONS), "frame": FRAMES}
        self.properties = tuple(
            Property(name, "categorical", 0, size - 1, size, period=size) for name, size in sizes.items()
        )
        self.factors = tuple(held.factor("agent", True) for held in self.properties)
        self._make_actions()

    def _make_actions(self) -> None:
        """Next of everything, and previous of what has a direction."""
        columns = [*range(len(self.properties)), *range(len(LAYERS), len(self.properties))]
        words = ["next"] * len(self.properties) + ["previous"] * (len(columns) - len(self.properties))
        self.action_names = tuple(
            f"{word} {self.properties[column].name}" for word, column in zip(words, columns, strict=True)
        )
        self.action_space = spaces.Discrete(len(columns))
        self._effect = torch.zeros((len(columns), len(self.properties)), dtype=torch.int64, device=self.device)
        for action, (word, column) in enumerate(zip(words, columns, strict=True)):
            self._effect[action, column] = 1 if word == "next" else -1

    def reset(self, n: int, rng: Streams, options: Mapping[str, Any] | None = None) -> CharactersState:
        """Fresh states, every factor uniform."""
        fixed = fixed_factors(self, n, options)
        drawn = {held.name: rng.integers(held.size)[:, 0] for held in self.properties}
        columns = [fixed.get(f"agent.{name}", column).round().long() for name, column in drawn.items()]
        return CharactersState(torch.stack(columns, 1))

    def step(self, state: CharactersState, action: Tensor, rng: Streams) -> tuple[CharactersState, Tensor, Tensor]:
        """Change one factor, the first value coming after the last; deterministic, without reward or end."""
        nothing = torch.zeros(len(action), device=self.device)
        return CharactersState(change(state.chosen, self._effect[action], self.properties)), nothing, nothing > 0

    def _pictures(self, state: CharactersState) -> Tensor:
        """For each layer the number of its picture: int64 ``(n, len(LAYERS))``."""
        view, animation, frame = state.chosen[:, len(LAYERS) :].unbind(1)
        pose = (animation * len(VIEWS) + view) * FRAMES + frame
        return state.chosen[:, : len(LAYERS)] * (len(VIEWS) * len(ANIMATIONS) * FRAMES) + pose[:, None]

    def observe(self, state: CharactersState) -> Tensor:
        """uint8 ``(n, 64, 64, 3)``."""
        frames = torch.zeros((len(state.chosen), FRAME_PX, _WORDS), dtype=torch.int64, device=self.device)
        for layer, picture in zip(self.layers, self._pictures(state).unbind(1), strict=True):
            part = frames[:, layer.first : layer.last]
            shape = (-1, layer.last - layer.first, _WORDS)
            part &= layer.keep.index_select(0, picture).view(shape)
            part |= layer.ink.index_select(0, picture).view(shape)
        return frames.view(torch.uint8).view(-1, FRAME_PX, FRAME_PX, 3)

    def get_masks(self, state: CharactersState) -> Tensor:
        """Bool ``(n, 1, 64, 64)``: every pixel that some layer covers."""
        frames = torch.full((len(state.chosen), FRAME_PX, _WORDS), -1, dtype=torch.int64, device=self.device)
        for layer, picture in zip(self.layers, self._pictures(state).unbind(1), strict=True):
            part = frames[:, layer.first : layer.last]
            part &= layer.keep.index_select(0, picture).view(-1, layer.last - layer.first, _WORDS)
        return frames.view(torch.uint8).view(-1, 1, FRAME_PX, FRAME_PX, 3)[..., 0] == 0

    def get_factors(self, state: CharactersState) -> Tensor:
        """float32 ``(n, 9)``: indices."""
        return state.chosen.float()

    def set_factors(self, values: Tensor) -> CharactersState:
        """States with these values; every combination is possible."""
        return CharactersState(self.check_factors(values).round().long())


_WORDS = FRAME_PX * 3 // 8


@lru_cache(maxsize=1)
def _read(folder: Path) -> list[_Layer]:
    """The layers' pictures; cached, since reading them takes a second."""
    return [_layer(folder, name) for name in LAYERS]


def _layer(folder: Path, name: str) -> _Layer:
    paths = sorted((folder / name).glob("*.png"), key=lambda path: int(path.stem))
    if not paths:
        raise ValueError(f"there are no sprite sheets {folder / name / '*.png'}; give the folder of the LPC sheets")
    pictures = np.concatenate([_sheet(path) for path in paths])
    opaque = pictures[..., 3:] >= _OPAQUE
    rows = np.flatnonzero(opaque.any((0, 2, 3)))
    first, last = int(rows[0]), int(rows[-1]) + 1
    keep = np.where(opaque, 0, 255).astype(np.uint8).repeat(3, 3)[:, first:last]
    ink = np.where(opaque, pictures[..., :3], 0)[:, first:last]
    words = (torch.from_numpy(np.ascontiguousarray(part)).flatten(1).view(torch.int64) for part in (keep, ink))
    return _Layer(first, last, *words)


def _sheet(path: Path) -> NDArray[np.uint8]:
    """The pictures of a sheet that are used, animation by animation, view by view: ``(poses, 64, 64, 4)``."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGBA"))
    size = (_ROWS * FRAME_PX, _COLUMNS * FRAME_PX, 4)
    if pixels.shape != size:
        raise ValueError(
            f"sprite sheet {path} must be {size[1]} x {size[0]} pixels, not {image.width} x {image.height}"
        )
    cells = pixels.reshape(_ROWS, FRAME_PX, _COLUMNS, FRAME_PX, 4).swapaxes(1, 2)
    poses = [
        (row + v, k * count // FRAMES) for row, count in ANIMATIONS.values() for v in range(4) for k in range(FRAMES)
    ]
    found: NDArray[np.uint8] = cells[tuple(np.array(poses).T)]
    return found
