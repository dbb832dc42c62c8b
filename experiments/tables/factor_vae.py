"""FactorVAE, figure 3: reconstruction and two metrics against beta-VAE's beta and FactorVAE's gamma (Kim & Mnih 2017).

The paper trains on dSprites, with a discriminator of six layers of 1000 units that is updated five times a step, ten
seeds a point; both metrics leave the shape out. Of the values it prints only that beta 7, beta-VAE's best, has a
reconstruction error over 60 and gamma 35 one of around 40; its grids are not printed, and those here are chosen.

What differs, at every scale: the metrics' groups and pairs are found among the measured states, fresh draws of
dSprites' factors. At scale cpu also: the small network conv, learning rate 1e-3 instead of 1e-4, 5,000 steps, two
seeds, three betas and two gammas, and a discriminator of four layers of 256 units, updated once a step, at 5e-4 instead
of 1e-4.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ...representation.objectives import beta, factor_vae
from . import _drawing as drawing
from . import _training as training
from ._jobs import Done, Job, Numbers, Scale, repeated

SCALES = {
    "smoke": Scale("smoke", seeds=1, steps=2, points=60),
    "cpu": Scale("cpu", seeds=2, steps=5000, points=6000),
    "paper": Scale("paper", 10, 300_000, 15_000, network="factor_vae", learning_rate=1e-4, device="auto"),
}
NUMBERS = {
    "reconstruction": "-log p(x | z) of an image, nats",
    "higgins": "Higgins' metric of the four continuous factors",
    "score": "FactorVAE score of the four continuous factors",
}
PAPER = {("FactorVAE, gamma 35", "reconstruction"): 40.0}
BETAS: dict[str, tuple[float, ...]] = {"smoke": (7,), "cpu": (1, 4, 7), "paper": (1, 2, 3, 4, 5, 7, 10)}
GAMMAS: dict[str, tuple[float, ...]] = {"smoke": (35,), "cpu": (10, 35), "paper": (5, 10, 20, 30, 35, 40)}
DISCRIMINATORS: dict[str, dict[str, Any]] = {
    "smoke": {"units": 16, "layers": 1},
    "cpu": {"units": 256, "layers": 4, "discriminator_rate": 5e-4},
    "paper": {"updates": 5},
}


def jobs(scale: Scale) -> list[Job]:
    """A training for each beta, gamma and seed."""
    sizes = DISCRIMINATORS[scale.name]
    points: dict[str, Any] = {f"beta-VAE, beta {value:g}": beta.Config(value) for value in BETAS[scale.name]}
    points |= {f"FactorVAE, gamma {value:g}": factor_vae.Config(value, **sizes) for value in GAMMAS[scale.name]}
    return repeated(scale, {label: training.asked(scale, objective) for label, objective in points.items()})


def run(job: Job, folder: Path) -> Numbers:
    """Train, then measure on fresh states."""
    learner = training.trained(job, folder)
    images, factors = training.states(job)
    codes, wanted = training.codes_of(learner, images), {"higgins": "beta_vae", "score": "factor_vae"}
    found = training.scores(wanted, codes, training.without_shape(factors).cpu(), job.seed)
    return {"reconstruction": learner.errors(images, job.seed)["nats"], **found}


def figures(done: list[Done]) -> dict[str, Figure]:
    """Three rows of two, as in the paper, each against the coefficient; bars are one standard deviation."""
    figure, axes = drawing.panels(3, 2, (3.2, 2.1))
    for row, (number, what) in enumerate(NUMBERS.items()):
        axes[row][1].sharey(axes[row][0])
        for column, (learner, name) in enumerate((("beta-VAE", "beta"), ("FactorVAE", "gamma"))):
            values = BETAS["paper"] if name == "beta" else GAMMAS["paper"]
            labels = {value: f"{learner}, {name} {value:g}" for value in values}
            drawing.curve(axes[row][column], done, labels, number, color=drawing.COLOURS[column])
            drawing.say(axes[row][column], learner if row == 0 else "", name, what.partition(" of ")[0])
    return {"against_beta_and_gamma": figure}
