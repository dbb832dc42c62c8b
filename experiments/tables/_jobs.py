"""Independent jobs, done once each, in any order, by any number of workers; what is done is kept on disk."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ...errors import InputError
from ...representation.storage import write_atomically

RESULT = "result.json"
Backend = Literal["loky", "ray", "dask"]
Numbers = dict[str, float | list[float]]
"""What a job measured: a number, or one for each repetition where the job holds several."""


@dataclass(frozen=True)
class Scale:
    """How large a table is.

    Args:
        name: smoke, cpu or paper.
        seeds: Repetitions of each point; their seeds are 0, 1, ...
        steps: Optimiser steps of a training.
        points: States, or images, that are measured on.
        network: Encoder and decoder, where the table doesn't compare them.
        batch_size: Images a step.
        learning_rate: Of Adam.
        device: auto, cpu or cuda.
        seconds: Of a training, where a table gives each job a time and not a number of steps; otherwise 0.
    """

    name: str
    seeds: int
    steps: int
    points: int
    network: str = "conv"
    batch_size: int = 64
    learning_rate: float = 1e-3
    device: str = "cpu"
    seconds: float = 0.0


@dataclass(frozen=True)
class Job:
    """One training and what is measured of it.

    Args:
        label: Its row; the same for all seeds.
        seed: Of all that is drawn.
        settings: What else decides the result, as plain values.
    """

    label: str
    seed: int
    settings: dict[str, Any]

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{re.sub(r'[^a-z0-9.]+', '-', self.label.lower()).strip('-')}-seed-{self.seed}"


class Done(NamedTuple):
    """A finished job."""

    job: Job
    numbers: Numbers
    folder: Path
    seconds: float
    """Of its last go, from start or checkpoint to end."""


class Failed(NamedTuple):
    """A job that raised an error."""

    job: Job
    error: str


def repeated(scale: Scale, points: Mapping[str, dict[str, Any]]) -> list[Job]:
    """A job for each seed and each label with its settings; all of seed 0 come first."""
    return [Job(label, seed, settings) for seed in range(scale.seeds) for label, settings in points.items()]


def read(job: Job, out: Path) -> Done | None:
    """What an earlier go found; None where the job isn't done.

    Raises:
        InputError: The file is damaged, or of a job with other settings.
    """
    path = out / job.name / RESULT
    if not path.exists():
        return None
    try:
        known = json.loads(path.read_text())
        asked, found = known["asked"], Done(job, known["numbers"], path.parent, known["seconds"])
    except (ValueError, TypeError, KeyError):
        raise InputError(f"{path} is damaged: delete it, and the job is done again") from None
    if asked != asdict(job):
        raise InputError(f"{path} was made with other settings; choose another --out, or delete {out}")
    return found


def run_all(
    run: Callable[[Job, Path], Numbers], jobs: Sequence[Job], out: Path, workers: int, backend: Backend
) -> Iterator[Done | Failed]:
    """Do the jobs and yield each as it ends, with its numbers or its error.

    A worker is a process that uses one thread of torch; a single worker is this process.
    """
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    _check_backend(backend)
    as_they_end = "list" if backend == "ray" else "generator_unordered"  # ray gives all at once
    with parallel_config(backend=backend, n_jobs=workers):
        tasks: Iterable[Any] = (delayed(do)(run, job, out) for job in jobs)
        try:
            yield from Parallel(return_as=as_they_end)(tasks)
        except TerminatedWorkerError as error:
            why = str(error).partition("\n")[0]
            raise OSError(f"a worker was killed ({why}); the same command goes on, best with fewer --workers") from None


def do(run: Callable[[Job, Path], Numbers], job: Job, out: Path) -> Done | Failed:
    """Do one job in its folder, and write its result there in one step."""
    import torch

    torch.set_num_threads(1)
    folder, started = out / job.name, time.perf_counter()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        numbers = run(job, folder)
        seconds = time.perf_counter() - started
        text = json.dumps({"asked": asdict(job), "numbers": numbers, "seconds": round(seconds, 1)}, indent=2)
        write_atomically(folder / RESULT, lambda file: file.write_text(text))
    except Exception as error:  # whatever it is: the other jobs go on, and this one is named at the end
        return Failed(job, f"{type(error).__name__}: {error}")
    return Done(job, numbers, folder, round(seconds, 1))


def _check_backend(backend: Backend) -> None:
    """Make the cluster known to joblib; `InputError` where its package isn't installed."""
    try:
        if backend == "ray":
            from ray.util.joblib import register_ray

            register_ray()
        elif backend == "dask":
            from dask.distributed import Client

            Client.current(allow_global=True)
    except ImportError:
        package = {"ray": "ray", "dask": "distributed"}[backend]
        raise InputError(f"--backend {backend} needs the package {package}: pip install {package}") from None
    except ValueError:
        raise InputError("--backend dask needs a client: make a dask.distributed.Client first, or use loky") from None
