"""The discrete ICF agent: an encoder whose every latent has two policies, one to raise it and one to lower it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax

from ...errors import InputError
from ...representation.data import RandomWalk, Transitions, image_shape
from ...representation.networks import ImageShape, initialise, mlp, to_floats
from .._foresight import BEGIN, Foresight
from .._parts import Coder, Settings, discrete_actions
from .._walks import RareFirst, Spans, SpanWalk
from .losses import additive, dependence, entropy, excess, expected_selectivity, stillness


@dataclass(frozen=True)
class Config(Settings):
    """The agent and its training.

    Args:
        latents: K, the size of the code; there are 2K policies.
        network: Name of the encoder and decoder.
        temperature: Weight of the policies' entropy (in nats) against their selectivity; it keeps them from
            settling before the latents mean anything.
        epsilon: Latent changes much smaller than this count as none, and larger ones as worth the more.
        excess: Weight of the squared length of code changes beyond 1. With epsilon it makes steps as long as each
            other.
        shrinkage: Weight of the mean squared latent, since selectivity leaves the code's origin free.
        additivity: Weight of `losses.additive`: a change over up to ``horizon`` actions must tell, linearly, how often
            each was taken; that of the code, and that of A further numbers from the same encoder. For several things to
            control: selectivity alone is content with two digits' sum in one latent and nothing in another.
        horizon: Actions of such a change, at most; how many is drawn at random.
        independence: Weight of `losses.dependence`, how far different latents are from independent. For what can be
            changed in few states only, as switches: else all latents that are left take to the same one.
        liveness: Weight of `losses.stillness`, how far latents fall short of changing by half a step within episodes.
            For what few actions change: a latent that no policy moves yet only takes from the others' shares, and is
            squeezed to nothing. With it, independence is of changes since episodes began, too: two latents may else
            hold the sum and the difference of something that is changed and something that never is.
        pool: Environments that are stepped for each that is learnt from: those are chosen, rare outcomes first
            (`RareFirst`). For what random actions seldom change, as a box that must be walked to and pushed.
        warm_up: Share of the steps over which the weight of the selectivity rises from 0 to 1, so that the code holds
            what can be controlled before it is turned to its axes; with additivity.
        autoencoder: Weight of the reconstruction, in nats an image, in what shapes the code. 0: the decoder only reads
            it.
        steps: Optimiser steps.
        batch_size: Transitions a step, of as many environments; of more, with a pool.
        learning_rate: Of Adam; it falls linearly to 0 over the last fifth of the steps.
    """

    latents: int = 2
    network: str = "conv"
    temperature: float = 0.1
    epsilon: float = 0.3
    excess: float = 3.0
    shrinkage: float = 1e-3
    additivity: float = 0.0
    horizon: int = 30
    independence: float = 0.0
    liveness: float = 0.0
    pool: int = 1
    warm_up: float = 0.0
    autoencoder: float = 0.0
    steps: int = 3000
    batch_size: int = 64
    learning_rate: float = 3e-3

    def __post_init__(self) -> None:
        weights = ("temperature", "additivity", "independence", "liveness", "excess", "shrinkage", "autoencoder")
        self.require(
            "latents", "horizon", "pool", "steps", "batch_size", "learning_rate", "epsilon", at_least_0=weights
        )
        if self.independence and self.latents < 2:
            raise InputError("independence is of different latents, and there is one")
        if not 0 <= self.warm_up <= 1:
            raise InputError(f"warm_up must be from 0 to 1, a share of the steps, not {self.warm_up}")

    @property
    def environments(self) -> int:
        """How many are run side by side."""
        return self.pool * self.batch_size


class Inputs(NamedTuple):
    """What a step of training reads."""

    moves: Transitions | Spans
    """Under uniformly random actions; spans of several of them where changes are to add up."""
    warmth: float
    """How far the warm-up is: the weight of the selectivity, from 0 to 1."""
    foreseeing: float
    """Whether foresight learns already: 0 or 1."""


class ICF(Coder):
    """Encoder f, decoder g, policies pi_1 .. pi_2K over A discrete actions, and what tells them by their changes.

    Encoder and policies are trained to maximise ``mean_k E_{pi_k}[selectivity_k] + temperature * H(pi_k)``
    (arXiv:1802.09484, appendices B.1 and D): what shapes the code is what actions do to it. The expectation over
    actions is exact in pi, so no REINFORCE is needed. Ours, beyond the paper: changes are up to 1 long (``excess``), as
    the paper's are on the vertices of a hypercube (appendix B.2); changes over many actions can be asked to tell how
    often each was taken (``additivity``), which comes first (``warm_up``); and `Foresight` learns beside it what
    actions will do. With additivity alone in the code, two digits' sum is a saddle that takes long to leave; numbers
    of the encoder's own for every action have none, and once they tell the digits apart, so does the code.

    The decoder learns to draw images from h, standardised. By default it passes nothing back: a code that is bent
    towards easy drawing early on stays rugged. (The authors' published code trains an autoencoder along, whose decoder
    reads a convolution's output and not h.)

    Args:
        shape: Of the images.
        actions: A.
        config: Sizes and weights.
        generator: Draws the initial weights.
    """

    def __init__(self, shape: ImageShape, actions: int, config: Config, generator: torch.Generator) -> None:
        super().__init__(shape, config.latents, config.network, extra=actions if config.additivity else 0)
        self.config, self.actions = config, actions
        self.policy_head = mlp(config.latents, 2 * config.latents * actions)
        self.foresight = Foresight(shape, config.latents, actions)
        initialise(self, generator)
        effects = 0.5 * torch.randn(config.latents, actions, generator=generator)
        self.effects = nn.Parameter(effects) if config.additivity else None
        # Uniform at first, whatever h is: an encoder that starts out rugged must not be fitted by rugged policies.
        last = self.policy_head[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)

    def policies(self, codes: Tensor) -> Tensor:
        """``pi_k(a | h)``: ``(B, 2K, A)`` for codes ``(B, K)``."""
        return self.log_policies(codes).exp()

    def log_policies(self, codes: Tensor) -> Tensor:
        """Logarithms of `policies`: finite where a probability rounds to 0."""
        logits = self.policy_head(codes)
        return log_softmax(logits.view(len(codes), 2 * self.config.latents, self.actions), -1)

    def prepare(self, batch: Transitions | Spans, step: int, generator: torch.Generator) -> Inputs:
        """The batch, and how far the training is."""
        del generator
        warmth = min(1.0, step / max(1.0, self.config.warm_up * self.config.steps))
        return Inputs(batch, warmth, float(step >= BEGIN * self.config.steps))

    def forward(self, inputs: Inputs, turn: int = 0) -> dict[str, Tensor]:
        """Named terms of the loss."""
        config, moves = self.config, inputs.moves
        seen = [moves.image, moves.next_image, *([moves.later] if isinstance(moves, Spans) else [])]
        x = to_floats(torch.cat(seen))
        codes, extra = self.encoder(x).tensor_split([self.latents], 1)
        before, after, *later = codes.chunk(len(seen))
        change = after - before
        # The policies read h without shaping it: only what they bring about does.
        log_policies = self.log_policies(before.detach())
        terms = {
            "reconstruction": self.reconstruction(x.chunk(len(seen))[1], after, config.autoencoder),
            "selectivity": expected_selectivity(log_policies.exp(), moves.action, change, config.epsilon),
            "entropy": entropy(log_policies),
            "excess": excess(change),
            "squared code": codes.square().mean(),
        }
        if isinstance(moves, Spans):
            begin, _, end = extra.chunk(3)
            told = additive(end - begin, moves.counts) + additive(later[0] - before, moves.counts, self.effects)
            terms["additivity"] = told
        first = to_floats(moves.first_image)
        with torch.no_grad():
            first_code = self.embed(first)
        if config.independence:
            fixed = first_code if config.liveness else torch.zeros_like(first_code)
            terms["dependence"] = dependence(codes.unflatten(0, (len(seen), -1)) - fixed)
        if config.liveness:
            terms["stillness"] = stillness(before - first_code)
        foreseen = self.foresight(first, first_code, before, moves.action, change)
        terms |= {f"foresight, {name}": inputs.foreseeing * value for name, value in foreseen.items()}
        weights = self._weights(inputs.warmth)
        loss = torch.stack([weights.get(name, 1.0) * value for name, value in terms.items()]).sum()
        return {"loss": loss, **terms}

    def _weights(self, warmth: float) -> dict[str, float]:
        """Of the terms that count other than in full."""
        config = self.config
        weights = {"selectivity": -warmth, "entropy": -config.temperature, "excess": config.excess}
        weights |= {"squared code": config.shrinkage, "additivity": config.additivity}
        return weights | {"dependence": config.independence, "stillness": config.liveness}


def build(config: Config, env: Any, generator: torch.Generator) -> ICF:
    """An untrained agent for ``env``; `InputError` unless its actions are discrete and its observations images."""
    return ICF(image_shape(env), discrete_actions(env, "icf"), config, generator)


def data(config: Config, env: Any, seed: int) -> RandomWalk | RareFirst:
    """Transitions under random actions; spans of several where changes are to add up; rare ones first with a pool."""
    walk = SpanWalk(env, seed, config.horizon) if config.additivity else RandomWalk(env, seed)
    return RareFirst(walk, config.batch_size) if config.pool > 1 else walk
