"""Speed run: the MIG, FactorVAE score and InfoMEC that each objective reaches on dSprites' factors in a given time.

Not a paper's table. Every objective starts from scratch with ten latents and the network conv, and trains for as many
steps as fit into its time; that number is found by timing a few first. The learning rate falls to 0 over the last fifth
of them. What is printed is a mean over seeds, not the best of many tries.

What differs between the scales: each training's CPU-seconds on one thread, 360 at cpu, so that all take some 40
minutes on two cores, and 3,600 at paper; --seconds 3600 gives every objective what 30 minutes of two cores are.
Coefficients are the objectives' own defaults, but for a shorter time beta is 60, beta-TCVAE's 20, capacity's end 15
nats, DIP-VAE's lambda_od 50, Ada-GVAE's beta 4, and the discriminator has 4 x 256 units that learn at 5e-4, since one
of 6 x 1000 takes longer than the VAE. Weight decay of .1 goes with qlae, as in its paper; ada_gvae sees pairs of images
that differ in one factor.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ...representation.objectives import names, objective
from ...representation.training import fit
from ...representation.vae import Config
from .. import work
from ..runs import CONFIG, How, Run, open_run
from . import _drawing as drawing
from . import _training as training
from ._jobs import Done, Job, Numbers, Scale, repeated
from ._results import collect

SCALES = {
    "smoke": Scale("smoke", seeds=1, steps=1, points=100, batch_size=8, seconds=0.3),
    "cpu": Scale("cpu", seeds=1, steps=1, points=5000, seconds=360.0),
    "paper": Scale("paper", seeds=5, steps=1, points=10_000, seconds=3600.0),
}
NUMBERS = {
    "mig": "mutual information gap",
    "score": "FactorVAE score",
    "infom": "InfoMEC's modularity",
    "infoe": "InfoMEC's explicitness",
    "infoc": "InfoMEC's compactness",
    "steps": "steps that fitted into the time",
}
PAPER: dict[tuple[str, str], float] = {}
WANTED = {"mig": "mig", "score": "factor_vae", **{name: f"infomec.{name}" for name in ("infom", "infoe", "infoc")}}
COEFFICIENTS: dict[str, dict[str, Any]] = {
    "ada_gvae": {"beta": 4.0},
    "beta": {"beta": 60.0},
    "beta_tcvae": {"beta": 20.0},
    "capacity": {"capacity": 15.0},
    "dip_vae": {"lambda_od": 50.0, "lambda_d": 500.0},
    "factor_vae": {"units": 256, "layers": 4, "discriminator_rate": 5e-4},
}
DECAYS = {"qlae": 0.1}
TRIALS = (2, 3, 13)
"""Steps of each; the first is for what a process does once, and what the last takes more than the second is timed."""


def jobs(scale: Scale) -> list[Job]:
    """A training for each objective and seed."""
    chosen = ["beta", "ada_gvae"] if scale.name == "smoke" else names()
    points = {}
    for name in chosen:
        found = objective(name)
        draw = "pairs" if found.pairs else "fresh"
        config = found.Config(**COEFFICIENTS.get(name, {}))
        asked = training.asked(scale, config, draw=draw, weight_decay=DECAYS.get(name, 0.0))
        points[name] = {**asked, "seconds": scale.seconds}
    return repeated(scale, points)


def run(job: Job, folder: Path) -> Numbers:
    """Train as long as there is time, then measure on fresh states."""
    steps = open_run(folder).config.steps if (folder / CONFIG).exists() else affordable(job, folder)
    config = replace(Config.from_dict(job.settings["config"]), steps=steps)
    learner = training.trained(replace(job, settings={**job.settings, "config": config.to_dict()}), folder)
    images, factors = training.states(job)
    found = training.scores(WANTED, training.codes_of(learner, images), factors.cpu(), job.seed)
    return {**found, "steps": float(steps)}


def affordable(job: Job, folder: Path) -> int:
    """How many steps fit into the job's seconds of CPU time, at least one."""
    run = training.run_of(job, folder)
    _, short, long = (_seconds(run, steps, job.settings["device"]) for steps in TRIALS)
    return fitting(job.settings["seconds"], short, long)


def fitting(seconds: float, short: float, long: float) -> int:
    """Steps for so many seconds, where the last two trials took those; at least one.

    A step takes no less than a tenth of its share of the longer trial, should something have slowed the shorter.
    """
    each = max((long - short) / (TRIALS[2] - TRIALS[1]), 0.1 * long / TRIALS[2])
    return max(1, int(seconds / each))


def _seconds(run: Run, steps: int, device: str) -> float:
    """CPU time of a trial of so many steps, which is thrown away."""
    trial = replace(run, config=replace(run.config, steps=steps))
    prepared = work.prepare(trial, device)
    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        fit(*prepared, work.fit_options(trial, How(device=device, progress=False), "trial"), Path(folder))
        return time.process_time() - started


def figures(done: list[Done]) -> dict[str, Figure]:
    """A row of dots for each score, objectives sorted by their MIG."""
    labels = list(dict.fromkeys(one.job.label for one in done))
    labels.sort(key=lambda label: -float(collect(done, label, "mig").mean()))
    shown = [name for name in NUMBERS if name != "steps"]
    figure, axes = drawing.panels(len(shown), 1, (6, 1.7))
    for (place,), name in zip(axes, shown, strict=True):
        drawing.dots(place, done, labels, name)
        place.set_xticks(range(len(labels)), labels if name == shown[-1] else [], rotation=30, ha="right")
        place.set_ylim(bottom=0)
        drawing.say(place, NUMBERS[name], "", "")
    return {"scores": figure}
