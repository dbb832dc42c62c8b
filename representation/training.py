"""The one training loop: any learner, any data, on Lightning Fabric; it can be stopped and taken up again."""

from __future__ import annotations

import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any, Literal

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
from .turns import Turn

CHECKPOINT = "trainer.safetensors"
SCALARS = "tensorboard"
DECAY = 0.2
DIVERGED = 1e12
"""Size from which a term is one of a training that diverges; an image of a million numbers is far below."""


class Learner(nn.Module, ABC):
    """What `fit` trains and what is evaluated: a loss on a batch, an encoder and a decoder."""

    acts = False
    """Whether its `prepare` acts in the environments that it is given, by its own weights."""
    paints = True
    """Whether `decode` is trained, and its images mean anything."""

    def prepare(self, batch: Any, step: int, generator: torch.Generator) -> Any:
        """What `forward` reads, from a batch of data; all noise comes from ``generator``. By default the batch."""
        del step, generator
        return batch

    @abstractmethod
    def forward(self, inputs: Any, turn: int = 0) -> dict[str, Tensor]:
        """Named loss terms of prepared inputs, scalars; ``"loss"`` is what is minimised in that turn."""

    def turns(self) -> list[Turn]:
        """Who takes turns in a step: by default one, who trains everything."""
        return [Turn(list(self.parameters()))]

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
        weight_decay: Of Adam, decoupled (Loshchilov & Hutter 2019).
        checkpoint_every: Steps from one checkpoint to the next.
        log_every: Steps from one logged line of scalars to the next.
        seed: Of the learner's noise.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``.
        precision: ``"32"``, or ``"bf16"``: weights in float32, the forward pass in bfloat16 where that is safe.
        compile: Compile the step into one program (torch.compile); minutes to build, for long trainings.
        title: Shown beside the progress bar.
        progress: Whether a progress bar is shown; one of many trainings at a time shows none.
    """

    steps: int
    learning_rate: float
    weight_decay: float = 0.0
    checkpoint_every: int = 250
    log_every: int = 10
    seed: int = 0
    device: str = "auto"
    precision: Literal["32", "bf16"] = "32"
    compile: bool = False
    title: str = "training"
    progress: bool = True

    def share(self, step: int) -> float:
        """The learning rate of a step over the full one: 1, then linearly down, so that the weights settle."""
        return min(1.0, (self.steps - step) / (DECAY * self.steps))


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
        FloatingPointError: A loss term is not finite, or 1e12 and more, or a weight is not finite; the message names
            step, terms and the last good checkpoint.
    """
    from torch.utils.tensorboard.writer import SummaryWriter  # takes seconds to import

    learner.to(pick_device(options.device))
    model, players, device = _set_up(learner, options)
    noise = torch.Generator(device).manual_seed(options.seed)
    optimizers = list(dict.fromkeys(player.optimizer for player in players))
    trainer = Checkpoint(folder / CHECKPOINT, learner, optimizers, data, noise)
    start = trainer.load()
    scalars = SummaryWriter(str(folder / SCALARS), purge_step=start + 1)
    learner.train()
    with progress_bar(options, start) as bar, interruptible() as interrupted, scalars:
        for step in range(start, options.steps):
            terms: dict[str, Tensor] = {}
            for number, player in enumerate(players):
                player.slow_down(options.share(step))
                for _ in range(player.updates):
                    found = model(learner.prepare(data.draw(), step, noise), number)
                    player.update(found["loss"])
                terms |= found if number == 0 else {f"{name}, turn {number + 1}": found[name] for name in found}
            done = step + 1
            saving = bool(interrupted) or done == options.steps or done % options.checkpoint_every == 0
            if saving or done % options.log_every == 0:
                numbers = {name: float(value.detach()) for name, value in terms.items()}
                _log(numbers, done, scalars, trainer)
                bar.update(TaskID(0), completed=done, loss=numbers["loss"])
            if saving:
                trainer.check_weights(done)
                trainer.save(done)
            if interrupted:
                raise KeyboardInterrupt(f"stopped after step {done} of {options.steps}; go on with --resume")
    learner.eval()


@dataclass
class Player:
    """A turn and its optimiser.

    Args:
        optimizer: Adam over what the turn trains.
        learning_rate: Its full learning rate.
        updates: How many a step.
        backward: What differentiates a loss.
    """

    optimizer: Any
    learning_rate: float
    updates: int
    backward: Callable[[Tensor], Any] = Tensor.backward

    @classmethod
    def of(cls, turn: Turn, options: FitOptions) -> Player:
        """An optimiser for a turn; weight decay is the first player's only where no turn names its own rate."""
        own = turn.learning_rate is not None
        rate = turn.learning_rate if turn.learning_rate is not None else options.learning_rate
        decay = 0.0 if own else options.weight_decay
        adam = torch.optim.AdamW(turn.parameters, lr=rate, betas=turn.betas, weight_decay=decay, fused=True)
        return cls(adam, rate, turn.updates)

    def slow_down(self, share: float) -> None:
        """Set the learning rate to a share of the full one."""
        for group in self.optimizer.param_groups:
            group["lr"] = share * self.learning_rate

    def update(self, loss: Tensor) -> None:
        """One step down the gradient."""
        self.optimizer.zero_grad(set_to_none=True)
        self.backward(loss)
        self.optimizer.step()


def _players(turns: list[Turn], options: FitOptions) -> list[Player]:
    """A player for each turn, of which some share the first one's optimiser."""
    players: list[Player] = []
    for turn in turns:
        players.append(replace(players[0], updates=turn.updates) if turn.shared else Player.of(turn, options))
    return players


def _set_up(learner: Learner, options: FitOptions) -> tuple[Any, list[Player], torch.device]:
    """The learner and its players as Lightning Fabric runs them, and the device."""
    from lightning.fabric import Fabric  # takes seconds to import

    precision: Any = {"32": "32-true", "bf16": "bf16-mixed"}[options.precision]
    fabric = Fabric(accelerator=next(learner.parameters()).device.type, devices=1, precision=precision)
    module: Any = torch.compile(learner) if options.compile else learner
    players = _players(learner.turns(), options)
    plain = list(dict.fromkeys(player.optimizer for player in players))
    model, *wrapped = fabric.setup(module, *plain)
    ready = dict(zip(plain, wrapped, strict=True))
    players = [replace(one, optimizer=ready[one.optimizer], backward=fabric.backward) for one in players]
    return model, players, fabric.device


def _log(numbers: dict[str, float], done: int, scalars: Any, trainer: Checkpoint) -> None:
    """Write the terms down, unless there is one that diverges: those are named, what they add up to last."""
    bad = [name for name, value in numbers.items() if not abs(value) < DIVERGED]
    if bad:
        named = ", ".join(f"{name} is {numbers[name]:g}" for name in sorted(bad, key=lambda name: name == "loss"))
        raise FloatingPointError(f"step {done}: {named}; {trainer.last_good()}")
    for name, value in numbers.items():
        scalars.add_scalar(name, value, done)


class Checkpoint:
    """All that decides the rest of a training, in one file.

    Args:
        path: The file.
        learner: Its weights and buffers.
        optimizers: Their moments, a player each.
        data: Where the batches come from.
        noise: The learner's generator.
    """

    def __init__(self, path: Path, learner: Learner, optimizers: list[Any], data: Data, noise: torch.Generator) -> None:
        self.path, self.learner, self.optimizers, self.data, self.noise = path, learner, optimizers, data, noise
        self.step = 0

    def save(self, step: int) -> None:
        """Write everything after ``step`` steps."""
        self.step = step
        moments = {player: optimizer.state_dict()["state"] for player, optimizer in enumerate(self.optimizers)}
        parts = {"learner": self.learner.state_dict(), "optimizers": moments}
        save_tensors(
            self.path, {**parts, "data": self.data.state_dict(), "noise": self.noise.get_state(), "step": step}
        )

    def check_weights(self, step: int) -> None:
        """Raise `FloatingPointError` for weights that are not finite: a loss may be, and its gradient not."""
        for name, part in self.learner.named_parameters():
            if not bool(part.isfinite().all()):
                raise FloatingPointError(f"step {step}: {name} is not finite; {self.last_good()}")

    def last_good(self) -> str:
        """What there is to go on from, for a message."""
        return f"the last good checkpoint is of step {self.step}" if self.step else "there is no good checkpoint yet"

    def load(self) -> int:
        """Put everything back and return the number of steps done; 0 where there is no checkpoint."""
        if not self.path.exists():
            return 0
        saved = load_tensors(self.path)
        try:
            self.learner.load_state_dict(_dotted(saved["learner"]))
            for player, optimizer in enumerate(self.optimizers):
                moments = _like_parameters(optimizer, saved["optimizers"][player])
                optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
            self.data.load_state_dict(saved["data"])
        except (KeyError, RuntimeError) as error:
            raise InputError(
                f"{self.path} belongs to another learner ({str(error).splitlines()[0]}); use --overwrite"
            ) from None
        self.noise.set_state(saved["noise"])
        self.step = int(saved["step"])
        return self.step


def _like_parameters(optimizer: Any, saved: dict[int, dict[str, Tensor]]) -> dict[int, dict[str, Tensor]]:
    """Adam's moments in their parameters' own memory layout: the fused step takes both as one line of numbers."""
    parameters = [part for group in optimizer.param_groups for part in group["params"]]
    return {
        i: {name: torch.empty_like(parameters[i]).copy_(part) if part.ndim else part for name, part in moments.items()}
        for i, moments in saved.items()
    }


def _dotted(tree: dict[Any, Any]) -> dict[str, Tensor]:
    return {str(name): tensor for name, tensor in tree.items()}


def progress_bar(options: FitOptions, start: int) -> Progress:
    """A bar on stderr with loss and time left; enter it as a context, its one task is number 0."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("loss {task.fields[loss]:.4g}"),
    )
    times = (TimeElapsedColumn(), TimeRemainingColumn())
    bar = Progress(*columns, *times, console=Console(stderr=True), disable=not options.progress)
    bar.add_task(options.title, total=options.steps, completed=start, loss=float("nan"))
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
