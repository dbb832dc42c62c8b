"""The learner: encoders and decoders of several sets of images, one dynamics for all, and the losses to choose from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import InputError
from ...representation.data import image_shape
from ...representation.likelihoods import Bernoulli
from ...representation.networks import ImageShape, initialise, mlp, network, to_floats, to_images
from ...representation.recorded import Recalled, Recording
from ...representation.training import Learner
from .._control import bounds, scaled
from .._parts import Settings
from ..planners import automatic
from . import terms
from .transition import Free, Mechanism, Transition

APART = 6.0
"""Length of the means of sets' contents; they are orthogonal where w has room for that, and too far apart to blur."""
WIDE = -3.0
"""Logarithm of the precision that codes are told apart with at first: a narrow look sees no folds far away."""
STILL_FLAT = 0.01
"""Share of the flatness that infomax has throughout."""
KNOWN = 8192
"""Codes of the recording that infomax of two frames keeps."""
NEIGHBOURS = 128
"""Of them those around a goal that tell how far its surroundings are."""
ROUND = 0.1
"""Share of the mean variance that they vary by in any direction."""
NEAR = 0.1
"""How far away curvature is measured, deviation."""


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
        settle: Steps after all others, in which the dynamics of infomax are learnt anew while its codes stay as they
            are.
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
    settle: int = 4000
    alignment: float = 100.0
    steps: int = 5000
    batch_size: int = 256
    painted: int = 64
    learning_rate: float = 3e-3

    def __post_init__(self) -> None:
        weights = ["contrast", "flatness", "shrinkage", "information", "settle", "alignment", "content", "curvature"]
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
        if self.bound == "split" and not self.content:
            raise InputError("content must be above 0 to split it from the dynamics; without any take --bound rce")


class Code(NamedTuple):
    """What an encoder says of images: a Gaussian of z, or of w."""

    mu: Tensor
    """``(B, D)``"""
    logvar: Tensor
    """``(B, D)``"""

    def draw(self, noise: Tensor) -> Tensor:
        """A sample of each, by noise ``(B, D)``."""
        return self.mu + (0.5 * self.logvar).exp() * noise


class Inputs(NamedTuple):
    """What a step of training reads."""

    batch: Recalled
    warmth: float
    """How far the warm-up is, from 0 to 1; below 0 the map is laid out."""
    noise: Tensor
    """Standard normal, ``(3, B, K)``: of the next code, of the backward transition, of other sets."""
    content_noise: Tensor
    """Standard normal, ``(2, B, W)``: of set X, of other sets."""


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
        both = self.latents + self.width
        said = 2 * self.latents // config.frames
        self.encoders = nn.ModuleList(pair.encoder(frame, said) for _ in range(own))
        self.content_encoders = nn.ModuleList(
            network(config.content_network).encoder(shape, 2 * self.width) for _ in range(own if self.width else 0)
        )
        self.decoders = nn.ModuleList(pair.decoder(both, shape) for _ in range(own))
        if config.bound == "world":
            self.transition: Free | Transition = Free(self.latents, len(low), config.hidden)
        else:
            self.transition = dynamics(config, len(low))
        self.backward_head = mlp(3 * self.latents + len(low), 2 * self.latents, config.hidden)
        self.log_precision = nn.Parameter(torch.full((), WIDE))
        self.log_noise = nn.Parameter(torch.zeros(self.latents))
        self.register_buffer("low", low)
        self.register_buffer("high", high)
        keeps = KNOWN if config.bound == "infomax" and config.frames == 2 else 0
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
        code = Code(mu, _within(logvar))
        return code if self.config.frames == 1 else _moving(code)

    def look(self, x: Tensor, number: int = 0) -> Code:
        """What it looks like: w of float images ``(B, C, H, W)`` of a set; of size 0 where nothing is split."""
        if not self.width:
            return Code(x.new_zeros(len(x), 0), x.new_zeros(len(x), 0))
        mu, logvar = self.content_encoders[number % len(self.content_encoders)](x).chunk(2, 1)
        return Code(mu, _within(logvar))

    def paint(self, z: Tensor, content: Tensor, number: int = 0) -> Tensor:
        """What the likelihood reads, ``(B, C, H, W)``."""
        painted: Tensor = self.decoders[number % len(self.decoders)](torch.cat([z, content], 1))
        return painted

    def scaled(self, action: Tensor) -> Tensor:
        """Actions, the environment's or a planner's, as the dynamics read them: ``(B, A)``."""
        return scaled(action, self.space, self.low, self.high)

    def next(self, z: Tensor, action: Tensor) -> Tensor:
        """Where an action leads, ``(B, K)``, by the dynamics around z."""
        after: Tensor = self.transition(z).next(z, self.scaled(action))
        return after

    def jacobians(self, z: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """A and B around z, B with respect to the action in its own units: ``(B, K, K)``, ``(B, K, A)``."""
        if isinstance(self.transition, Free):
            return automatic(self.next)(z, action)
        local = self.transition(z)
        return local.a, local.b * (2 / (self.high - self.low))

    def metric(self, goal: Tensor) -> Tensor:
        """M of the squared distance ``d^T M d`` of codes from goals ``(n, K)``: ``(K, K)``.

        Of infomax of two frames, once it has settled, ways count by how far the system goes them in a period from
        around the goals: nothing else says what a unit of a code is, and a map may be much wider one way than another.
        Of all others M is the identity.
        """
        if not self.known.any():
            return torch.eye(self.latents, device=goal.device)
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
        """Codes z, ``(B, K)``, of float images of set X."""
        return self.describe(x).mu

    @torch.no_grad()
    def encode(self, images: Tensor, number: int = 0) -> Tensor:
        """Codes z, ``(B, K)``, of uint8 images ``(B, H, W, C)`` of a set."""
        return self.describe(to_floats(images), number).mu

    @torch.no_grad()
    def decode(self, codes: Tensor, number: int = 0) -> Tensor:
        """uint8 images ``(B, H, W, C)`` of codes z, as the set looks on the mean."""
        content = self.looks[number].expand(len(codes), -1)
        return to_images(Bernoulli().mean(self.paint(codes, content, number)))


def dynamics(config: Config, actions: int) -> Transition:
    """Untrained locally linear dynamics, of A actions; those of two frames are a mechanism's."""
    kind = Mechanism if config.frames == 2 else Transition
    return kind(config.latents, actions, config.hidden)


Terms = tuple[dict[str, Tensor], dict[str, float]]
"""Of a loss, and the weights of those that count other than in full."""


def layout(learner: DynamicsContent, inputs: Inputs) -> Terms:
    """What lays a map out by its dynamics, before anything is painted: what is ours in `rce`, and where the sets meet.

    Told apart from few, next codes leave a map folded: distant parts of a room lie on each other and are seldom drawn
    together. Of 256 they are. Means alone are laid out; deviations are held to 1, for the bound to begin with. Contents
    are told from the start: what w doesn't tell a decoder when it begins to paint, z would have to.
    """
    config, moves = learner.config, inputs.batch
    now, after = learner.describe(to_floats(moves.image)), learner.describe(to_floats(moves.next_image))
    found, weights = _laid_out(learner, now, after, learner.scaled(moves.action), 1.0)
    codes = [now, after]
    if config.bound == "split":
        for number, seen in enumerate(_seen(moves), start=1):
            codes.append(learner.describe(to_floats(seen), number))
            met, weighed = _met(learner, inputs, number, _sharp(codes[-1]))
            found, weights = found | met, weights | weighed
        few = moves.first(config.painted)
        for number, seen in enumerate([few.image, *_seen(few)]):
            found[_of("content", number)] = _content(learner, learner.look(to_floats(seen), number), number)
    found["blur"] = torch.cat([code.logvar for code in codes]).square().mean()
    return found, weights


def rce(learner: DynamicsContent, inputs: Inputs) -> Terms:
    """The terms of equation 5 that are of set X, and what is ours."""
    config, moves, action = learner.config, inputs.batch, learner.scaled(inputs.batch.action)
    x, x_next = to_floats(moves.image), to_floats(moves.next_image)
    now, after = learner.describe(x), learner.describe(x_next)
    z_next = after.draw(inputs.noise[0])
    look = learner.look(x)
    content = _swapped(look.draw(inputs.content_noise[0]), config.swap)
    mu, logvar = backward(learner, now, z_next, action)
    z_bar = mu + (0.5 * logvar).exp() * inputs.noise[1]
    local = learner.transition(z_bar)
    found = {
        "reconstruction": Bernoulli().distortion(x_next, learner.paint(z_next, content)),
        "backward": terms.divergence(mu, logvar, now.mu, now.logvar),
        "negentropy": terms.negentropy(after.logvar),
        "surprise": terms.surprise(local.back(z_next, action), now.mu, now.logvar, local.stretch),
    }
    ours, weights = _laid_out(learner, now, after, action, 1 - inputs.warmth)
    weights |= dict.fromkeys(found, inputs.warmth)
    if learner.width:
        found["content"] = _content(learner, look, 0)
    return found | ours, weights


def split(learner: DynamicsContent, inputs: Inputs) -> Terms:
    """All terms of equation 5: those of X, and of every other set, with equation 6 where states are known in both."""
    found, weights = rce(learner, inputs)
    for number, seen in enumerate(_seen(inputs.batch), start=1):
        y = to_floats(seen)
        code, look = learner.describe(y, number), learner.look(y, number)
        v = code.draw(inputs.noise[2, : len(y)])
        content = _swapped(look.draw(inputs.content_noise[1, : len(y)]), learner.config.swap)
        met, weighed = _met(learner, inputs, number, code)
        found[_of("reconstruction", number)] = Bernoulli().distortion(y, learner.paint(v, content, number))
        found[_of("content", number)] = _content(learner, look, number)
        found |= met
        weights |= {_of("reconstruction", number): inputs.warmth, **weighed}
    return found, weights


def _laid_out(learner: DynamicsContent, now: Code, after: Code, action: Tensor, flat: float) -> Terms:
    """What is beyond the paper of set X: a contrast, a transition that begins flat, and a scale."""
    config, local = learner.config, learner.transition(now.mu)
    found = {
        "contrast": terms.contrast(local.next(now.mu, action), after.mu, learner.log_precision),
        "flatness": local.bend.square().sum(1).mean(),
        "squared code": after.mu.square().sum(1).mean(),
    }
    return found, dict(zip(found, (config.contrast, config.flatness * flat, config.shrinkage), strict=True))


def _of(term: str, number: int) -> str:
    """What a term of a set is called; those of set X have no number."""
    return f"{term}, set {number}" if number else term


def _seen(batch: Recalled) -> list[Tensor]:
    """Images of the other sets."""
    return [*(pair.other for pair in batch.pairs), *batch.images]


def _met(learner: DynamicsContent, inputs: Inputs, number: int, code: Code) -> Terms:
    """What brings the codes of another set to those of X: equation 6, or, of images without partners, alignment."""
    pairs = inputs.batch.pairs
    if number <= len(pairs):
        known = learner.describe(to_floats(pairs[number - 1].image))
        known = known if inputs.warmth >= 0 else _sharp(known)
        return {_of("same state", number): terms.divergence(*code, *known)}, {}
    name, known = _of("alignment", number), learner.describe(to_floats(inputs.batch.image))
    return {name: terms.discrepancy(known.mu, code.mu)}, {name: learner.config.alignment}


def e2c(learner: DynamicsContent, inputs: Inputs) -> Terms:
    """Embed to control (Watter et al. 2015, arXiv:1506.07365, equations 12 and 13), of set X."""
    config, moves, action = learner.config, inputs.batch, learner.scaled(inputs.batch.action)
    x, x_next = to_floats(moves.image), to_floats(moves.next_image)
    now, after = learner.describe(x), learner.describe(x_next)
    z, nothing = now.draw(inputs.noise[0]), learner.look(x).mu
    local = learner.transition(z)
    foretold = local.next(z, action)
    spread = local.a @ torch.diag_embed(now.logvar.exp()) @ local.a.mT
    found = {
        "reconstruction": Bernoulli().distortion(x, learner.paint(z, nothing)),
        "prediction": Bernoulli().distortion(x_next, learner.paint(foretold, nothing)),
        "prior": terms.divergence(now.mu, now.logvar, torch.zeros_like(now.mu), torch.zeros_like(now.mu)),
        "consistency": _full_divergence(local.next(now.mu, action), spread, after),
    }
    return found, {"consistency": 0.25 if config.consistency is None else config.consistency}


def pcc(learner: DynamicsContent, inputs: Inputs) -> Terms:
    """Prediction, consistency, curvature (Levine et al. 2020, arXiv:1909.01506, equation 8), of set X.

    The curvature is measured a tenth of a unit away. Dynamics have one learnt variance a dimension.
    """
    config, moves, action = learner.config, inputs.batch, learner.scaled(inputs.batch.action)
    x, x_next = to_floats(moves.image), to_floats(moves.next_image)
    now, after = learner.describe(x), learner.describe(x_next)
    z, nothing = now.draw(inputs.noise[0]), learner.look(x).mu
    local, logvar = learner.transition(z), learner.log_noise.expand_as(z)
    foretold = Code(local.next(z, action), logvar)
    found = {
        "prediction": Bernoulli().distortion(x_next, learner.paint(foretold.draw(inputs.noise[1]), nothing)),
        "consistency": terms.divergence(*after, *foretold),
        "curvature": _curvature(learner, z, action, inputs.noise[2]),
    }
    return found, {
        "consistency": 8.0 if config.consistency is None else config.consistency,
        "curvature": config.curvature,
    }


def pc3(learner: DynamicsContent, inputs: Inputs) -> Terms:
    """Predictive coding, consistency, curvature (Shu et al. 2020, arXiv:2003.01086, section 4), of set X.

    Nothing is painted: next codes are told from those of other transitions, and are where they were foretold.
    """
    config, moves, action = learner.config, inputs.batch, learner.scaled(inputs.batch.action)
    z, after = learner.describe(to_floats(moves.image)).mu, learner.describe(to_floats(moves.next_image)).mu
    foretold = learner.transition(z).next(z, action)
    found = {
        "contrast": terms.contrast(foretold, after, learner.log_precision),
        "consistency": (foretold - after).square().sum(1).mean(),
        "curvature": _curvature(learner, z, action, inputs.noise[2]),
        "squared code": after.square().sum(1).mean(),
    }
    consistency = 1.0 if config.consistency is None else config.consistency
    weights = (config.contrast, consistency, config.curvature, config.shrinkage)
    return found, dict(zip(found, weights, strict=True))


def infomax(learner: DynamicsContent, inputs: Inputs) -> Terms:
    """Ours, of set X, for what is too fine to be painted or told from a batch, as speeds are: `terms.information`.

    Of codes of two frames it is what is foretold of the present one. Were it of what that changes by, too, codes would
    be the better the faster they change: maps would fold, and places that differ be hard to tell apart.
    """
    config, moves, action = learner.config, inputs.batch, learner.scaled(inputs.batch.action)
    z, after = learner.describe(to_floats(moves.image)).mu, learner.describe(to_floats(moves.next_image)).mu
    local, present = learner.transition(z), config.latents // config.frames
    found = {
        "information": terms.information(local.next(z, action)[:, :present], after[:, :present]),
        "flatness": local.bend.square().sum(1).mean(),
        "squared code": after.square().sum(1).mean(),
    }
    weights = (config.information, STILL_FLAT * config.flatness, config.shrinkage)
    return found, dict(zip(found, weights, strict=True))


def world(learner: DynamicsContent, inputs: Inputs) -> Terms:
    """A latent world model of set X: codes paint what is seen and, moved on, what is seen next.

    Codes are points, without a prior, as in planning with learnt models (Hafner et al. 2019, arXiv:1811.04551; Hansen
    et al. 2022, arXiv:2203.04955), and foretold ones are held to encoded ones, which are held in place.
    """
    config, moves, action = learner.config, inputs.batch, learner.scaled(inputs.batch.action)
    x, x_next = to_floats(moves.image), to_floats(moves.next_image)
    z, after, nothing = learner.describe(x).mu, learner.describe(x_next).mu, learner.look(x).mu
    foretold = learner.transition(z).next(z, action)
    found = {
        "reconstruction": Bernoulli().distortion(x, learner.paint(z, nothing)),
        "prediction": Bernoulli().distortion(x_next, learner.paint(foretold, nothing)),
        "consistency": (foretold - after.detach()).square().sum(1).mean(),
        "squared code": after.square().sum(1).mean(),
    }
    consistency = 1.0 if config.consistency is None else config.consistency
    return found, {"consistency": consistency, "squared code": config.shrinkage}


BOUNDS = {"split": split, "rce": rce, "e2c": e2c, "pcc": pcc, "pc3": pc3, "infomax": infomax, "world": world}
LAID_OUT = ("split", "rce")
"""Bounds that may begin with a layout."""
UNPAINTED = ("pc3", "infomax")
"""Bounds that paint nothing."""


def backward(learner: DynamicsContent, now: Code, z_next: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and log-variance of ``q(z_bar | z', x)``, ``(B, K)``: the encoder's, moved by what z' says."""
    off = z_next - now.mu
    told = torch.cat([now.mu, now.logvar, off, action], 1)
    mu, logvar = learner.backward_head(told).chunk(2, 1)
    return now.mu + mu, _within(now.logvar + logvar)


def _frame(shape: ImageShape, frames: int) -> ImageShape:
    """Of one frame, where an image's channels are several."""
    if shape.channels % frames:
        raise InputError(f"observations of {shape.channels} channels aren't {frames} frames")
    return shape._replace(channels=shape.channels // frames)


def _moving(code: Code) -> Code:
    """Codes ``(B, K)`` of what moves, of those of frames: ``(2 B, K / 2)``, all of the one before first."""
    (before, now), (blur_before, blur) = code.mu.chunk(2), code.logvar.chunk(2)
    return Code(torch.cat([now, now - before], 1), torch.cat([blur, torch.logaddexp(blur, blur_before)], 1))


def _within(logvar: Tensor) -> Tensor:
    """From -12 to 4, softly above, where a clamp would hold for good what has once come to it."""
    return (4 - functional.softplus(4 - logvar)).clamp_min(-12)


def _sharp(code: Code) -> Code:
    """The same means with deviations of 1: a map is laid out by means, and codes that blur would meet anywhere."""
    return Code(code.mu, torch.zeros_like(code.logvar))


def _swapped(content: Tensor, swap: bool) -> Tensor:
    """Contents ``(B, W)``, each that of another row of the set."""
    return content.roll(1, 0) if swap else content


def _content(learner: DynamicsContent, look: Code, number: int) -> Tensor:
    """Divergence of a set's contents from their prior, a Gaussian of deviation 1 around the set's own mean."""
    mean = learner.looks[number].expand_as(look.mu)
    return terms.divergence(*look, mean, torch.zeros_like(mean))


def _curvature(learner: DynamicsContent, z: Tensor, action: Tensor, noise: Tensor) -> Tensor:
    """How far the dynamics a tenth of a unit away are from those around z, ``(B, K)``: scalar."""
    near = z + NEAR * noise
    off: Tensor = learner.transition(near).next(near, action) - learner.transition(z).next(near, action)
    return off.square().sum(1).mean()


def _full_divergence(mu: Tensor, spread: Tensor, code: Code) -> Tensor:
    """``KL(N(mu, spread) || N(code))`` of a full covariance ``(B, K, K)`` from a diagonal one: scalar."""
    variance = code.logvar.exp()
    trace = (spread.diagonal(dim1=1, dim2=2) / variance).sum(1)
    distance = ((code.mu - mu).square() / variance).sum(1)
    return 0.5 * (trace + distance - mu.shape[1] + code.logvar.sum(1) - torch.logdet(spread)).mean()


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
