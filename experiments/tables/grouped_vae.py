"""Grouped-VAE, table 1 and figures 1 and 2: MIG, reconstruction and where factors are kept, beside beta-VAE.

The paper trains fully connected networks on dSprites, six latents, two groups of three, beta 1, 5 and 10 beside it, ten
seeds each, and measures with 20 bins on 10,000 images. It doesn't say how many steps it trains.

What differs, at every scale: images are drawn from dSprites' factors without end; the reconstruction loss is that of
the whole code, drawn from its posterior. At scale cpu also: the small network conv, learning rate 1e-3 instead
of 1e-4, 5,000 steps, two seeds.
"""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from ...representation import metrics
from ...representation.objectives import beta, grouped_vae
from ..figures import GREY
from . import _drawing as drawing
from . import _training as training
from ._jobs import Done, Job, Numbers, Scale, repeated

SCALES = {
    "smoke": Scale("smoke", seeds=1, steps=2, points=60),
    "cpu": Scale("cpu", seeds=2, steps=5000, points=10_000),
    "paper": Scale("paper", 10, 300_000, 10_000, network="dense", learning_rate=1e-4, device="auto"),
}
NUMBERS = {
    "mig": "mutual information gap",
    "reconstruction": "-log p(x | z) of an image, nats",
    "mic x": "mutual information concentration of x in the first three latents",
    "mic y": "the same of y",
    "mic shape": "the same of the shape",
}
OBJECTIVES = {
    "Grouped-VAE": grouped_vae.Config(groups=2, beta=1.0),
    "beta 1": beta.Config(1.0),
    "beta 5": beta.Config(5.0),
    "beta 10": beta.Config(10.0),
}
PAPER = {
    ("Grouped-VAE", "mig"): 0.023,
    ("beta 1", "mig"): 0.014,
    ("beta 5", "mig"): 0.027,
    ("beta 10", "mig"): 0.025,
    ("Grouped-VAE", "reconstruction"): 49.1,
    ("beta 1", "reconstruction"): 34.8,
    ("beta 5", "reconstruction"): 41.3,
    ("beta 10", "reconstruction"): 50.9,
}
LATENTS = 6
PLACES = {"mic x": 3, "mic y": 4, "mic shape": 0}
"""Of the factors among dSprites'."""


def jobs(scale: Scale) -> list[Job]:
    """A training for each model and seed."""
    made = OBJECTIVES.items()
    return repeated(scale, {label: training.asked(scale, objective, latents=LATENTS) for label, objective in made})


def run(job: Job, folder: Path) -> Numbers:
    """Train, then measure on fresh states."""
    learner = training.trained(job, folder)
    images, factors = training.states(job)
    found = metrics.evaluate(["mig", "mic"], training.codes_of(learner, images), factors.cpu(), seed=job.seed)
    concentrated = {name: float(found["mic"]["per_factor"][place]) for name, place in PLACES.items()}
    nats = learner.errors(images, job.seed)["nats"]
    return {"mig": float(found["mig"]["score"]), "reconstruction": nats, **concentrated}


def figures(done: list[Done]) -> dict[str, Figure]:
    """MIC of three factors, and MIG: a dot for each training, a line at the mean."""
    concentration, axes = drawing.panels(1, len(PLACES), (2.9, 2.6))
    for place, name in zip(axes[0], PLACES, strict=True):
        drawing.dots(place, done, list(OBJECTIVES), name)
        place.axhline(0, color=GREY, linewidth=0.8)
        drawing.say(place, name.removeprefix("mic "), "", "MIC, first three latents")
    gap, (axes,) = drawing.panels(1, 1, (3.6, 2.6))
    drawing.dots(axes[0], done, list(OBJECTIVES), "mig")
    drawing.say(axes[0], "", "", "MIG")
    return {"mic": concentration, "mig": gap}
