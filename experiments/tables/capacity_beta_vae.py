"""Understanding disentangling in beta-VAE, figures 2 to 4: blobs, capacity, colours (Burgess et al. 2018).

Blob: a Gaussian blob whose place is all there is to know, VAE beside beta 150; the paper's VAE spreads it over four
latents, beta 150 over two. Factors: a generator is told dSprites' factors through a capacity that rises from .5 to 25
nats, gamma 1000; the paper's first lets x and y through, scale from about 6 nats on, then shape and orientation.
Beside it a control of ours: the same with shape and orientation shuffled over each batch, so that they tell nothing.
Colours: a VAE of controlled capacity, 0 to 25 nats, on coloured dSprites.

What differs, at every scale: a latent counts as active if its mean KL divergence is above .1 nats, a factor as let
through from the capacity on at which its own, smoothed, stays above .25 nats; coloured sprites are this library's, and
so are blobs, with a standard deviation of 8 pixels; there are no pictures of the generator at each capacity. At scale
cpu also: the small network conv, learning rate 1e-3 instead of 5e-4, two seeds, 3,000 steps, and 12,000 over which
capacity rises instead of 100,000; the generator's capacity rests for a fifth of them at first, without which, in a
trial, shape was not let through in so few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from ...envs import make_factored
from ...representation.data import FreshStates, States, image_shape
from ...representation.generator import Generator
from ...representation.objectives import beta, capacity
from ...representation.training import SCALARS, FitOptions, fit, pick_device
from ..figures import read_scalars
from . import _drawing as drawing
from . import _sheets as sheets
from . import _training as training
from ._jobs import Done, Job, Numbers, Scale, repeated

SCALES = {
    "smoke": Scale("smoke", seeds=1, steps=20, points=60, batch_size=4),
    "cpu": Scale("cpu", seeds=2, steps=3000, points=2000),
    "paper": Scale("paper", 5, 100_000, 10_000, network="burgess", learning_rate=5e-4, device="auto"),
}
FACTORS = ("shape", "scale", "orientation", "x", "y")
TOLD, CONTROL = "factors, capacity 0.5 to 25", "factors, shape and orientation shuffled"
NUMBERS = {
    "active": "latents whose KL divergence is above .1 nats",
    "reconstruction": "-log p(x | z) of an image, nats",
    "kl": "KL divergence of an image's posterior, nats",
    "mig": "mutual information gap",
    **{f"onset of {name}": f"capacity from which {name} is let through, nats" for name in FACTORS},
}
PAPER = {
    ("blob, VAE", "active"): 4.0,
    ("blob, beta 150", "active"): 2.0,
    (TOLD, "onset of scale"): 6.0,
}
BLOBS = {"blob, VAE": 1.0, "blob, beta 150": 150.0}
LOW, HIGH, GAMMA = 0.5, 25.0, 1000.0
ACTIVE, ONSET = 0.1, 0.25
GRID = 32
WIDE = {"sigma_px": 8.0}
HELD = {"smoke": 0.2, "cpu": 0.2, "paper": 0.0}
"""Share of the steps before the generator's capacity rises."""
LONGER = {"cpu": 4}
"""How many times the steps generators and colours get: they take longer than blobs."""
SMOOTHED = 40
"""Running means are over a share of one in so many logged steps."""


def jobs(scale: Scale) -> list[Job]:
    """Two VAEs of blobs, one generator and one VAE of colours for each seed."""
    longer = replace(scale, steps=LONGER.get(scale.name, 1) * scale.steps)
    rise = max(1, round(0.9 * longer.steps))
    colours = training.asked(longer, capacity.Config(capacity=HIGH, rise=rise))
    blobs = {
        label: {**training.asked(scale, beta.Config(value), training.BLOB), "env_options": WIDE}
        for label, value in BLOBS.items()
    }
    told = {name: getattr(longer, name) for name in ("steps", "batch_size", "learning_rate", "network", "device")}
    return repeated(
        scale,
        {
            **blobs,
            TOLD: {**told, **_rise(longer), "shuffled": []},
            CONTROL: {**told, **_rise(longer), "shuffled": ["shape", "orientation"]},
            "colours, capacity 0 to 25": {**colours, "env_options": {"colour": "rgb"}},
        },
    )


def _rise(scale: Scale) -> dict[str, Any]:
    """How the generator's capacity rises."""
    hold = round(HELD[scale.name] * scale.steps)
    return {"gamma": GAMMA, "hold": hold, "rise": max(1, round(0.9 * scale.steps) - hold)}


def run(job: Job, folder: Path) -> Numbers:
    """Train and measure."""
    kind = job.label.partition(",")[0]
    return {"blob": _seen, "factors": _told, "colours": _seen}[kind](job, folder)


def _seen(job: Job, folder: Path) -> Numbers:
    """A VAE: how many latents it uses, how well it draws, and its traversals."""
    learner = training.trained(job, folder)
    images, factors = training.states(job)
    kl = training.kl_of_latents(learner, images)
    sheets.write(learner, images, kl, folder)
    found = learner.errors(images, job.seed)
    numbers: Numbers = {"active": float((kl > ACTIVE).sum()), "reconstruction": found["nats"], "kl": found["kl"]}
    if job.label.startswith("blob"):
        np.save(folder / "tuning.npy", tuning(learner, kl).numpy())
        return numbers
    return numbers | training.scores({"mig": "mig"}, training.codes_of(learner, images), factors.cpu(), job.seed)


def tuning(learner: Any, kl: Tensor) -> Tensor:
    """Each latent's mean at each place of the blob, ``(Z, GRID, GRID)``, y down; latents of largest KL first."""
    device = next(learner.parameters()).device
    blobs = make_factored(training.BLOB, GRID**2, device, **WIDE)
    blobs.reset(seed=0)
    steps = torch.linspace(0, 1, GRID)
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    blobs.set_factors(torch.stack([x.flatten(), y.flatten()], 1))
    codes = training.codes_of(learner, blobs.observe())
    return codes[:, kl.argsort(descending=True)].T.reshape(-1, GRID, GRID)


def _told(job: Job, folder: Path) -> Numbers:
    """The generator: from which capacity on each factor's KL divergence says that it is let through."""
    wanted, device = job.settings, pick_device(job.settings["device"])
    env = make_factored(training.SPRITES, wanted["batch_size"], device)
    coefficients = capacity.Config(wanted["gamma"], LOW, HIGH, wanted["rise"])
    first = torch.Generator().manual_seed(job.seed)
    learner = Generator(image_shape(env), env.factors, coefficients, wanted["hold"], wanted["network"], first)
    options = FitOptions(
        wanted["steps"], wanted["learning_rate"], seed=job.seed, device=wanted["device"], progress=False
    )
    fit(learner, Shuffled(env, job.seed, [FACTORS.index(name) for name in wanted["shuffled"]]), options, folder)
    scalars = read_scalars(folder / SCALARS)
    at = drawing.smooth([coefficients.target(max(0, step - wanted["hold"])) for step in scalars["kl"][0]], SMOOTHED)
    curves = {name: drawing.smooth(scalars[f"kl of agent.{name}"][1], SMOOTHED) for name in FACTORS}
    np.savez(
        folder / "curves.npz", capacity=at, distortion=drawing.smooth(scalars["reconstruction"][1], SMOOTHED), **curves
    )
    onsets = {name: onset(at, curve) for name, curve in curves.items()}
    numbers: Numbers = {f"onset of {name}": value for name, value in onsets.items() if value is not None}
    return {"kl": scalars["kl"][1][-1], "reconstruction": scalars["reconstruction"][1][-1], **numbers}


class Shuffled(FreshStates):
    """Fresh states, some of whose factors are told of another state of the batch.

    Args:
        env: A vector environment from `make_factored`.
        seed: Of all draws.
        columns: Which factors, by place.
    """

    def __init__(self, env: Any, seed: int, columns: Sequence[int]) -> None:
        super().__init__(env, seed)
        self.columns = list(columns)

    def draw(self) -> States:
        """A state of every environment, and what is told of it."""
        states = super().draw()
        factors = states.factors.clone()
        for column in self.columns:
            order = torch.randperm(len(factors), generator=self.generator)
            factors[:, column] = factors[order.to(factors.device), column]
        return states._replace(factors=factors)


def onset(at: Any, curve: Any) -> float | None:
    """The capacity after which a factor's KL divergence stays above .25 nats; None where it doesn't."""
    below = np.flatnonzero(curve <= ONSET)
    first = int(below[-1]) + 1 if len(below) else 0
    return float(at[first]) if first < len(at) else None


def figures(done: list[Done]) -> dict[str, Figure]:
    """Of the first seed: tuning of blobs' latents, KL of factors against capacity, traversals."""
    known = drawing.folders(done)
    drawn: dict[str, Figure] = {}
    blobs = {label: known[label] for label in BLOBS if label in known}
    if blobs:
        drawn["blob_tuning"] = _tuned(blobs)
    told = {label: known[label] for label in (TOLD, CONTROL) if label in known}
    if told:
        drawn["factors"] = _against_capacity(told)
    for label in (*blobs, "colours, capacity 0 to 25"):
        if label in known:
            drawn[f"traversals_{label.partition(',')[0]}_{label.rpartition(' ')[2]}"] = sheets.draw(known[label])
    return drawn


def _tuned(blobs: dict[str, Path]) -> Figure:
    """A row for each model, a map for each latent: its mean where the blob is there."""
    maps = {label: np.load(folder / "tuning.npy") for label, folder in blobs.items()}
    latents = min(6, *(len(part) for part in maps.values()))
    figure, axes = drawing.panels(len(maps), latents, (1.25, 1.35))
    for row, (label, part) in zip(axes, maps.items(), strict=True):
        drawn = drawing.heat_maps(row, part)
        row[0].set_title(label, fontsize=8, loc="left")
    figure.colorbar(drawn, ax=axes, shrink=0.7)
    return figure


def _against_capacity(folders: dict[str, Path]) -> Figure:
    """A row for each generator: KL of each factor as capacity rises, and against the distortion."""
    figure, axes = drawing.panels(len(folders), 2, (3.6, 2.8))
    for (rising, against), (label, folder) in zip(axes, folders.items(), strict=True):
        with np.load(folder / "curves.npz") as file:
            for colour, name in zip(drawing.COLOURS, FACTORS, strict=False):
                style = {"color": colour, "linewidth": 1.4, "linestyle": ":" if name == "orientation" else "-"}
                rising.plot(file["capacity"], file[name], label=name, **style)
                against.plot(file["distortion"], file[name], **style)
        against.set_xscale("log")
        against.invert_xaxis()
        drawing.explain(rising)
        drawing.say(rising, label, "capacity (nats)", "KL divergence of the factor (nats)")
        drawing.say(against, "", "-log p(x | z) (nats)", "")
    return figure
