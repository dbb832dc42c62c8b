"""Penalised correlation, figures 1 to 3 and table 1: L_Sigma beside L1 and no penalty (Kågebäck & Mogren 2018).

Linear: autoencoders with a code of 10 of 4 independent features after a random projection; lambda 0 and eight points
from .001 to 1; ten projections, all models of a penalty trained as one. XOR: two layers of four logistic units, lambda
.2, ten networks. Images: a convolutional autoencoder of half a million weights and 84 latents, lambda .08, batch 100.

What differs, at every scale: CIFAR-10 isn't at hand, the images are dSprites' in colour at 32x32 instead, so that the
paper's values are of other data (without a penalty, with L_Sigma and with L1, mse .0365, .0398 and .0569, CVR 20, 6.56
and 4.03); the projection goes to 10 numbers, the features' variances are drawn from .5 to 2 and all samples make one
batch, where the paper says nothing; XOR's four examples make one batch, where the paper takes them one by one; no
training is stopped early. CVR is read without the factor 1 / p^2 with which it is printed, as the paper's own values
are. At scale cpu also: 2,000 samples and 3,000 steps (the paper: 10,000 and 10,000 epochs), two seeds of the images'
autoencoder on 10,000 images, 1,500 steps.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ...representation.data import draw_states
from ...representation.metrics.correlation import layer_correlation
from ...representation.networks import to_floats, to_images
from ...representation.objectives import covariance
from ...representation.training import FitOptions, fit, pick_device
from .. import work
from . import _drawing as drawing
from . import _training as training
from ._jobs import Done, Job, Numbers, Scale, repeated
from ._penalised import UNITS, XOR_INPUTS, XOR_OUTPUTS, LinearAutoencoders, Same, XorNetworks

SCALES = {
    "smoke": Scale("smoke", seeds=1, steps=2, points=20, network="covariance_penalty", batch_size=10),
    "cpu": Scale("cpu", seeds=2, steps=3000, points=2000, network="covariance_penalty", batch_size=100),
    "paper": Scale("paper", 5, 10_000, 10_000, network="covariance_penalty", batch_size=100, device="auto"),
}
LAMBDAS = [0.0, *np.logspace(-3, 0, 8).round(4).tolist()]
SHOWN = (LAMBDAS[0], LAMBDAS[2], LAMBDAS[4], LAMBDAS[8])
FEATURES, INPUTS, CODES, REPETITIONS = 4, 10, 10, 10
RATES = {"linear": 0.01, "XOR": 0.03}
FLOOR = 1e-7
"""Errors are drawn no smaller than this."""
PIXELS = 32 * 32 * 3
MEASURES = {
    "mse": "mean squared error",
    "mapc": "mean absolute Pearson correlation",
    "cvr": "covariance over variance",
    "tdv": "share of variance in the top 4 units",
    "ud90": "units that hold 90% of the variance",
}
NUMBERS = {
    **{f"{name} at {value:.2g}": f"{what}, lambda {value:.2g}" for value in SHOWN for name, what in MEASURES.items()},
    **{name: f"{what} of the images' code" for name, what in MEASURES.items() if name in ("mse", "cvr", "ud90")},
    "solved": "share of XOR networks that are right on all four",
    "units 1": "units of the first layer that vary, of networks that solve XOR",
    "units 2": "units of the second layer that vary, of those",
}
PAPER = {
    ("XOR, L_Sigma", "units 1"): 2.0,
    ("XOR, L_Sigma", "units 2"): 1.0,
}
PENALTIES = {"L_Sigma": "covariance", "L1": "l1"}
IMAGES = {"no penalty": (0.0, "covariance"), "L_Sigma": (0.08, "covariance"), "L1": (0.08, "l1")}
XOR_LAMBDAS = {"L_Sigma": 0.2, "no penalty": 0.0}
MOVED = 0.05
"""A unit varies if its standard deviation over the four inputs is above this."""


def jobs(scale: Scale) -> list[Job]:
    """One for each penalty's linear autoencoders and each kind of XOR network, and one for each seed of images."""
    sizes = {"steps": scale.steps, "points": scale.points, "device": scale.device}
    stacked = {f"linear, {label}": {**sizes, "penalty": penalty} for label, penalty in PENALTIES.items()}
    longer = {**sizes, "steps": 2 * scale.steps}
    xor = {f"XOR, {label}": {**longer, "lambda": weight} for label, weight in XOR_LAMBDAS.items()}
    half = replace(scale, steps=max(1, scale.steps // 2))
    images = {f"images, {label}": _asked(half, *point) for label, point in IMAGES.items()}
    return repeated(replace(scale, seeds=1), stacked | xor) + repeated(scale, images)


def _asked(scale: Scale, weight: float, penalty: Any) -> dict[str, Any]:
    """Of images: with a standard deviation of sqrt(1/2) the likelihood is the sum of squares, so lambda grows, too."""
    objective = covariance.Config(lambda_sigma=weight * PIXELS, penalty=penalty)
    return training.asked(scale, objective, latents=84, likelihood="gaussian", sigma=0.5**0.5)


def run(job: Job, folder: Path) -> Numbers:
    """Train and measure."""
    kind = job.label.partition(",")[0]
    return {"linear": _linear, "XOR": _xor, "images": _images}[kind](job, folder)


def _linear(job: Job, folder: Path) -> Numbers:
    """Every measure at every lambda, a value for each projection."""
    generator = torch.Generator().manual_seed(job.seed)
    x = projected(job.settings["points"], generator)
    sizes = (REPETITIONS, INPUTS, CODES)
    learner = LinearAutoencoders(sizes, LAMBDAS, job.settings["penalty"], generator)
    _fit(learner, x, job, folder)
    with torch.no_grad():
        codes = learner.encode(x)
        errors = (learner.decode(codes) - x[:, None]).square().mean((2, 3))
    numbers: Numbers = {}
    for column, value in enumerate(LAMBDAS):
        found = [layer_correlation(codes[row, column], FEATURES) for row in range(REPETITIONS)]
        numbers[f"mse at {value:.2g}"] = errors[:, column].tolist()
        for name in MEASURES:
            if name != "mse":
                numbers[f"{name} at {value:.2g}"] = [float(one[name]) for one in found]
    return numbers


def projected(n: int, generator: torch.Generator) -> Tensor:
    """Samples of 4 independent normal features, each set under a random projection of its own: ``(R, n, X)``."""
    deviations = (0.5 + 1.5 * torch.rand(REPETITIONS, 1, FEATURES, generator=generator)).sqrt()
    z = deviations * torch.randn(REPETITIONS, n, FEATURES, generator=generator)
    omega = torch.randn(REPETITIONS, FEATURES, INPUTS, generator=generator) / FEATURES**0.5
    x: Tensor = z @ omega
    return x


def _xor(job: Job, folder: Path) -> Numbers:
    """How many solve it, and with how many units."""
    learner = XorNetworks(REPETITIONS, job.settings["lambda"], torch.Generator().manual_seed(job.seed))
    _fit(learner, XOR_INPUTS, job, folder)
    with torch.no_grad():
        first, second, logits = (
            part.cpu() for part in learner.layers(XOR_INPUTS.to(next(learner.parameters()).device))
        )
    solved = ((logits[..., 0] > 0) == (XOR_OUTPUTS > 0)).all(1)
    chosen = solved if solved.any() else ~solved
    varying = [(layer.std(1) > MOVED).sum(1)[chosen].double().tolist() for layer in (first, second)]
    example = int(chosen.nonzero()[0])
    shown = [np.cov(layer[example].T.numpy()) for layer in (first, second)]
    np.savez(folder / "covariances.npz", first=shown[0], second=shown[1])
    return {"solved": solved.double().tolist(), "units 1": varying[0], "units 2": varying[1]}


def _fit(learner: Any, batch: Tensor, job: Job, folder: Path) -> None:
    """Train on one batch, and come back to the CPU."""
    wanted = job.settings
    rate = RATES[job.label.partition(",")[0]]
    options = FitOptions(wanted["steps"], rate, seed=job.seed, device=wanted["device"], progress=False)
    fit(learner, Same(batch.to(pick_device(wanted["device"]))), options, folder)
    learner.cpu()


def _images(job: Job, folder: Path) -> Numbers:
    """Error and correlation on images that weren't trained on."""
    images = small_sprites(6 * job.settings["points"], work.METRIC_SEED)
    cut = 5 * job.settings["points"]
    learner = training.trained_on(images[:cut].numpy(), job, folder)
    held_out = images[cut:].to(next(learner.parameters()).device)
    found = layer_correlation(training.codes_of(learner, held_out), FEATURES)
    return {"mse": learner.errors(held_out, 0)["squared"], "cvr": found["cvr"], "ud90": float(found["ud90"])}


def small_sprites(n: int, seed: int) -> Tensor:
    """Scenes of dSprites in colour, four pixels averaged into one: uint8 ``(n, 32, 32, 3)``."""
    images, _ = draw_states(training.SPRITES, n, seed, colour="rgb")
    return torch.cat([to_images(avg_pool2d(to_floats(part), 2)) for part in torch.split(images, training.PART)])


def figures(done: list[Done]) -> dict[str, Figure]:
    """Figures 1 and 2 (each measure against the error), and 3 (covariances of the layers that solve XOR)."""
    known = {one.job.label: one for one in done}
    linear = {label: known[f"linear, {label}"] for label in PENALTIES if f"linear, {label}" in known}
    drawn = {"linear": _against_error(linear)} if linear else {}
    return drawn | {"xor": _covariances(known)} if any(label.startswith("XOR") for label in known) else drawn


def _against_error(linear: dict[str, Done]) -> Figure:
    """A panel for each measure, a curve for each penalty; its points are the lambdas."""
    names = {"mapc": "MAPC", "cvr": "CVR", "tdv": "TdV, top 4", "ud90": "UD90"}
    figure, axes = drawing.panels(1, len(names), (2.9, 2.6))
    for place, (name, title) in zip(axes[0], names.items(), strict=True):
        for colour, (label, one) in zip(drawing.COLOURS, linear.items(), strict=False):
            error, found = (
                [np.mean(one.numbers[f"{part} at {value:.2g}"]) for value in LAMBDAS] for part in ("mse", name)
            )
            place.plot(np.maximum(error, FLOOR), found, "o-", color=colour, markersize=3, linewidth=1.2, label=label)
        place.set_xscale("log")
        drawing.say(place, title, "mean squared error", "")
    drawing.explain(axes[0][0])
    return figure


def _covariances(known: dict[str, Done]) -> Figure:
    """Each layer's matrix has a scale of its own: penalised units solve XOR with small variances."""
    shown = [label for label in XOR_LAMBDAS if f"XOR, {label}" in known]
    figure, axes = drawing.panels(len(shown), 2, (2.4, 2.2))
    for row, label in zip(axes, shown, strict=True):
        with np.load(known[f"XOR, {label}"].folder / "covariances.npz") as file:
            for place, layer in zip(row, ("first", "second"), strict=True):
                reach = float(np.abs(file[layer]).max())
                drawn = place.imshow(file[layer], cmap="RdBu_r", vmin=-reach, vmax=reach)
                figure.colorbar(drawn, ax=place, shrink=0.7)
                place.set_xticks(range(UNITS))
                place.set_yticks(range(UNITS))
                drawing.say(place, f"{label}, {layer} layer", "", "")
    return figure
