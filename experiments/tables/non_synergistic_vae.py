"""Non-synergistic VAE, figure 1: traversals and mean activations (Barrientos & Calnegru 2018).

The paper trains FactorVAE's network on dSprites for 110,000 steps and shows traversals, and each active latent's mean
over the places, averaged over shapes, rotations and scales. It prints no values; here MIG and the FactorVAE score are
measured, too, beside a VAE and FactorVAE, to which the paper compares by eye.

What differs, at every scale: images are drawn from dSprites' factors without end; all five factors are scored. At
scale cpu also: the small network conv, learning rate 1e-3 instead of 1e-4, 3,000 steps, two seeds, FactorVAE's
discriminator with four layers of 256 units that learn at 5e-4 instead of 1e-4.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from ...representation.objectives import beta, factor_vae, non_synergistic
from . import _drawing as drawing
from . import _sheets as sheets
from . import _training as training
from ._jobs import Done, Job, Numbers, Scale, repeated

SCALES = {
    "smoke": Scale("smoke", seeds=1, steps=2, points=60, batch_size=8),
    "cpu": Scale("cpu", seeds=2, steps=3000, points=10_000),
    "paper": Scale("paper", 5, 110_000, 20_000, network="factor_vae", learning_rate=1e-4, device="auto"),
}
NUMBERS = {
    "mig": "mutual information gap",
    "score": "FactorVAE score",
    "reconstruction": "-log p(x | z) of an image, nats",
    "active": "latents whose KL divergence is above .1 nats",
}
PAPER: dict[tuple[str, str], float] = {}
SMALL = factor_vae.Config(35.0, units=256, layers=4, discriminator_rate=5e-4)
ACTIVE = 0.1
X, Y, PLACES = 3, 4, 16


def jobs(scale: Scale) -> list[Job]:
    """A training for each objective and seed."""
    rival = factor_vae.Config(35.0) if scale.name == "paper" else SMALL
    objectives: dict[str, Any] = {"Non-synergistic VAE": non_synergistic.Config(), "VAE": beta.Config()}
    if scale.name != "smoke":
        objectives["FactorVAE, gamma 35"] = rival
    return repeated(scale, {label: training.asked(scale, objective) for label, objective in objectives.items()})


def run(job: Job, folder: Path) -> Numbers:
    """Train, measure, and keep what the figures show."""
    learner = training.trained(job, folder)
    images, factors = training.states(job)
    kl, codes = training.kl_of_latents(learner, images), training.codes_of(learner, images)
    sheets.write(learner, images, kl, folder)
    np.save(folder / "activations.npy", activations(codes, factors.cpu())[kl.argsort(descending=True)].numpy())
    found = training.scores({"mig": "mig", "score": "factor_vae"}, codes, factors.cpu(), job.seed)
    nats = learner.errors(images, job.seed)["nats"]
    return {**found, "reconstruction": nats, "active": float((kl > ACTIVE).sum())}


def activations(codes: Tensor, factors: Tensor) -> Tensor:
    """Mean of each latent over the states at each place, ``(Z, 16, 16)``, y down; NaN where there are none."""
    columns, rows = ((factors[:, k] * PLACES).long().clamp(max=PLACES - 1) for k in (X, Y))
    cell = rows * PLACES + columns
    total = torch.zeros(PLACES**2, codes.shape[1]).index_add_(0, cell, codes)
    count = torch.bincount(cell, minlength=PLACES**2)[:, None]
    return (total / count).T.reshape(-1, PLACES, PLACES)


def figures(done: list[Done]) -> dict[str, Figure]:
    """Of the first seed: each objective's traversals, and the maps of its latents, largest KL divergence first."""
    known = drawing.folders(done)
    maps = {label: np.load(folder / "activations.npy") for label, folder in known.items()}
    latents = min(len(part) for part in maps.values())
    figure, axes = drawing.panels(len(maps), latents, (1.1, 1.2))
    for row, (label, part) in zip(axes, maps.items(), strict=True):
        drawing.heat_maps(row, part)
        row[0].set_title(label, fontsize=8, loc="left")
    chosen = {f"traversals_{label.partition(',')[0].lower().replace(' ', '_')}": label for label in known}
    return {"activations": figure, **{name: sheets.draw(known[label]) for name, label in chosen.items()}}
