"""Dynamics learnt to the end, on codes that stay as they are: without images, a step costs little."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...representation.networks import initialise
from ...representation.recorded import Recording
from ...representation.training import FitOptions, Learner, fit
from . import terms
from .model import DynamicsContent, dynamics
from .transition import Transition

PART = 500
"""Images encoded at a time."""
BATCH = 256
"""Transitions a step."""


class Coded(NamedTuple):
    """Transitions as codes."""

    z: Tensor
    """``(B, K)``"""
    action: Tensor
    """From -1 to 1, or 1 for the action of a list that was taken and 0 for all others: ``(B, A)``."""
    after: Tensor
    """``(B, K)``"""


class CodedRows:
    """Endless batches of transitions, drawn with replacement."""

    def __init__(self, moves: Coded, batch_size: int, seed: int) -> None:
        self.moves, self.batch_size = moves, batch_size
        self.generator = torch.Generator().manual_seed(seed)

    def draw(self) -> Coded:
        """The next batch."""
        rows = torch.randint(len(self.moves.z), (self.batch_size,), generator=self.generator)
        return Coded(*(part[rows.to(part.device)] for part in self.moves))

    def state_dict(self) -> dict[str, Any]:
        """Where the draws are."""
        return {"generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self.generator.set_state(state["generator"])


class Settling(Learner):
    """Dynamics of codes, by how far next codes are from what they foretell: of each latent in units of its own.

    Args:
        transition: Trained in place.
    """

    paints = False

    def __init__(self, transition: Transition) -> None:
        super().__init__()
        self.transition = transition

    def forward(self, inputs: Coded, turn: int = 0) -> dict[str, Tensor]:
        """``loss``: the logarithm of the mean square of each latent's error, half their sum."""
        off = self.transition(inputs.z).next(inputs.z, inputs.action) - inputs.after
        return {"loss": (off.square().mean(0) + terms.LEAST).log().sum() / 2}

    def encode(self, images: Tensor) -> Tensor:
        """There is no encoder; `NotImplementedError`."""
        raise NotImplementedError("dynamics alone read nothing")

    def decode(self, codes: Tensor) -> Tensor:
        """There is no decoder; `NotImplementedError`."""
        raise NotImplementedError("dynamics alone paint nothing")


def settle(learner: DynamicsContent, recording: Recording, seed: int, progress: bool = True) -> None:
    """Learn the dynamics of infomax anew, once its codes stay as they are, and keep some; other bounds keep theirs.

    Dynamics that were learnt along with the codes have followed them about, and are slower to get anywhere from there
    than fresh ones, which begin with the B of least squares.

    Args:
        learner: Trained; its transition is replaced.
        recording: What it was trained on.
        seed: Of weights and batches.
        progress: Whether a bar is shown.
    """
    config = learner.config
    if config.bound != "infomax" or not config.settle:
        return
    moves = recording.transitions
    z, after = (
        torch.cat([learner.encode(part) for part in torch.split(moves[name], PART)]) for name in ("image", "next_image")
    )
    coded = Coded(z, learner.scaled(moves["action"]), after)
    generator = torch.Generator().manual_seed(seed)
    model = Settling(dynamics(config, coded.action.shape[1]))
    initialise(model, generator)
    model.transition.begin(generator)
    model.to(z.device)
    model.transition.push.data = _pushed(coded, model.transition.still)
    device, rate = z.device.type, config.learning_rate
    options = FitOptions(config.settle, rate, seed=seed, device=device, progress=progress, title="dynamics")
    with TemporaryDirectory() as folder:
        fit(model, CodedRows(coded, BATCH, seed), options, Path(folder))
    learner.transition = model.transition
    learner.known.copy_(z[torch.arange(len(learner.known)) % len(z)])


def _pushed(moves: Coded, still: Tensor) -> Tensor:
    """What actions add to codes that go on as they do, by least squares: ``(K, A)``.

    In double precision, since solvers' last bits differ from one call to the next.
    """
    pushed: Tensor = torch.linalg.lstsq(moves.action.double(), (moves.after - moves.z @ still.T).double()).solution.T
    return pushed.float().contiguous()
