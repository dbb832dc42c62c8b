"""The inverse-dynamics learner: its code must tell what was done first on the way from one state to a later one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from ...representation.data import image_shape
from ...representation.networks import ImageShape, initialise, mlp, to_floats
from .. import _outcomes as outcomes
from .._parts import Coder, Settings, discrete_actions
from .._trials import try_all
from .._walks import Spans, SpanWalk


@dataclass(frozen=True)
class Config(Settings):
    """The learner and its training.

    Args:
        latents: D, the size of the code.
        network: Name of the encoder and decoder.
        horizon: Most actions from one state to the other; how many is drawn at random, and told.
        shrinkage: Weight of the mean squared latent.
        autoencoder: Weight of the reconstruction, in nats an image, in what shapes the code. 0: the decoder only reads
            it.
        steps: Optimiser steps.
        batch_size: Environments run side by side, a pair of states each a step.
        learning_rate: Of Adam; it falls linearly to 0 over the last fifth of the steps.
    """

    latents: int = 2
    network: str = "conv"
    horizon: int = 1
    shrinkage: float = 1e-3
    autoencoder: float = 0.0
    steps: int = 3000
    batch_size: int = 64
    learning_rate: float = 3e-3

    def __post_init__(self) -> None:
        weights = ("shrinkage", "autoencoder")
        self.require("latents", "horizon", "steps", "batch_size", "learning_rate", at_least_0=weights)


class Inverse(Coder):
    """Encoder f, decoder g, and ``q(a_t | f(x_t), f(x_t+k), k)``, trained to maximise its mean logarithm.

    The multi-step inverse model of AC-State (arXiv:2207.08229, eq. 1), without its vector quantisation: the code stays
    continuous, so that it can be compared, latent by latent, with that of independently controllable factors. What
    actions don't change has no use here; nothing asks for axes of its own.

    Args:
        shape: Of the images.
        actions: A.
        config: Sizes and weights.
        generator: Draws the initial weights.
    """

    def __init__(self, shape: ImageShape, actions: int, config: Config, generator: torch.Generator) -> None:
        super().__init__(shape, config.latents, config.network)
        self.config, self.actions = config, actions
        self.action_head = mlp(2 * config.latents + config.horizon, actions)
        initialise(self, generator)

    def forward(self, inputs: Spans, turn: int = 0) -> dict[str, Tensor]:
        """Named terms of the loss."""
        config = self.config
        x = to_floats(torch.cat([inputs.image, inputs.later]))
        codes = self.encoder(x)
        gap = one_hot(inputs.counts.sum(1).long() - 1, config.horizon).to(codes.dtype)
        logits = self.action_head(torch.cat([*codes.chunk(2), gap], 1))
        terms = {
            "reconstruction": self.reconstruction(x, codes, config.autoencoder),
            "inverse": cross_entropy(logits, inputs.action),
            "squared code": codes.square().mean(),
        }
        loss = terms["reconstruction"] + terms["inverse"] + config.shrinkage * terms["squared code"]
        return {"loss": loss, **terms}


def build(config: Config, env: Any, generator: torch.Generator) -> Inverse:
    """An untrained learner for ``env``; `InputError` unless its actions are discrete and its observations images."""
    return Inverse(image_shape(env), discrete_actions(env, "inverse"), config, generator)


def data(config: Config, env: Any, seed: int) -> SpanWalk:
    """Spans of random actions."""
    return SpanWalk(env, seed, config.horizon)


def evaluate(learner: Inverse, env: str, seed: int, states: int = 512, **options: Any) -> dict[str, Any]:
    """What single actions do to the code, beside what they do to the controllable factors.

    Args:
        learner: A trained learner.
        env: Its environment's id.
        seed: Of the states.
        states: How many.
        options: Of the environment.

    Returns:
        ``agreement`` and ``axes_deg``, as an ICF agent's; nothing where no factor that varies can be controlled.
    """
    tried = try_all(learner, env, seed, states, **options)
    kept = outcomes.movable(tried.stated, tried.factors)
    if not kept:
        return {}
    change = tried.codes[:, :, 1] - tried.codes[:, :, 0]
    return {
        "agreement": outcomes.agreement(change, tried.effects[:, :, kept]),
        "axes_deg": outcomes.axes_deg(tried.codes[:, 0, 0], tried.factors[:, kept]),
    }
