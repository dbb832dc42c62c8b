"""The inverse-dynamics learner: its code must tell what was done first on the way from one state to a later one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from ...representation.data import RandomWalk, image_shape, random_actions
from ...representation.networks import ImageShape, initialise, mlp, to_floats
from .. import _outcomes as outcomes
from .._parts import Coder, Settings, discrete_actions
from .._trials import try_all


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


class Passages(NamedTuple):
    """States, and later ones of the same episodes."""

    image: Tensor
    """uint8 ``(B, H, W, C)``."""
    action: Tensor
    """The first, int64 ``(B,)``."""
    later: Tensor
    """uint8 ``(B, H, W, C)``."""
    gap: Tensor
    """Actions from one to the other, from 1: int64 ``(B,)``."""


class PassageWalk(RandomWalk):
    """Endless passages under random actions, of up to ``horizon`` of them; an episode's end is a passage's, too.

    Args:
        env: A vector environment from `make_factored`.
        seed: Of the environments, of the actions and of how many.
        horizon: The most.
    """

    def __init__(self, env: Any, seed: int, horizon: int) -> None:
        super().__init__(env, seed)
        self.horizon = horizon

    def draw(self) -> Passages:  # type: ignore[override]
        """A passage of every environment; all take equally many actions, where none ends before."""
        wanted = int(torch.randint(self.horizon, (), generator=self.generator)) + 1
        begin = later = self.image
        gap = torch.zeros(len(begin), dtype=torch.int64, device=begin.device)
        going = torch.ones_like(gap, dtype=torch.bool)
        space, n = self.env.single_action_space, self.env.num_envs
        actions = [random_actions(space, n, self.generator) for _ in range(wanted)]
        for action in actions:
            moves, ended = self.step(action)
            later = torch.where(going.view(-1, 1, 1, 1), moves.next_image, later)
            gap = gap + going
            going = going & ~ended
        return Passages(begin, actions[0].to(begin.device), later, gap)


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

    def forward(self, inputs: Passages, turn: int = 0) -> dict[str, Tensor]:
        """Named terms of the loss."""
        config = self.config
        x = to_floats(torch.cat([inputs.image, inputs.later]))
        codes = self.encoder(x)
        gap = one_hot(inputs.gap - 1, config.horizon).to(codes.dtype)
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


def data(config: Config, env: Any, seed: int) -> PassageWalk:
    """Passages under random actions."""
    return PassageWalk(env, seed, config.horizon)


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
