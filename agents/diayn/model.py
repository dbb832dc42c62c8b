"""The DIAYN learner: skills that can be told by where they lead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...errors import InputError
from ...representation.data import Walk, image_shape
from ...representation.networks import ImageShape, initialise, mlp, to_floats
from .._parts import Coder, discrete_actions
from .._skills import Actor, Followed, SkillSettings, log_chances, reading, surplus


@dataclass(frozen=True)
class Config(SkillSettings):
    """The learner and its training.

    Args:
        latents: K, the size of the code.
        skills: P.
    """

    latents: int = 2
    skills: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("latents")
        if self.skills < 2:
            raise InputError(f"skills must be at least 2, not {self.skills}")


class DIAYN(Coder):
    """Encoder f, decoder g, policy ``pi(a | h, z)`` and discriminator ``q(z | h')``, of one skill z among P.

    After each action the policy is rewarded with ``log q(z | h') - log p(z)`` (arXiv:1802.06070, eq. 3), p uniform, and
    with its entropy; the discriminator is trained to tell the skill. The paper's has the state itself; here it has its
    code, shaped by the discriminator and by ``identification``; policy and values read it.

    What else differs: advantage actor-critic on what was just done in place of soft actor-critic on what is stored, and
    a skill ends after ``length`` actions and not only with the episode. A place tells little of a skill that began
    anywhere a few actions ago. With ``discriminate`` = "change" the discriminator sees what the skill changed instead,
    after variational intrinsic control (Gregor et al. 2016, arXiv:1611.07507), and the policy is told of it, too.

    Args:
        shape: Of the images.
        actions: A.
        config: Sizes and weights.
        generator: Draws the initial weights.
    """

    acts = True

    def __init__(self, shape: ImageShape, actions: int, config: Config, generator: torch.Generator) -> None:
        super().__init__(shape, config.latents, config.network)
        self.config, self.actions = config, actions
        self.actor = Actor(config.latents, [config.skills], actions, config)
        self.discriminator = mlp(config.latents, config.skills)
        initialise(self, generator)
        self.actor.calm()

    def policies(self, codes: Tensor) -> Tensor:
        """``pi(a | h, z)`` of all skills where they begin: ``(B, P, A)`` for codes ``(B, K)``."""
        return self.actor.policies(codes)

    def prepare(self, batch: Walk, step: int, generator: torch.Generator) -> Followed:
        """Follow a skill in every environment."""
        return self.actor.follow(self.encode, batch, generator)

    def forward(self, inputs: Followed, turn: int = 0) -> dict[str, Tensor]:
        """Named terms of the loss."""
        config = self.config
        x = to_floats(inputs.images.flatten(0, 1))
        codes = self.encoder(x).unflatten(0, inputs.images.shape[:2])
        logs = log_chances(self.discriminator(reading(codes, config.discriminate)), inputs.skill[:, 0])
        reward = surplus(logs, config.skills)
        acting = self.actor.losses(inputs, codes, reward[..., None])
        terms = {
            "reconstruction": self.reconstruction(x, codes.flatten(0, 1), config.autoencoder),
            "discriminator": -inputs.mean(logs),
            "reward": inputs.mean(reward),
        }
        loss = terms["reconstruction"] + terms["discriminator"] + acting.pop("loss")
        return {"loss": loss, **terms, **acting}


def build(config: Config, env: Any, generator: torch.Generator) -> DIAYN:
    """An untrained learner for ``env``; `InputError` unless its actions are discrete and its observations images."""
    return DIAYN(image_shape(env), discrete_actions(env, "diayn"), config, generator)


def data(config: Config, env: Any, seed: int) -> Walk:
    """The environments, for the learner to act in."""
    return Walk(env, seed)
