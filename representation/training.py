"""The one training loop: any learner, any data, on Lightning Fabric; it can be stopped and taken up again."""

from __future__ import annotations

import math
import signal
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from torch import Tensor, nn

from ..errors import InputError
from .data import Data
from .storage import load_tensors, save_tensors

CHECKPOINT = "trainer.safetensors"
SCALARS = "tensorboard"
DECAY = 0.2


class Learner(nn.Module, ABC):
    """What `fit` trains and what is evaluated: a loss on a batch, an encoder and a decoder."""

    @abstractmethod
    def forward(self, batch: Any, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Named loss terms of a batch, scalars; ``"loss"`` is what is minimised. All noise comes from ``generator``."""

    @abstractmethod
    def encode(self, images: Tensor) -> Tensor:
        """Codes ``(B, D)`` of uint8 images ``(B, H, W, C)``."""

    @abstractmethod
    def decode(self, codes: Tensor) -> Tensor:
        """uint8 images ``(B, H, W, C)`` of codes ``(B, D)``."""


@dataclass(frozen=True)
class FitOptions:
    """How long and how to train.

    Args:
        steps: Optimiser steps in all.
        learning_rate: Of Adam; it falls linearly to 0 over the last fifth of the steps.
        checkpoint_every: Steps from one checkpoint to the next.
        log_every: Steps from one logged line of scalars to the next.
        seed: Of the learner's noise.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``.
        title: Shown beside the progress bar.
    """

    steps: int
    learning_rate: float
    checkpoint_every: int = 250
    log_every: int = 10
    seed: int = 0
    device: str = "auto"
    title: str = "training"

    def rate(self, step: int) -> float:
        """The learning rate of a step: constant, then linearly down, so that the weights settle."""
        return self.learning_rate * min(1.0, (self.steps - step) / (DECAY * self.steps))


def pick_device(name: str) -> torch.device:
    """The device that ``"auto"``, ``"cpu"`` or ``"cuda"`` stands for here; `InputError` where it isn't there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name not in ("cpu", "cuda"):
        raise InputError(f"unknown device {name!r}; known: auto, cpu, cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("device 'cuda' is not there: torch finds no GPU; use --device cpu")
    return torch.device(name)


def fit(learner: Learner, data: Data, options: FitOptions, folder: Path) -> None:
    """Train ``learner`` in place, from the checkpoint in ``folder`` where there is one.

    Interrupting (Ctrl-C) finishes the step, writes a checkpoint and raises `KeyboardInterrupt`; after a kill, training
    resumes from the last checkpoint; on a CPU both end in the same weights, bit for bit, as an unbroken run.

    Raises:
        InputError: The checkpoint is damaged.
        FloatingPointError: A loss term is not finite; the message names step, term and the last good checkpoint.
    """
    from lightning.fabric import Fabric  # takes seconds to import
    from torch.utils.tensorboard.writer import SummaryWriter

    fabric = Fabric(accelerator=pick_device(options.device).type, devices=1)
    optimizer = torch.optim.Adam(learner.parameters(), lr=options.learning_rate, fused=True)
    model, optimizer = fabric.setup(learner, optimizer)
    noise = torch.Generator(fabric.device).manual_seed(options.seed)
    trainer = Checkpoint(folder / CHECKPOINT, learner, optimizer, data, noise)
    start = trainer.load()
    scalars = SummaryWriter(str(folder / SCALARS), purge_step=start + 1)
    learner.train()
    with progress_bar(options.title, start, options.steps) as bar, interruptible() as interrupted, scalars:
        for step in range(start, options.steps):
            for group in optimizer.param_groups:
                group["lr"] = options.rate(step)
            terms = model(data.draw(), step, noise)
            optimizer.zero_grad(set_to_none=True)
            fabric.backward(terms["loss"])
            optimizer.step()
            done = step + 1
            saving = bool(interrupted) or done == options.steps or done % options.checkpoint_every == 0
            if saving or done % options.log_every == 0:  # what is saved is first seen to be finite
                numbers = {name: float(value.detach()) for name, value in terms.items()}
                _log(numbers, done, scalars, trainer)
                bar.update(TaskID(0), completed=done, loss=numbers["loss"])
            if saving:
                trainer.save(done)
            if interrupted:
                raise KeyboardInterrupt(f"stopped after step {done} of {options.steps}; go on with --resume")
    learner.eval()


def _log(numbers: dict[str, float], done: int, scalars: Any, trainer: Checkpoint) -> None:
    for name, value in numbers.items():
        if not math.isfinite(value):
            raise FloatingPointError(
                f"step {done}: {name} is {value}; the last good checkpoint is of step {trainer.step}"
            )
        scalars.add_scalar(name, value, done)


class Checkpoint:
    """All that decides the rest of a training, in one file.

    Args:
        path: The file.
        learner: Its weights and buffers.
        optimizer: Its moments.
        data: Where the batches come from.
        noise: The learner's generator.
    """

    def __init__(self, path: Path, learner: Learner, optimizer: Any, data: Data, noise: torch.Generator) -> None:
        self.path, self.learner, self.optimizer, self.data, self.noise = path, learner, optimizer, data, noise
        self.step = 0

    def save(self, step: int) -> None:
        """Write everything after ``step`` steps."""
        self.step = step
        parts = {"learner": self.learner.state_dict(), "optimizer": self.optimizer.state_dict()["state"]}
        save_tensors(
            self.path, {**parts, "data": self.data.state_dict(), "noise": self.noise.get_state(), "step": step}
        )

    def load(self) -> int:
        """Put everything back and return the number of steps done; 0 where there is no checkpoint."""
        if not self.path.exists():
            return 0
        saved = load_tensors(self.path)
        try:
            self.learner.load_state_dict(_dotted(saved["learner"]))
            self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": self._moments(saved["optimizer"])})
            self.data.load_state_dict(saved["data"])
        except (KeyError, RuntimeError) as error:
            raise InputError(
                f"{self.path} belongs to another learner ({str(error).splitlines()[0]}); use --overwrite"
            ) from None
        self.noise.set_state(saved["noise"])
        self.step = int(saved["step"])
        return self.step

    def _moments(self, saved: dict[int, dict[str, Tensor]]) -> dict[int, dict[str, Tensor]]:
        """Adam's moments in their parameters' own memory layout: the fused step takes both as one line of numbers."""
        parameters = [part for group in self.optimizer.param_groups for part in group["params"]]
        return {
            i: {
                name: torch.empty_like(parameters[i]).copy_(part) if part.ndim else part
                for name, part in moments.items()
            }
            for i, moments in saved.items()
        }


def _dotted(tree: dict[Any, Any]) -> dict[str, Tensor]:
    return {str(name): tensor for name, tensor in tree.items()}


def progress_bar(title: str, start: int, total: int) -> Progress:
    """A bar on stderr with rate and time left; enter it as a context, its one task is number 0."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("loss {task.fields[loss]:.4g}"),
    )
    bar = Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True))
    bar.add_task(title, total=total, completed=start, loss=float("nan"))
    return bar


@contextmanager
def interruptible() -> Iterator[list[int]]:
    """Ctrl-C fills the list that this yields, so that work can stop between two steps; a second one stops at once."""
    signals: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        signals.append(number)
        signal.signal(signal.SIGINT, previous)

    try:
        previous = signal.signal(signal.SIGINT, note)
    except ValueError:  # not in the main thread: Ctrl-C doesn't come here
        yield signals
        return
    try:
        yield signals
    finally:
        signal.signal(signal.SIGINT, previous)
