"""What is learnt once codes stay as they are, a chart and dynamics: without images, a step costs little."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ...representation.networks import initialise, to_floats
from ...representation.recorded import Recording
from ...representation.training import FitOptions, Learner, fit
from . import terms
from .chart import Chart, geodesics
from .model import DynamicsContent, dynamics
from .transition import Bounded, Transition

PART = 500
"""Images encoded at a time."""
BATCH = 256
"""Transitions a step, or places, all of which are compared with each other."""

SHORT = 1e-3
"""Of a way, below which it counts no more by its length."""


class Coded(NamedTuple):
    """Transitions as codes."""

    z: Tensor
    """``(B, K)``"""
    action: Tensor
    """From -1 to 1, or 1 for the action of a list that was taken and 0 for all others: ``(B, A)``."""
    after: Tensor
    """``(B, K)``"""


class Places(NamedTuple):
    """Places between which ways are measured."""

    place: Tensor
    """``(B, P)``"""
    number: Tensor
    """Which of them: ``(B,)``."""


class Rows:
    """Endless batches of `Coded` or `Places`, drawn with replacement."""

    def __init__(self, parts: Any, batch_size: int, seed: int) -> None:
        self.parts, self.batch_size = parts, batch_size
        self.generator = torch.Generator().manual_seed(seed)

    def draw(self) -> Any:
        """The next batch."""
        rows = torch.randint(len(self.parts[0]), (self.batch_size,), generator=self.generator)
        return type(self.parts)(*(part[rows.to(part.device)] for part in self.parts))

    def state_dict(self) -> dict[str, Any]:
        """Where the draws are."""
        return {"generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self.generator.set_state(state["generator"])


class OfCodes(Learner):
    """What learns from codes alone."""

    paints = False

    def encode(self, images: Tensor) -> Tensor:
        """There is no encoder; `NotImplementedError`."""
        raise NotImplementedError("what learns from codes reads no images")

    def decode(self, codes: Tensor) -> Tensor:
        """There is no decoder; `NotImplementedError`."""
        raise NotImplementedError("what learns from codes paints nothing")


class Settling(OfCodes):
    """Dynamics of codes, by how far next codes are from what they foretell: of each latent in units of its own.

    Args:
        transition: Trained in place.
    """

    def __init__(self, transition: Transition) -> None:
        super().__init__()
        self.transition = transition

    def forward(self, inputs: Coded, turn: int = 0) -> dict[str, Tensor]:
        """``loss``: the logarithm of the mean square of each latent's error, half their sum."""
        off = self.transition(inputs.z).next(inputs.z, inputs.action) - inputs.after
        return {"loss": (off.square().mean(0) + terms.LEAST).log().sum() / 2}


class Laying(OfCodes):
    """A chart, by how far straight distances are from the lengths of ways.

    Args:
        chart: Trained in place.
        lengths: Of ways between all places, ``(n, n)``.
    """

    def __init__(self, chart: Chart, lengths: Tensor) -> None:
        super().__init__()
        self.chart, self.lengths = chart, lengths

    def forward(self, inputs: Places, turn: int = 0) -> dict[str, Tensor]:
        """``loss``: the mean of ``(distance - length)^2 / length`` of all pairs (the stress of Sammon 1969)."""
        first, second = torch.triu_indices(len(inputs.place), len(inputs.place), 1, device=inputs.place.device)
        lengths = self.lengths[inputs.number[first], inputs.number[second]]
        off = functional.pdist(self.chart(inputs.place)) - lengths
        return {"loss": (off.square() / lengths.clamp_min(SHORT)).mean()}


def settle(learner: DynamicsContent, recording: Recording, seed: int, progress: bool = True) -> None:
    """Learn the dynamics of infomax anew, once its codes stay as they are, and keep some; other bounds keep theirs.

    Dynamics that were learnt along with the codes have followed them about, and are slower to get anywhere from there
    than fresh ones, which begin with the B of least squares. Where a chart is asked for it is laid out first, and they
    are those of its coordinates.

    Args:
        learner: Trained; its transition is replaced, or its chart laid out and the transition there.
        recording: What it was trained on.
        seed: Of weights and batches.
        progress: Whether a bar is shown.
    """
    config = learner.config
    if config.bound != "infomax" or not config.settle:
        return
    moves = recording.transitions
    z, after = (_described(learner, moves[name]) for name in ("image", "next_image"))
    options = FitOptions(config.settle, config.learning_rate, seed=seed, device=z.device.type, progress=progress)
    if learner.chart is not None:
        _lay(learner.chart, torch.cat([z, after]), options)
        with torch.no_grad():
            z, after = (learner.chart.moving(codes) for codes in (z, after))
    coded = Coded(z, learner.scaled(moves["action"]), after)
    settled = _settled(learner, coded, options)
    if learner.chart is None:
        learner.transition = settled
        learner.known.copy_(z[torch.arange(len(learner.known)) % len(z)])
    else:
        learner.charted = settled


@torch.no_grad()
def _described(learner: DynamicsContent, images: Tensor) -> Tensor:
    """Codes ``(n, K)`` of all images, in no chart."""
    return torch.cat([learner.describe(to_floats(part)).mu for part in torch.split(images, PART)])


def _lay(chart: Chart, z: Tensor, options: FitOptions) -> None:
    generator = torch.Generator().manual_seed(options.seed)
    nodes, lengths = geodesics(z, generator)
    initialise(chart, generator)
    chart.mean.copy_(nodes.mean(0))
    chart.deviation.copy_(nodes.std(0).clamp_min(terms.LEAST))
    rows = Rows(Places(nodes, torch.arange(len(nodes), device=z.device)), BATCH, options.seed)
    with TemporaryDirectory() as folder:
        fit(Laying(chart, lengths), rows, replace(options, title="chart"), Path(folder))


def _settled(learner: DynamicsContent, coded: Coded, options: FitOptions) -> Transition:
    generator = torch.Generator().manual_seed(options.seed)
    model = Settling(dynamics(learner.config, coded.action.shape[1]) if learner.charted is None else learner.charted)
    initialise(model, generator)
    model.transition.begin(generator)
    model.to(coded.z.device)
    model.transition.push.data = _pushed(coded, model.transition.still)
    if isinstance(model.transition, Bounded):
        model.transition.bound(coded.z.chunk(2, 1)[1])
    with TemporaryDirectory() as folder:
        fit(model, Rows(coded, BATCH, options.seed), replace(options, title="dynamics"), Path(folder))
    return model.transition


def _pushed(moves: Coded, still: Tensor) -> Tensor:
    """What actions add to codes that go on as they do, by least squares: ``(K, A)``.

    In double precision, since solvers' last bits differ from one call to the next.
    """
    pushed: Tensor = torch.linalg.lstsq(moves.action.double(), (moves.after - moves.z @ still.T).double()).solution.T
    return pushed.float().contiguous()
