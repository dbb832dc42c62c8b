"""The effects of beta, figures 1 and 2: disentangled shapes, and digits told from their codes (Peychev et al. 2017).

Shapes: squares, ellipses and triangles, fully connected and convolutional, plain and denoising (up to 20% of pixels),
beta from 0 to 5 in steps of .2, five seeds; scored by the pairs that differ in one factor. Digits: MNIST's codes into a
support vector machine with a radial kernel, beta from 0 to 4 in steps of .1, against the share of labels it learns
from. The paper prints no values.

What differs, at every scale: shapes are drawn from all combinations of their factors without end, where the paper
splits the distinct images; ten latents and the networks' sizes are this library's; all digits train the autoencoder,
and shares of 10, 30 and 100% of their labels the classifier. Where only MNIST's 10,000 test digits are at hand, 8,000
of them are trained on and 2,000 held out. At scale cpu also: beta 0, 1 and 4 (digits: 0, .1, 1 and 4), two seeds,
4,000 steps, 1,200 of fully connected networks, 600 of digits, whose networks are convolutional.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ...representation.interventions import WorldSampler
from ...representation.metrics import beta_vae_2016
from ...representation.objectives import beta
from ...representation.training import pick_device
from . import _drawing as drawing
from . import _training as training
from ._digits import digits
from ._jobs import Done, Job, Numbers, Scale, repeated

SCALES = {
    "smoke": Scale("smoke", seeds=1, steps=3, points=60, batch_size=16),
    "cpu": Scale("cpu", seeds=2, steps=4000, points=10_000),
    "paper": Scale("paper", 5, 100_000, 10_000, network="burgess", device="auto"),
}
SHARES = (0.1, 0.3, 1.0)
NUMBERS = {
    "score": "share of pairs whose one changed factor a linear classifier names",
    **{f"{share:.0%} of labels": f"accuracy on held-out digits, {share:.0%} of the labels" for share in SHARES},
}
PAPER: dict[tuple[str, str], float] = {}
BETAS = {"smoke": [1.0], "cpu": [0.0, 1.0, 4.0], "paper": np.arange(0, 5.1, 0.2).round(1).tolist()}
BETAS_DIGITS = {"smoke": [1.0], "cpu": [0.0, 0.1, 1.0, 4.0], "paper": np.arange(0, 4.1, 0.1).round(1).tolist()}
KINDS = {"convolutional": "", "fully connected": "dense"}
NOISES = {"plain": 0.0, "denoising": 0.2}
SHORTER = {"cpu": {"dense": 0.3, "digits": 0.15}}
"""Shares of the steps."""


def jobs(scale: Scale) -> list[Job]:
    """A training for each kind, beta and seed, and for each beta of the digits."""
    kinds = {"convolutional": ""} if scale.name == "smoke" else KINDS  # the other's 10 million weights take seconds
    points = {
        f"{kind}, {noise}, beta {value:g}": _shapes(scale, network or scale.network, NOISES[noise], value)
        for kind, network in kinds.items()
        for noise in NOISES
        for value in BETAS[scale.name]
    }
    small = replace(_shortened(scale, "digits"), network="conv")  # 28 pixels can't be halved four times
    most = scale.points if scale.name == "smoke" else None
    points |= {
        f"digits, beta {value:g}": {**training.asked(small, beta.Config(value)), "digits": most}
        for value in BETAS_DIGITS[scale.name]
    }
    return repeated(scale, points)


def _shapes(scale: Scale, network: str, noise: float, value: float) -> dict[str, Any]:
    sized = replace(_shortened(scale, network), network=network)
    return training.asked(sized, beta.Config(value), training.TRIANGLES, corruption=noise)


def _shortened(scale: Scale, kind: str) -> Scale:
    share = SHORTER.get(scale.name, {}).get(kind, 1.0)
    return replace(scale, steps=max(1, round(share * scale.steps)))


def run(job: Job, folder: Path) -> Numbers:
    """Train, then score pairs of shapes or classify digits."""
    if job.label.startswith("digits"):
        return _classified(job, folder)
    learner, device = training.trained(job, folder), pick_device(job.settings["device"])
    sampler, pairs = WorldSampler(training.TRIANGLES, device), job.settings["points"]
    rng = np.random.default_rng(job.seed)
    found = beta_vae_2016.from_sampler(learner.encode, sampler, rng, pairs, pairs // 2)
    return {"score": float(found["score"])}


def _classified(job: Job, folder: Path) -> Numbers:
    """Accuracy on held-out digits' codes, for each share of labels."""
    from sklearn.svm import SVC  # takes a second to import

    at_hand = digits(job.settings["digits"])
    learner = training.trained_on(at_hand.images.numpy(), job, folder)
    device = next(learner.parameters()).device
    codes, codes_test = (
        training.codes_of(learner, part[..., None].to(device)) for part in (at_hand.images, at_hand.images_test)
    )
    numbers: Numbers = {}
    for share in SHARES:
        some = round(share * len(codes))
        machine = SVC(kernel="rbf").fit(codes[:some], at_hand.labels[:some])
        numbers[f"{share:.0%} of labels"] = float(machine.score(codes_test, at_hand.labels_test))
    return numbers


def figures(done: list[Done]) -> dict[str, Figure]:
    """Figure 1, a panel for each kind, and figure 2, a curve for each share of labels; bars are standard deviations."""
    kinds = {one.job.label.partition(",")[0] for one in done}
    shapes = {"shapes": _of_shapes(done)} if kinds & set(KINDS) else {}
    return shapes | {"digits": _of_digits(done)} if "digits" in kinds else shapes


def _of_shapes(done: list[Done]) -> Figure:
    figure, axes = drawing.panels(1, 2)
    for place, kind in zip(axes[0], KINDS, strict=True):
        for colour, noise in zip(drawing.COLOURS, NOISES, strict=False):
            labels = {value: f"{kind}, {noise}, beta {value:g}" for value in BETAS["paper"]}
            drawing.curve(place, done, labels, "score", color=colour, label=noise)
        drawing.say(place, kind, "beta", "pairs named rightly")
    drawing.explain(axes[0][0])
    return figure


def _of_digits(done: list[Done]) -> Figure:
    figure, axes = drawing.panels(1, 1)
    labels = {value: f"digits, beta {value:g}" for value in BETAS_DIGITS["paper"]}
    for colour, share in zip(drawing.COLOURS, SHARES, strict=False):
        number = f"{share:.0%} of labels"
        drawing.curve(axes[0][0], done, labels, number, color=colour, label=number)
    drawing.say(axes[0][0], "", "beta", "accuracy on held-out digits")
    drawing.explain(axes[0][0])
    return figure
