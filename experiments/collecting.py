"""Recordings made in parts: each part is a pure function of its seed, kept as soon as it is there, and made once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
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
    from joblib import Parallel, delayed, parallel_config
    from rich.console import Console
    from rich.progress import track

    if out.exists() and name in read_recording(out) and not overwrite:
        raise InputError(f"{out} holds a set {name!r}; give another --name or --out, or --overwrite it")
    draw(asked, 0, 2)  # what can't be made is said before anything is written
    folder = _begin(asked, rows, out, name)
    todo = [first for first in range(0, rows, PART) if not _part(folder, first).exists()]
    with parallel_config(backend=backend):
        jobs = (delayed(_record)(asked, first, min(PART, rows - first), folder) for first in todo)
        made = Parallel(n_jobs=workers, return_as="generator_unordered")(jobs)
        for _ in track(made, f"recording {name}", len(todo), console=Console(stderr=True), disable=not progress):
            pass
    parts = (dict(np.load(_part(folder, first))) for first in range(0, rows, PART))
    about = {key: value for key, value in asdict(asked).items() if key != "states"}
    write_set(out, name, about, parts)
    shutil.rmtree(folder)


def _begin(asked: Asked, rows: int, out: Path, name: str) -> Path:
    """The folder of the parts, which says what they are parts of."""
    folder = out.with_name(f"{out.name}.{name}.parts")
    wanted = json.dumps({**asdict(asked), "rows": rows})
    said = folder / "asked.json"
    if said.exists() and said.read_text() != wanted:
        raise InputError(f"{folder} holds parts of another recording: finish it, or delete that folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"can't make the folder {folder}: {error.strerror}") from None
    write_atomically(said, lambda file: file.write_text(wanted))
    return folder


def _part(folder: Path, first: int) -> Path:
    return folder / f"{first:09d}.npz"


def _record(asked: Asked, first: int, rows: int, folder: Path) -> None:
    """Make a part and keep it."""
    found = draw(asked, first, rows)

    def write(file: Path) -> None:
        with file.open("wb") as target:
            np.savez_compressed(target, **found)  # type: ignore[arg-type]

    write_atomically(_part(folder, first), write)


def draw(asked: Asked, first: int, rows: int) -> dict[str, NDArray[Any]]:
    """Rows from number ``first`` on; the same however they are parted.

    Raises:
        InputError: The environment can't be made, shows no images, or can't be seen otherwise.
    """
    env = make_factored(asked.env, rows, **asked.options)
    seed = (list(KIND.values()).index(asked.kind) + len(KIND) * asked.seed) * SPAN + first
    image = env.reset(seed=seed)[0]
    if asked.states == "uniform":
        env.set_factors(_anywhere(env, seed))
        image = env.observe()
    factors = env.get_factors()
    if asked.kind == "transitions":
        action = torch.cat([random_actions(env.single_action_space, 1, _generator(seed + i)) for i in range(rows)])
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


def _anywhere(env: Any, seed: int) -> Tensor:
    """Factors drawn uniformly in their ranges, ``(n, K)``."""
    low, high = (torch.tensor([getattr(factor, end) for factor in env.factors]) for end in ("low", "high"))
    draws = torch.stack([torch.rand(len(low), generator=_generator(seed + i)) for i in range(env.num_envs)])
    return low + (high - low) * draws


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _numpy(found: Mapping[str, Tensor]) -> dict[str, NDArray[Any]]:
    return {key: value.cpu().numpy() for key, value in found.items()}
