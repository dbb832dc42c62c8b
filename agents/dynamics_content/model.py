"""The learner: encoders and decoders of several sets of images, and one dynamics for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ...errors import InputError
from ...representation.data import image_shape
from ...representation.likelihoods import Bernoulli
from ...representation.networks import ImageShape, initialise, mlp, network, to_floats, to_images
from ...representation.recorded import Recalled, Recording
from ...representation.training import Learner
from .._control import bounds, scaled
from .._parts import Settings
from ..planners import automatic
from .chart import Chart
from .codes import Code, Inputs, moving, within
from .losses import BOUNDS, LAID_OUT, UNPAINTED, layout
from .transition import Bounded, Free, Mechanism, Transition

APART = 6.0
"""Length of the means of sets' contents; they are orthogonal where w has room for that, and too far apart to blur."""
WIDE = -3.0
"""Logarithm of the precision that codes are told apart with at first: a narrow look sees no folds far away."""
KNOWN = 8192
"""Codes of the recording that infomax of two frames keeps."""
NEIGHBOURS = 128
"""Of them those around a goal that tell how far its surroundings are."""
ROUND = 0.1
"""Share of the mean variance that they vary by in any direction."""


@dataclass(frozen=True)
class Config(Settings):
    """The learner and its training.

    Args:
        bound: What is made small. split: the bound of dynamics and content, over the transitions of set X and the
            images of all others; rce: the same of X alone, without content (robust locally-linear controllable
            embedding); e2c, embed to control, pcc, prediction, consistency and curvature, pc3, predictive coding,
            consistency and curvature, which paints nothing, infomax, ours, which paints nothing either, and world, a
            latent world model of dynamics without form: of X alone.
        latents: K, size of z, where the system is.
        frames: Of an observation, which are its channels. Of 2, one network reads each, and z is what it says of the
            present one, and by how much that differs from what it says of the one before.
        content: Size of w, what it looks like; of split.
        network: Name of the encoders of z and of the decoders.
        content_network: Name of the encoders of w. They are networks of their own: beside z, shapes are never told.
        hidden: Units of the two hidden layers of the transition.
        shared: One encoder and decoder for all sets, or else (--no-shared) one each.
        swap: w paints another image of its set than it is read from, so that it can't say where the system is; not
            (--no-swap) where a set itself is of several contents.
        contrast: Weight of `terms.contrast`, which keeps the map from folding.
        flatness: Weight, at first, of how far the transition is from z' = z + B u; it falls to 0 over the warm-up. Of
            infomax a hundredth of it counts throughout.
        layout: Share of the steps that lay out the map first, by its dynamics alone (`layout`); of split and rce. A
            map that is laid out can be painted after, and not the other way about.
        warm_up: Share of the steps, after these, over which the bound comes to count in full; of split and rce.
        shrinkage: Weight of the mean squared z: the bound leaves its scale free.
        consistency: Weight of the divergence between foretold and encoded states of e2c and pcc, by default .25 and 8;
            of pc3 and world, of their squared distance, by default 1.
        curvature: Weight of pcc's and pc3's curvature of the dynamics.
        information: Weight of `terms.information`, of infomax.
        paint: Weight of what infomax paints the present frame with, nats, and 0 for nothing. What is told most
            precisely, as the first of several links is, else takes all latents, with its sines and products.
        settle: Steps after all others, in which the dynamics of infomax are learnt anew while its codes stay as they
            are.
        chart: M, coordinates of a chart of infomax of two frames (`unbraid.agents.dynamics_content.chart`), or 0 for
            none: z is then where the system is in it, and how much that changed, 2 M numbers, whose dynamics are those
            of a mechanism whose speeds end somewhere. As many as the system's degrees of freedom, and one more for each
            that turns all the way round. Laid out in as many steps as settle says.
        alignment: Weight of `terms.discrepancy`, between the codes of X and of sets of images without partners.
        steps: Optimiser steps.
        batch_size: Transitions that are drawn for a step; half as many of each other set.
        painted: How many of them are read after the layout: paint is dear, and folds are seen by many together.
        learning_rate: Of Adam; it falls linearly to 0 over the last fifth of the steps.
    """

    bound: Literal["split", "rce", "e2c", "pcc", "pc3", "infomax", "world"] = "split"
    latents: int = 2
    frames: int = 1
    content: int = 2
    network: str = "pcc"
    content_network: str = "pooled"
    hidden: int = 64
    shared: bool = True
    swap: bool = True
    contrast: float = 5.0
    flatness: float = 10.0
    layout: float = 0.16
    warm_up: float = 0.1
    shrinkage: float = 0.01
    consistency: float | None = None
    curvature: float = 8.0
    information: float = 2.0
    paint: float = 0.0
    settle: int = 4000
    chart: int = 0
    alignment: float = 100.0
    steps: int = 5000
    batch_size: int = 256
    painted: int = 64
    learning_rate: float = 3e-3

    def __post_init__(self) -> None:
        weights = ["contrast", "flatness", "shrinkage", "information", "paint", "settle", "chart", "alignment"]
        weights += ["content", "curvature"]
        weights += ["consistency"] if self.consistency is not None else []
        self.require("latents", "hidden", "steps", "batch_size", "painted", "learning_rate", at_least_0=tuple(weights))
        for name, share in (("layout", self.layout), ("warm_up", self.warm_up)):
            if not 0 <= share <= 1:
                raise InputError(f"{name} must be from 0 to 1, a share of the steps, not {share}")
        if self.frames not in (1, 2) or self.latents % self.frames:
            raise InputError(
                f"frames must be 1, or 2 with an even number of latents, not {self.frames} with {self.latents} latents"
            )
        if self.bound not in BOUNDS:
            raise InputError(f"bound must be one of {', '.join(BOUNDS)}, not {self.bound!r}")
        if self.paint and self.bound != "infomax":
            raise InputError(f"paint is of --bound infomax: {self.bound} paints in full, or nothing")
        if self.chart and (self.bound != "infomax" or self.frames == 1 or not self.settle):
            raise InputError("a chart is of --bound infomax, of --frames 2, and laid out as it settles (--settle)")
        if self.bound == "split" and not self.content:
            raise InputError("content must be above 0 to split it from the dynamics; without any take --bound rce")


class DynamicsContent(Learner):
    """Codes z and w of images of one system that several sets show differently, and locally linear dynamics of z.

    Set X shows what actions do; the others are images alone. With the shared networks one encoder of z, and one of w,
    read any set's image, and sets differ in their prior's mean of w. It is fixed: learnt means meet, and w tells
    nothing. The dynamics are taken at z_bar: a sample of ``p(z | x)`` in the bound, the mean where it is used.
    (Banijamali et al. 2018; RCE: arXiv:1710.05373.)

    Args:
        shape: Of the images.
        space: Of the actions, Discrete or a bounded Box of vectors.
        sets: How many there are, X among them.
        config: Sizes and weights.
        generator: Draws the initial weights.
    """

    low: Tensor
    high: Tensor
    looks: Tensor
    known: Tensor

    def __init__(self, shape: ImageShape, space: Any, sets: int, config: Config, generator: torch.Generator) -> None:
        super().__init__()
        self.space = space
        low, high = bounds(space)
        pair, own, frame = network(config.network), 1 if config.shared else sets, _frame(shape, config.frames)
        self.config, self.paints = config, config.bound not in UNPAINTED
        self.latents, self.width = config.latents, config.content if config.bound == "split" else 0
        said = 2 * self.latents // config.frames
        told, seen = (said // 2, frame) if config.paint else (self.latents + self.width, shape)
        self.encoders = nn.ModuleList(pair.encoder(frame, said) for _ in range(own))
        self.content_encoders = nn.ModuleList(
            network(config.content_network).encoder(shape, 2 * self.width) for _ in range(own if self.width else 0)
        )
        self.decoders = nn.ModuleList(pair.decoder(told, seen) for _ in range(own))
        if config.bound == "world":
            self.transition: Free | Transition = Free(self.latents, len(low), config.hidden)
        else:
            self.transition = dynamics(config, len(low))
        half = self.latents // 2
        self.chart = Chart(half, config.chart, config.hidden) if config.chart else None
        self.charted: Transition | None = None
        if config.chart:
            self.charted = Bounded(2 * config.chart, len(low), config.hidden)
        self.backward_head = mlp(3 * self.latents + len(low), 2 * self.latents, config.hidden)
        self.log_precision = nn.Parameter(torch.full((), WIDE))
        self.log_noise = nn.Parameter(torch.zeros(self.latents))
        self.register_buffer("low", low)
        self.register_buffer("high", high)
        keeps = KNOWN if config.bound == "infomax" and config.frames == 2 and not config.chart else 0
        self.register_buffer("known", torch.zeros(keeps, self.latents), persistent=bool(keeps))
        initialise(self, generator)
        if isinstance(self.transition, Transition):
            self.transition.begin(generator)
        looks = torch.zeros(sets, self.width)
        self.register_buffer("looks", APART * nn.init.orthogonal_(looks, generator=generator) if self.width else looks)

    def describe(self, x: Tensor, number: int = 0) -> Code:
        """Where the system is: z of float images ``(B, C, H, W)`` of a set."""
        frames = torch.cat(x.chunk(self.config.frames, 1))
        mu, logvar = self.encoders[number % len(self.encoders)](frames).chunk(2, 1)
        code = Code(mu, within(logvar))
        return code if self.config.frames == 1 else moving(code)

    def look(self, x: Tensor, number: int = 0) -> Code:
        """What it looks like: w of float images ``(B, C, H, W)`` of a set; of size 0 where nothing is split."""
        if not self.width:
            return Code(x.new_zeros(len(x), 0), x.new_zeros(len(x), 0))
        mu, logvar = self.content_encoders[number % len(self.content_encoders)](x).chunk(2, 1)
        return Code(mu, within(logvar))

    def paint(self, z: Tensor, content: Tensor, number: int = 0) -> Tensor:
        """What the likelihood reads, ``(B, C, H, W)``; of infomax of two frames, of the one with this place alone."""
        painted: Tensor = self.decoders[number % len(self.decoders)](torch.cat([z, content], 1))
        return painted

    def scaled(self, action: Tensor) -> Tensor:
        """Actions, the environment's or a planner's, as the dynamics read them: ``(B, A)``."""
        return scaled(action, self.space, self.low, self.high)

    def next(self, z: Tensor, action: Tensor) -> Tensor:
        """Where an action leads, ``(B, K)``, by the dynamics around z."""
        after: Tensor = self._dynamics(z).next(z, self.scaled(action))
        return after

    def jacobians(self, z: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """A and B around z, B with respect to the action in its own units: ``(B, K, K)``, ``(B, K, A)``."""
        if isinstance(self.transition, Free):
            return automatic(self.next)(z, action)
        a, b = self._dynamics(z).around(z, self.scaled(action))
        return a, b * (2 / (self.high - self.low))

    def metric(self, goal: Tensor) -> Tensor:
        """M of the squared distance ``d^T M d`` of codes from goals ``(n, K)``: ``(K, K)``.

        Of infomax of two frames without a chart, once it has settled, ways count by how far the system goes them in a
        period from around the goals: nothing else says what a unit of a code is, and a map may be much wider one way
        than another. Of all others M is the identity.
        """
        if not self.known.any():
            return torch.eye(goal.shape[1], device=goal.device)
        place, speed = self.known.chunk(2, 1)
        half = place.shape[1]
        near = speed[torch.cdist(goal[:, :half], place).topk(NEIGHBOURS, largest=False).indices.flatten()]
        spread = near.T @ near / len(near)
        one = torch.linalg.inv(spread + ROUND * spread.trace() / half * torch.eye(half, device=goal.device))
        return torch.kron(torch.eye(2, device=goal.device), one.contiguous())

    def prepare(self, batch: Recalled, step: int, generator: torch.Generator) -> Inputs:
        """The batch, how far the warm-up is, and all noise."""
        config, warmth = self.config, 1.0
        if config.bound in LAID_OUT:
            along = step / config.steps - config.layout
            warmth = -1.0 if along < 0 else min(1.0, along / config.warm_up) if config.warm_up else 1.0
        if warmth >= 0 and self.paints:
            batch = batch.first(config.painted)
        n, device = len(batch.image), batch.image.device
        noise = torch.randn(3, n, self.latents, generator=generator, device=device)
        return Inputs(batch, warmth, noise, torch.randn(2, n, self.width, generator=generator, device=device))

    def forward(self, inputs: Inputs, turn: int = 0) -> dict[str, Tensor]:
        """Named terms of the loss."""
        asked = self.config.bound
        bound = layout if inputs.warmth < 0 else BOUNDS[asked]
        found, weights = bound(self, inputs)
        loss = torch.stack([weights.get(name, 1.0) * value for name, value in found.items()]).sum()
        return {"loss": loss, **found}

    def embed(self, x: Tensor) -> Tensor:
        """Codes z, ``(B, K)``, of float images of set X; in its chart, if it has one, ``(B, 2 M)``."""
        return self._in_chart(self.describe(x).mu)

    @torch.no_grad()
    def encode(self, images: Tensor, number: int = 0) -> Tensor:
        """Codes z, ``(B, K)``, of uint8 images ``(B, H, W, C)`` of a set; in its chart, ``(B, 2 M)``."""
        return self._in_chart(self.describe(to_floats(images), number).mu)

    @torch.no_grad()
    def decode(self, codes: Tensor, number: int = 0) -> Tensor:
        """uint8 images ``(B, H, W, C)`` of codes z, as the set looks on the mean."""
        content = self.looks[number].expand(len(codes), -1)
        return to_images(Bernoulli().mean(self.paint(codes, content, number)))

    def _in_chart(self, z: Tensor) -> Tensor:
        return z if self.chart is None else self.chart.moving(z)

    def _dynamics(self, z: Tensor) -> Any:
        """Those of codes as `encode` gives them."""
        return self.transition(z) if self.charted is None else self.charted(z)


def dynamics(config: Config, actions: int) -> Transition:
    """Untrained locally linear dynamics, of A actions; those of two frames are a mechanism's."""
    kind = Mechanism if config.frames == 2 else Transition
    return kind(config.latents, actions, config.hidden)


def _frame(shape: ImageShape, frames: int) -> ImageShape:
    """Of one frame, where an image's channels are several."""
    if shape.channels % frames:
        raise InputError(f"observations of {shape.channels} channels aren't {frames} frames")
    return shape._replace(channels=shape.channels // frames)


def build(config: Config, source: Any, generator: torch.Generator, sets: int = 1) -> DynamicsContent:
    """An untrained learner for a recording, or for an environment that runs of it are loaded for.

    Raises:
        InputError: Actions that are neither of a list nor bounded numbers, or observations that are no images.
    """
    count = 1 + len(source.others) if isinstance(source, Recording) else sets
    return DynamicsContent(image_shape(source), source.single_action_space, count, config, generator)


def data(config: Config, source: Any, seed: int) -> Recording:
    """The recording; it draws batches itself.

    Raises:
        InputError: An environment instead of a recording, or one without another set where content is to be split.
    """
    del seed
    if not isinstance(source, Recording):
        raise InputError("dynamics_content learns from a recording: give --data FILE.h5, made with unbraid collect")
    if config.bound == "split" and not source.others:
        raise InputError("the recording shows one set only: add another (unbraid collect --set pairs), or --bound rce")
    return source
