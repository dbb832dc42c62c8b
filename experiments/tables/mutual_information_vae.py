"""Mutual information in VAEs, figures 3 to 5: half of a code must be told from what it draws (Ducau & Trénous).

MNIST, a small and a large code, with and without the bound on mutual information for the first half of it. The poster
shows curves and reconstructions and prints no values; it finds that the information is bought as reconstruction is, and
that in a large code the other half is ignored.

What differs, at every scale: the poster gives no network, code size, lambda or number of steps; here codes of 10 and 50
latents and lambda 1. Where only MNIST's 10,000 test digits are at hand, 8,000 of them are trained on and 2,000 held
out. At scale cpu also: 2,500 steps, two seeds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from ...representation.objectives import mutual_information
from ...representation.objectives._terms import gaussian_log_density
from ...representation.training import SCALARS
from ...representation.vae import VAE
from ..figures import read_scalars
from . import _drawing as drawing
from . import _training as training
from ._digits import digits
from ._jobs import Done, Job, Numbers, Scale, repeated

SCALES = {
    "smoke": Scale("smoke", seeds=1, steps=20, points=40, batch_size=8),
    "cpu": Scale("cpu", seeds=2, steps=2500, points=2000),
    "paper": Scale("paper", seeds=5, steps=50_000, points=10_000, device="auto"),
}
NUMBERS = {
    "reconstruction": "-log p(x | z) of a held-out digit, nats",
    "information, first half": "bound on what a drawn digit tells of its code's first half, nats",
    "information, second half": "the same of the second half",
    "kl, first half": "KL divergence of a held-out digit's posterior, first half, nats",
    "kl, second half": "the same of the second half",
}
PAPER: dict[tuple[str, str], float] = {}
CODES = {"smoke": [4], "cpu": [10, 50], "paper": [10, 50]}
WEIGHTS = {"not enforced": 0.0, "enforced": 1.0}
TERMS = {"reconstruction": "-log p(x | z)", "kl": "KL divergence", "mutual information": "bound on I, first half"}
DRAWN, SHOWN, SMOOTHED = 2000, 10, 20


def jobs(scale: Scale) -> list[Job]:
    """A training for each size of code, with and without the bound, and each seed."""
    points = {
        f"{latents} latents, {name}": {
            **training.asked(scale, mutual_information.Config(weight, part="half"), latents=latents),
            "digits": 5 * scale.points if scale.name == "smoke" else None,
        }
        for latents in CODES[scale.name]
        for name, weight in WEIGHTS.items()
    }
    return repeated(scale, points)


def run(job: Job, folder: Path) -> Numbers:
    """Train, then measure both halves of the code on held-out digits, and on digits drawn from the prior."""
    at_hand = digits(job.settings["digits"])
    learner = training.trained_on(at_hand.images.numpy(), job, folder)
    held_out = at_hand.images_test[: job.settings["points"], :, :, None].to(next(learner.parameters()).device)
    kl, told = training.kl_of_latents(learner, held_out), information(learner, job.seed)
    half = len(kl) // 2
    shown = held_out[:SHOWN]
    drawn = learner.decode(learner.encode(shown))
    np.savez_compressed(folder / "digits.npz", original=shown.cpu().numpy(), reconstruction=drawn.cpu().numpy())
    return {
        "reconstruction": learner.errors(held_out, job.seed)["nats"],
        "information, first half": float(told[:half].sum()),
        "information, second half": float(told[half:].sum()),
        "kl, first half": float(kl[:half].sum()),
        "kl, second half": float(kl[half:].sum()),
    }


@torch.no_grad()
def information(learner: VAE, seed: int) -> Tensor:
    """``E log q(z_d | x'(z)) + H(z_d)`` of each latent, z from the prior: ``(Z,)``, nats."""
    device, noise = next(learner.parameters()).device, torch.Generator().manual_seed(seed)
    z = torch.randn(DRAWN, learner.config.latents, generator=noise).to(device)
    mu, logvar = learner.posterior(learner.mean_image(learner.decoder(z)))
    return (gaussian_log_density(z, mu, logvar).mean(0) + mutual_information.PRIOR_ENTROPY).cpu()


def figures(done: list[Done]) -> dict[str, Figure]:
    """Of the first seed: the loss's terms over the training, a row for each size of code; and reconstructions."""
    known = drawing.folders(done)
    sizes = list(dict.fromkeys(label.partition(",")[0] for label in known))
    figure, axes = drawing.panels(len(sizes), len(TERMS), (3, 2.4))
    for row, size in zip(axes, sizes, strict=True):
        for colour, name in zip(drawing.COLOURS, WEIGHTS, strict=False):
            if f"{size}, {name}" in known:
                scalars = read_scalars(known[f"{size}, {name}"] / SCALARS)
                for place, (term, title) in zip(row, TERMS.items(), strict=True):
                    steps, values = (drawing.smooth(part, SMOOTHED) for part in scalars[term])
                    place.plot(steps, values, color=colour, linewidth=1.2, label=name)
                    drawing.say(place, f"{size}: {title}", "step", "nats")
        drawing.explain(row[0])
    return {"curves": figure, "reconstructions": _reconstructions(known)}


def _reconstructions(known: dict[str, Path]) -> Figure:
    rows: list[Any] = []
    names: list[str] = []
    for label, folder in known.items():
        with np.load(folder / "digits.npz") as file:
            if not rows:
                rows, names = [file["original"]], ["original"]
            rows.append(file["reconstruction"])
            names.append(label)
    return drawing.strips(np.stack(rows), names)
