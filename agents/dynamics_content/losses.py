"""The losses to choose from: the bound of dynamics and content, what it is compared with, and ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...representation.likelihoods import Bernoulli
from ...representation.networks import to_floats
from ...representation.recorded import Recalled
from . import terms
from .codes import Code, Inputs, sharp, within

if TYPE_CHECKING:
    from .model import DynamicsContent

STILL_FLAT = 0.01
"""Share of the flatness that infomax has throughout."""
BLUR = 0.1
"""Of codes that infomax paints from, deviations."""
NEAR = 0.1
"""How far away curvature is measured, deviation."""
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
            met, weighed = _met(learner, inputs, number, sharp(codes[-1]))
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
        known = known if inputs.warmth >= 0 else sharp(known)
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
    be the better the faster they change: maps would fold, and places that differ be hard to tell apart. If anything is
    painted it is from blurred codes, so that they hold it at a scale that counts.
    """
    config, moves, action = learner.config, inputs.batch, learner.scaled(inputs.batch.action)
    x_next = to_floats(moves.next_image)
    z, after = learner.describe(to_floats(moves.image)).mu, learner.describe(x_next).mu
    local, present = learner.transition(z), config.latents // config.frames
    found = {
        "information": terms.information(local.next(z, action)[:, :present], after[:, :present]),
        "flatness": local.bend.square().sum(1).mean(),
        "squared code": after.square().sum(1).mean(),
    }
    weights = [config.information, STILL_FLAT * config.flatness, config.shrinkage]
    if config.paint:
        few, seen = after[: config.painted, :present], x_next[: config.painted].chunk(config.frames, 1)[-1]
        blur = BLUR * after[:, :present].std(0) * inputs.noise[0, : len(few), :present]
        found["reconstruction"] = Bernoulli().distortion(seen, learner.paint(few + blur, few[:, :0]))
        weights.append(config.paint)
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
    return now.mu + mu, within(now.logvar + logvar)


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
