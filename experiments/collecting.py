"""Recordings made in parts: each part is a pure function of its seed, kept as soon as it is there, and made once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..envs import make_factored
from ..errors import InputError
from ..representation.data import random_actions
from ..representation.recorded import read_recording, write_set
from ..representation.storage import write_atomically

Arrays = dict[str, NDArray[Any]]
PART = 500
"""Rows of a part."""
KIND = {"x": "transitions", "y": "images", "pairs": "pairs"}
SPAN = 10**9
"""Seeds that belong to one seed of ours and one kind."""


@dataclass(frozen=True)
class Asked:
    """What is recorded.

    Args:
        env: Id of the environment.
        options: Of it.
        kind: transitions, pairs or images; see `unbraid.representation.recorded`.
        other_options: How pairs and images are seen otherwise: options beside the others.
        seed: Of all draws.
        states: ``reset``, as episodes begin, or ``uniform``, every factor drawn anywhere in its range.
    """

    env: str
    options: dict[str, Any]
    kind: str
    other_options: dict[str, Any]
    seed: int
    states: str = "reset"


def collect(
    asked: Asked,
    rows: int,
    out: Path,
    name: str,
    workers: int = 1,
    backend: str = "loky",
    overwrite: bool = False,
    progress: bool = True,
) -> None:
    """Record a set, or go on recording it, and add it to a file.

    Parts are kept in a folder beside the file until all are there, so that what was interrupted goes on.

    Args:
        asked: What.
        rows: How many.
        out: The file.
        name: Of the set in it.
        workers: Processes side by side.
        backend: What runs them, of joblib.
        overwrite: Replace a set of that name.
        progress: Whether a bar is shown.

    Raises:
        InputError: The file is no recording, holds such a set, or was begun with something else; or what is asked for
            can't be made.
    """
    if out.exists() and name in read_recording(out) and not overwrite:
        raise InputError(f"{out} holds a set {name!r}; give another --name or --out, or --overwrite it")
    draw(asked, 0, 2)  # what can't be made is said before anything is written
    with parts_of(out, name, {**asdict(asked), "rows": rows}, overwrite) as folder:
        firsts = range(0, rows, PART)
        record_parts(
            [(part_file(folder, first), partial(draw, asked, first, min(PART, rows - first))) for first in firsts],
            f"recording {name}", workers, backend, progress,
        )  # fmt: skip
        parts = (dict(np.load(part_file(folder, first))) for first in firsts)
        about = {key: value for key, value in asdict(asked).items() if key != "states"}
        write_set(out, name, about, parts)


@contextmanager
def parts_of(out: Path, name: str, asked: Mapping[str, Any], overwrite: bool = False) -> Iterator[Path]:
    """The folder of a recording's parts, which says what they are parts of; removed when all is done.

    Raises:
        InputError: It holds parts of something else and they aren't to be overwritten, or it can't be made.
        KeyboardInterrupt: As it was interrupted, saying how to go on.
    """
    folder = out.with_name(f"{out.name}.{name}.parts")
    wanted = json.dumps(asked)
    said = folder / "asked.json"
    if said.exists() and said.read_text() != wanted:
        if not overwrite:
            raise InputError(
                f"{folder} holds parts of another recording: finish it, --overwrite it, or delete that folder"
            )
        shutil.rmtree(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"can't make the folder {folder}: {error.strerror}") from None
    write_atomically(said, lambda file: file.write_text(wanted))
    try:
        yield folder
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"what is done is kept in {folder}, and the same command goes on") from None
    shutil.rmtree(folder)


def part_file(folder: Path, number: int) -> Path:
    """Where a part is kept."""
    return folder / f"{number:09d}.npz"


def record_parts(
    parts: Sequence[tuple[Path, Callable[[], Arrays]]], title: str, workers: int, backend: str, progress: bool
) -> None:
    """Make all parts that aren't there yet, each a pure function without arguments, and keep them."""
    from joblib import Parallel, delayed, parallel_config
    from rich.console import Console
    from rich.progress import track

    todo = [(path, make) for path, make in parts if not path.exists()]
    with parallel_config(backend=backend):
        jobs = (delayed(_record)(path, make) for path, make in todo)
        made = Parallel(n_jobs=workers, return_as="generator_unordered")(jobs)
        for _ in track(made, title, len(todo), console=Console(stderr=True), disable=not progress):
            pass


def _record(path: Path, make: Callable[[], Arrays]) -> None:
    """Make a part and keep it."""
    found = make()

    def write(file: Path) -> None:
        with file.open("wb") as target:
            np.savez_compressed(target, **found)  # type: ignore[arg-type]

    write_atomically(path, write)


def draw(asked: Asked, first: int, rows: int) -> Arrays:
    """Rows from number ``first`` on; the same however they are parted.

    Raises:
        InputError: The environment can't be made, shows no images, or can't be seen otherwise.
    """
    env = make_factored(asked.env, rows, **asked.options)
    seed = (list(KIND.values()).index(asked.kind) + len(KIND) * asked.seed) * SPAN + first
    image = env.reset(seed=seed)[0]
    draws = [torch.Generator().manual_seed(seed + i) for i in range(rows)]
    if asked.states == "uniform":
        env.set_factors(_anywhere(env, draws))
        image = env.observe()
    factors = env.get_factors()
    if asked.kind == "transitions":
        action = torch.cat([random_actions(env.single_action_space, 1, generator) for generator in draws])
        after, _, _, _, info = env.step(action)
        ended = info.get("_final_obs")
        if ended is not None and bool(torch.as_tensor(ended).any()):
            raise InputError(f"{asked.env} ends episodes after one action: no transitions to record")
        found = {"image": image, "action": action, "next_image": after}
        found |= {"factors": factors, "next_factors": env.get_factors()}
        return _numpy(found)
    other = make_factored(asked.env, rows, **{**asked.options, **asked.other_options})
    other.reset(seed=seed)
    try:
        other.set_factors(factors)
    except ValueError as error:
        raise InputError(f"states can't be seen otherwise with {asked.other_options}: {error}") from None
    found = {"image": image, "other": other.observe(), "factors": factors}
    return _numpy({key: value for key, value in found.items() if asked.kind == "pairs" or key != "image"})


def _anywhere(env: Any, draws: Sequence[torch.Generator]) -> Tensor:
    """Factors drawn uniformly in their ranges, ``(n, K)``."""
    low, high = (torch.tensor([getattr(factor, end) for factor in env.factors]) for end in ("low", "high"))
    return low + (high - low) * torch.stack([torch.rand(len(low), generator=generator) for generator in draws])


def _numpy(found: Mapping[str, Tensor]) -> Arrays:
    return {key: value.cpu().numpy() for key, value in found.items()}
