"""Runs on disk: what was trained, on what, with which outcome."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import yaml

from .. import __version__, lookup
from ..errors import InputError, UnknownNameError
from ..representation.storage import load_tensors, save_tensors, write_atomically
from ..representation.training import CHECKPOINT, SCALARS

FILE, MEMBERS = "file:", "ensemble.yaml"
CONFIG, WEIGHTS, METRICS = "config.yaml", "model.safetensors", "metrics.json"
RECORDED, GRASP = "dynamics_content", "grasp"
"""The learners that learn from files: recordings, and collections of grasps."""
PACKAGES = ("torch", "numpy", "gymnasium", "lightning", "scikit-learn")


def learner_names() -> list[str]:
    """Everything that `unbraid train` trains: the agents, and the VAE."""
    return sorted({*lookup.folders("agents"), "vae"} - {"planners"})


def learner_module(name: str) -> ModuleType:
    """The module that offers ``Config``, ``build`` and ``data``; `UnknownNameError` for another name."""
    if name not in learner_names():
        raise UnknownNameError("learner", name, learner_names())
    return import_module("unbraid.representation.vae" if name == "vae" else f"unbraid.agents.{name}")


@dataclass(frozen=True)
class How:
    """How to train, whatever is trained.

    Args:
        device: auto, cpu or cuda.
        precision: 32 or bf16.
        compile: Whether the step is compiled.
        checkpoint_every: Steps from one checkpoint to the next.
        progress: Whether a progress bar is shown.
    """

    device: str = "auto"
    precision: Literal["32", "bf16"] = "32"
    compile: bool = False
    checkpoint_every: int = 250
    progress: bool = True


@dataclass(frozen=True)
class Run:
    """A run's folder and what was asked for.

    Args:
        folder: Where it lies.
        learner: What is trained: a name from `learner_names`.
        env: Its environment, ``"id"`` or ``"module:id"``; or ``"file:PATH"``, an ``.npy`` file of images.
        env_options: Options of the environment.
        seed: Of weights, data and noise.
        config: The learner's configuration, an instance of its module's ``Config``.
        data: A recording that it learns from (`unbraid.representation.recorded`); "" where it acts itself.
        others: Of each further set of that recording: options with which the environment looks as it does there.
    """

    folder: Path
    learner: str
    env: str
    env_options: dict[str, Any]
    seed: int
    config: Any
    data: str = ""
    others: tuple[dict[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As plain values; the folder is left out."""
        asked = {"learner": self.learner, "env": self.env, "env_options": self.env_options, "seed": self.seed}
        recorded = {"data": self.data, "others": list(self.others)} if self.data else {}
        return {**asked, **recorded, "config": self.config.to_dict(), "unbraid": __version__}

    def create(self, resume: bool = False, overwrite: bool = False) -> bool:
        """Make the folder and write ``config.yaml``; see `create`."""
        return create(self.folder, [self], resume, overwrite)

    def begin(self) -> None:
        """Make the folder, and write ``config.yaml`` where there is none."""
        if (self.folder / CONFIG).is_file():
            return
        _make(self.folder)
        text = yaml.safe_dump(self.to_dict(), sort_keys=False)
        write_atomically(self.folder / CONFIG, lambda file: file.write_text(text))

    def check_same(self) -> None:
        """Raise `InputError` where the folder holds a run of something else."""
        if not (self.folder / CONFIG).is_file():
            return
        known = open_run(self.folder)
        if known.learner != self.learner:
            raise InputError(f"{self.folder} holds a {known.learner!r}, not a {self.learner!r}: choose another --out")
        here, there = _flat(self.to_dict()), _flat(known.to_dict())
        different = [f"{key} {there.get(key)!r}, not {here[key]!r}" for key in here if here[key] != there.get(key)]
        if different:
            raise InputError(
                f"{self.folder} was begun with {'; '.join(different)}: use the same options, or --overwrite"
            )

    def source(self, n: int, device: Any = "cpu") -> Any:
        """Where its images come from, ``n`` at a time: a vector environment, a recording, or images from a file.

        Raises:
            InputError: There is no such environment or file, or the learner has to act and a file is named.
        """
        if self.data:
            if self.learner == GRASP:
                from ..representation.grasps import Loader, read_grasps

                return Loader(read_grasps(Path(self.data)), device)
            if self.learner != RECORDED:
                raise InputError(
                    f"learner {self.learner!r} learns by acting and needs --env; train {RECORDED} or {GRASP} on --data"
                )
            from ..representation.recorded import Recording

            return Recording(Path(self.data), n, self.seed, device)
        if not self.env.startswith(FILE):
            from ..envs import make_factored

            return make_factored(self.env, n, device, **self.env_options)
        from ..representation.data import StoredImages

        if self.learner != "vae":
            raise InputError(f"learner {self.learner!r} acts, so it needs --env and not --images; train vae on images")
        return StoredImages(Path(self.env.removeprefix(FILE)), n, self.seed, device)

    def require_world(self) -> None:
        """Raise `InputError` where the run was trained on a file: such images have no factors."""
        if self.env.startswith(FILE):
            raise InputError(
                f"{self.folder} was trained on {self.env}, images without known factors: encode some whose factors "
                "you know, and give unbraid evaluate --codes FILE.npz"
            )

    @property
    def finished(self) -> bool:
        """Whether its training came to the end."""
        return (self.folder / WEIGHTS).exists()

    def save(self, learner: Any) -> None:
        """Write the trained weights."""
        save_tensors(self.folder / WEIGHTS, learner.state_dict())

    def load(self, device: Any = "cpu") -> Any:
        """The trained learner.

        Raises:
            InputError: The weights are missing, damaged, or of another learner.
        """
        import torch

        module = learner_module(self.learner)
        source = None if self.learner == GRASP else replace(self, data="").source(1)  # its data may be gone
        sets = {"sets": 1 + len(self.others)} if self.data else {}
        learner = module.build(self.config, source, torch.Generator(), **sets)
        if not self.finished:
            raise InputError(
                f"{self.folder} has no {WEIGHTS}: its training isn't finished; go on with unbraid train ... --resume"
            )
        try:
            learner.load_state_dict(load_tensors(self.folder / WEIGHTS))
        except RuntimeError as error:
            raise InputError(
                f"{self.folder / WEIGHTS} doesn't fit {self.folder / CONFIG}: {str(error).splitlines()[1].strip()}"
            ) from None
        return learner.to(device).eval()

    def write_metrics(self, **numbers: Any) -> dict[str, Any]:
        """Add numbers to ``metrics.json`` and return all of it."""
        known = self.read_metrics() | numbers
        known |= {"seed": self.seed, "versions": versions(), "hardware": hardware(), "date": time.strftime("%Y-%m-%d")}
        text = json.dumps(known, indent=2)
        write_atomically(self.folder / METRICS, lambda file: file.write_text(text))
        return known

    def read_metrics(self) -> dict[str, Any]:
        """What ``metrics.json`` holds; nothing where there is none."""
        path = self.folder / METRICS
        try:
            known = json.loads(path.read_text()) if path.exists() else {}
            return {**known}
        except (ValueError, TypeError):
            raise InputError(f"{path} is damaged: it isn't a JSON object; delete it and evaluate again") from None


def _flat(asked: dict[str, Any]) -> dict[str, Any]:
    """What was asked for, the configuration's fields beside the rest."""
    config = asked.pop("config")
    return {**asked, **config}


def open_run(folder: Path) -> Run:
    """The run that lies in a folder.

    Raises:
        InputError: There is no such folder, it isn't a run, or its configuration is damaged.
    """
    path = folder / CONFIG
    if (folder / MEMBERS).is_file():
        members = ", ".join(str(folder / name) for name in members_of(folder))
        raise InputError(f"{folder} is an ensemble: name one of its runs, {members}")
    if not path.is_file():
        raise InputError(f"{folder} is not a run: it has no {CONFIG}; train one with: unbraid train ... --out {folder}")
    try:
        values = yaml.safe_load(path.read_text())
        if not isinstance(values["seed"], int):
            raise TypeError(f"seed {values['seed']!r} is not an integer")
        config = learner_module(values["learner"]).Config.from_dict(values["config"])
        asked = {name: values[name] for name in ("learner", "env", "env_options", "seed")}
        recorded = {"data": values.get("data", ""), "others": tuple(values.get("others", ()))}
        return Run(folder, **asked, config=config, **recorded)
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
        why = f"it lacks {error}" if isinstance(error, KeyError) else str(error).splitlines()[0]
        raise InputError(f"{path} is damaged: {why}; restore it from a copy, or train again") from None


def create(folder: Path, runs: Sequence[Run], resume: bool = False, overwrite: bool = False) -> bool:
    """Make the folder of a run, or that of an ensemble and its runs', and say in it what it holds.

    Args:
        folder: The run's own; or the ensemble's, above its runs', whose names are written into it.
        runs: One, or an ensemble's.
        resume: Go on with what is there, if it is the same.
        overwrite: Replace what is there.

    Returns:
        False where all of that is there already, and trained.

    Raises:
        InputError: The folder exists and neither flag is given; it is neither a run nor an ensemble (it is never
            deleted then); or it holds something else and can't be resumed as this. Nothing is written then.
    """
    members = [] if runs[0].folder == folder else [run.folder.name for run in runs]
    if folder.exists() and any(folder.iterdir() if folder.is_dir() else [folder]):
        known = _held(folder)
        if known != members and not overwrite:
            what = f"the ensemble {', '.join(known)}" if known else "a run, and no ensemble"
            raise InputError(f"{folder} holds {what}; choose another --out, or --overwrite it")
        if not (resume or overwrite):
            raise InputError(
                f"{folder} exists; go on with --resume, replace it with --overwrite, or choose another --out"
            )
        if overwrite:
            _remove(folder, known)
    for run in runs:
        run.check_same()
    if members:
        _make(folder)
        write_atomically(folder / MEMBERS, lambda file: file.write_text(yaml.safe_dump(members)))
    for run in runs:
        run.begin()
    return not all(run.finished for run in runs)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"can't make the folder {folder}: {error.strerror}") from None


def _held(folder: Path) -> list[str]:
    """The names of an ensemble's runs; none of a single run."""
    if (folder / MEMBERS).is_file():
        return members_of(folder)
    if not (folder / CONFIG).is_file():
        raise InputError(f"{folder} exists and is not a run (it has no {CONFIG}); choose another --out")
    return []


def members_of(folder: Path) -> list[str]:
    """The names of an ensemble's runs, folders in its own.

    Raises:
        InputError: The list of them is damaged.
    """
    path = folder / MEMBERS
    try:
        found = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError):
        found = None
    if not isinstance(found, list) or not found or any(Path(str(name)).name != name for name in found):
        raise InputError(f"{path} is damaged: it isn't a list of folders; restore it from a copy, or delete it")
    return found


def _remove(folder: Path, members: list[str]) -> None:
    """A run; or of an ensemble its runs and what they share, but nothing else that lies there."""
    if not members:
        shutil.rmtree(folder)
        return
    for name in (*members, SCALARS):
        if (folder / name).exists():
            shutil.rmtree(folder / name)
    for name in (MEMBERS, CHECKPOINT):
        (folder / name).unlink(missing_ok=True)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide results."""
    found = {"unbraid": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def hardware() -> dict[str, Any]:
    """Processor, cores and GPU."""
    torch = sys.modules.get("torch")
    gpu = torch.cuda.get_device_name() if torch is not None and torch.cuda.is_available() else None
    return {"machine": platform.machine(), "processor": _processor(), "cores": os.cpu_count(), "gpu": gpu}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor()
    )
