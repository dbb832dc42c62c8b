"""Recordings: transitions of a world, and images of it seen otherwise, in one HDF5 file.

A file holds sets by name. A set of ``transitions`` has image, action, next_image, factors and next_factors; one of
``pairs`` the same states as ``image`` (as in transitions) and as ``other``; one of ``images`` only ``other``, both with
factors. Images are uint8 ``(n, H, W, C)``, the rest float32 ``(n, ...)``. Attributes say how a set was made: ``kind``,
``env``, ``options``, ``other_options`` and ``seed``, options as JSON. Factors are for measuring; nothing learns from
them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from ..errors import InputError
from .networks import ImageShape
from .storage import write_atomically

FORMAT = "unbraid recording 1"
KINDS = {
    "transitions": ("image", "action", "next_image", "factors", "next_factors"),
    "pairs": ("image", "other", "factors"),
    "images": ("other", "factors"),
}
Arrays = Mapping[str, NDArray[Any]]


class Recorded(NamedTuple):
    """A set of a recording."""

    kind: str
    """One of `KINDS`."""
    env: str
    options: dict[str, Any]
    """Of the environment, as ``image`` shows it."""
    other_options: dict[str, Any]
    """Of the environment as ``other`` shows it, beside those."""
    seed: int
    arrays: dict[str, Tensor]
    """Field -> its rows, see above."""


def write_set(path: Path, name: str, made: Mapping[str, Any], parts: Iterable[Arrays]) -> None:
    """Add a set to a file, or replace it there; the file is written whole or not at all.

    Args:
        path: The file, new or a recording.
        name: Of the set.
        made: Its attributes, see above; dicts are written as JSON.
        parts: Rows of all fields, part by part, in order.

    Raises:
        InputError: The file is something else, or can't be written.
    """
    known = read_recording(path) if path.exists() else {}

    def write(file: Path) -> None:
        import h5py

        with h5py.File(file, "w") as target:
            target.attrs["format"] = FORMAT
            for old, found in known.items():
                if old != name:
                    about = {key: getattr(found, key) for key in ("kind", "env", "options", "other_options", "seed")}
                    _fill(target.create_group(old), about, [{key: one.numpy() for key, one in found.arrays.items()}])
            _fill(target.create_group(name), made, parts)

    write_atomically(path, write)


def _fill(group: Any, made: Mapping[str, Any], parts: Iterable[Arrays]) -> None:
    for key, value in made.items():
        group.attrs[key] = json.dumps(value) if isinstance(value, dict) else value
    for part in parts:
        for field, rows in part.items():
            if field not in group:
                shape, chunk = rows.shape[1:], (min(len(rows), 256), *rows.shape[1:])
                kept = {"compression": "gzip", "compression_opts": 1, "shuffle": True, "fletcher32": True}
                group.create_dataset(field, (0, *shape), rows.dtype, maxshape=(None, *shape), chunks=chunk, **kept)
            dataset = group[field]
            dataset.resize(len(dataset) + len(rows), 0)
            dataset[-len(rows) :] = rows


def read_recording(path: Path) -> dict[str, Recorded]:
    """All sets of a file, by name, checked.

    Raises:
        InputError: No such file, no recording, a field that is missing, of another length or not finite, or data that
            was damaged (every chunk has a checksum).
    """
    import h5py

    if not path.is_file():
        raise InputError(f"{path}: there is no such file; make one with unbraid collect")
    try:
        with h5py.File(path) as file:
            if file.attrs.get("format") != FORMAT:
                raise InputError(f"{path} is no recording: write one with unbraid collect")
            return {name: _read(f"{path}, set {name!r}", group) for name, group in file.items()}
    except OSError as error:
        raise InputError(f"{path} is damaged, cut short or no HDF5 file: {str(error).splitlines()[0]}") from None


def _read(where: str, group: Any) -> Recorded:
    made = {key: group.attrs.get(key) for key in ("kind", "env", "options", "other_options", "seed")}
    missing = [key for key, value in made.items() if value is None]
    if missing or made["kind"] not in KINDS:
        raise InputError(f"{where} doesn't say its {missing[0] if missing else 'kind'}")
    fields = KINDS[str(made["kind"])]
    for field in fields:
        if field not in group:
            raise InputError(f"{where} has no {field}; {made['kind']} have {', '.join(fields)}")
    arrays = {field: torch.from_numpy(group[field][()]) for field in fields}
    rows = len(arrays[fields[0]])
    for field, array in arrays.items():
        if len(array) != rows or not rows:
            raise InputError(f"{where}: {field} has {len(array)} rows and {fields[0]} {rows}; they must agree, above 0")
        if field in ("image", "next_image", "other"):
            if array.dtype != torch.uint8 or array.ndim != 4:
                raise InputError(f"{where}: {field} must be uint8 (n, H, W, C), not {array.dtype} {tuple(array.shape)}")
        elif not bool(array.isfinite().all()):
            row = int((~array.flatten(1).isfinite()).any(1).nonzero()[0])
            raise InputError(f"{where}: {field} is NaN or infinite in row {row}; collect it again")
    options, other = (json.loads(made[key]) for key in ("options", "other_options"))
    return Recorded(str(made["kind"]), str(made["env"]), options, other, int(made["seed"]), arrays)


class Seen(NamedTuple):
    """The same states twice."""

    image: Tensor
    """uint8 ``(B, H, W, C)``; None of it is known where the set has only the other."""
    other: Tensor
    """As another set shows them: uint8 ``(B, H, W, C)``."""


class Recalled(NamedTuple):
    """A batch."""

    image: Tensor
    """uint8 ``(B, H, W, C)``"""
    action: Tensor
    """float32 ``(B, A)``"""
    next_image: Tensor
    """uint8 ``(B, H, W, C)``"""
    pairs: tuple[Seen, ...]
    """Of each set of pairs, half as many rows."""
    images: tuple[Tensor, ...]
    """Of each set of images, half as many rows."""

    def first(self, n: int) -> Recalled:
        """The first n transitions, and half as many of each other set."""
        few = max(2, n // 2)
        pairs = tuple(Seen(pair.image[:few], pair.other[:few]) for pair in self.pairs)
        images = tuple(one[:few] for one in self.images)
        return Recalled(self.image[:n], self.action[:n], self.next_image[:n], pairs, images)


class Recording:
    """Endless batches from a file, rows drawn with replacement.

    Args:
        path: The file; one of its sets is of transitions.
        batch_size: B.
        seed: Of the rows.
        device: Where everything is kept.

    Attributes:
        env: Id of the environment that the transitions are of.
        env_options: Its options.
        others: Of each set of pairs, then of images: the options of what they show otherwise.
        shape: Of the images.
        single_action_space: Bounds of the actions.

    Raises:
        InputError: See `read_recording`; or no transitions, or actions or images that don't agree with the environment.
    """

    def __init__(self, path: Path, batch_size: int, seed: int, device: Any = "cpu") -> None:
        from ..envs import make_factored

        sets = read_recording(path)
        moves = [found for found in sets.values() if found.kind == "transitions"]
        if len(moves) != 1:
            raise InputError(f"{path} holds {len(moves)} sets of transitions; one is needed: unbraid collect --set x")
        self.env, self.env_options, self.batch_size = moves[0].env, moves[0].options, batch_size
        self.others = [found.other_options for kind in ("pairs", "images") for found in _of(sets, kind)]
        world = make_factored(self.env, 1, **self.env_options)
        self.single_action_space: spaces.Space[Any] = world.single_action_space
        self._moves, self._pairs, self._images = (
            [{name: one.to(device) for name, one in found.arrays.items()} for found in group]
            for group in (moves, _of(sets, "pairs"), _of(sets, "images"))
        )
        self.shape = ImageShape(*self._moves[0]["image"].shape[1:])
        self._check(path, world.single_observation_space.shape)
        self.generator = torch.Generator().manual_seed(seed)

    @property
    def transitions(self) -> dict[str, Tensor]:
        """All of them: ``image``, ``action`` and ``next_image``, and ``factors``, for measuring, before and after."""
        return self._moves[0]

    def _check(self, path: Path, shape: Any) -> None:
        """Raise `InputError` for images or actions of another shape than the environment's."""
        images = [(name, one[name]) for one in (*self._moves, *self._pairs, *self._images) for name in one]
        for name, rows in images:
            if name in ("image", "next_image", "other") and tuple(rows.shape[1:]) != tuple(shape):
                raise InputError(f"{path}: {name} is {tuple(rows.shape[1:])}, and {self.env} shows {tuple(shape)}")
        actions, wanted = self._moves[0]["action"].shape[1:], self.single_action_space.shape
        if tuple(actions) != wanted:
            raise InputError(f"{path}: actions have shape {tuple(actions)}, and {self.env} takes {wanted}")

    def draw(self) -> Recalled:
        """The next batch."""
        moves, few = self._moves[0], max(2, self.batch_size // 2)
        rows = self._rows(moves["image"], self.batch_size)
        pairs = []
        for one in self._pairs:
            chosen = self._rows(one["other"], few)
            pairs.append(Seen(one["image"][chosen], one["other"][chosen]))
        images = tuple(one["other"][self._rows(one["other"], few)] for one in self._images)
        return Recalled(moves["image"][rows], moves["action"][rows], moves["next_image"][rows], tuple(pairs), images)

    def _rows(self, array: Tensor, n: int) -> Tensor:
        return torch.randint(len(array), (n,), generator=self.generator).to(array.device)

    def state_dict(self) -> dict[str, Any]:
        """The rows' generator."""
        return {"generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self.generator.set_state(state["generator"])


def _of(sets: Mapping[str, Recorded], kind: str) -> list[Recorded]:
    return [found for found in sets.values() if found.kind == kind]
