"""The DUSDi learner: skills of several components, each of which is to move one factor and no other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import InputError, UnknownNameError
from ...representation.data import Walk, image_shape
from ...representation.networks import ImageShape, initialise, mlp, to_floats
from .._parts import Coder, discrete_actions
from .._skills import Actor, Followed, SkillSettings, log_chances, reading, surplus

FACTORS = ("latents", "true")


@dataclass(frozen=True)
class Config(SkillSettings):
    """The learner and its training.

    Args:
        latents: K, the size of the code.
        values: V, how many each component of a skill has.
        penalty: lambda, weight of what a component has of the other factors.
        factors: What components are to move, one each: ``latents``, of the learner's own code; or ``true``, the factors
            that the environment states to be controllable, which is the paper's setting and tells the learner what it
            otherwise has to find.
    """

    latents: int = 2
    values: int = 2
    penalty: float = 0.1
    factors: str = "latents"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("latents", at_least_0=("penalty",))
        if self.values < 2:
            raise InputError(f"values must be at least 2, not {self.values}")
        if self.factors not in FACTORS:
            raise UnknownNameError("factors", self.factors, FACTORS)


class DUSDi(Coder):
    """Encoder f, decoder g, policy ``pi(a | h, z)``, and discriminators of each component z_i of a skill.

    One is shown its own factor, ``q(z_i | s_i)``, another all others, ``q(z_i | s_-i)``. After each action component i
    is rewarded with ``log q(z_i | s_i) - lambda log q(z_i | s_-i)``, up to a constant, and the policy with the sum
    (arXiv:2410.11251): an estimate of ``sum_i I(z_i; s_i) - lambda I(z_i; s_-i)``. Each component has values of its
    own, and their advantages are summed in the policy's gradient: the paper's factorised value, in an actor-critic.

    The paper is given its factors. Here they are the latents, by default: the encoder then climbs the same objective,
    with its gradient reversed where another component's discriminator reads it. With true factors only
    ``identification`` (and ``autoencoder``) shape the code. Skills' length, what discriminators are shown and the
    advantages are as DIAYN's here (`unbraid.agents.diayn`).

    Args:
        shape: Of the images.
        actions: A.
        places: Of the N true factors among the environment's; none where they are the latents.
        config: Sizes and weights.
        generator: Draws the initial weights.
    """

    acts = True

    def __init__(
        self, shape: ImageShape, actions: int, places: list[int], config: Config, generator: torch.Generator
    ) -> None:
        super().__init__(shape, config.latents, config.network)
        self.config, self.actions, self.places = config, actions, places
        count = len(places) or config.latents
        self.actor = Actor(config.latents, count * [config.values], actions, config)
        self.own = nn.ModuleList(mlp(1, config.values) for _ in range(count))
        self.others = nn.ModuleList(mlp(count - 1, config.values) for _ in range(count))
        initialise(self, generator)
        self.actor.calm()

    def policies(self, codes: Tensor) -> Tensor:
        """``pi(a | h, z)`` of all skills where they begin: ``(B, P, A)`` for codes ``(B, K)``."""
        return self.actor.policies(codes)

    def prepare(self, batch: Walk, step: int, generator: torch.Generator) -> Followed:
        """Follow a skill in every environment."""
        return self.actor.follow(self.encode, batch, generator, self.places)

    def told(self, factors: Tensor, skill: Tensor) -> tuple[Tensor, Tensor]:
        """``log q(z_i | s_i)`` and ``log q(z_i | s_-i)``, ``(T, B, N)`` each.

        Args:
            factors: s, ``(T, B, N)``. Their gradient through the second is reversed, and lambda times as large.
            skill: z, int64 ``(B, N)``.
        """
        penalty, count = self.config.penalty, factors.shape[2]
        turned = (1 + penalty) * factors.detach() - penalty * factors
        own, others = [], []
        for i in range(count):
            rest = turned[..., [j for j in range(count) if j != i]]
            own.append(log_chances(self.own[i](factors[..., i : i + 1]), skill[:, i]))
            others.append(log_chances(self.others[i](rest), skill[:, i]))
        return torch.stack(own, 2), torch.stack(others, 2)

    def forward(self, inputs: Followed, turn: int = 0) -> dict[str, Tensor]:
        """Named terms of the loss."""
        config = self.config
        x = to_floats(inputs.images.flatten(0, 1))
        codes = self.encoder(x).unflatten(0, inputs.images.shape[:2])
        factors = inputs.factors if self.places else codes
        own, others = self.told(reading(factors, config.discriminate), inputs.skill)
        reward = surplus(own, config.values) - config.penalty * surplus(others, config.values)
        acting = self.actor.losses(inputs, codes, reward)
        terms = {
            "reconstruction": self.reconstruction(x, codes.flatten(0, 1), config.autoencoder),
            "own factor": -inputs.mean(own.sum(2)),
            "other factors": -inputs.mean(others.sum(2)),
            "reward": inputs.mean(reward.sum(2)),
        }
        loss = terms["reconstruction"] + terms["own factor"] + terms["other factors"] + acting.pop("loss")
        return {"loss": loss, **terms, **acting}


def build(config: Config, env: Any, generator: torch.Generator) -> DUSDi:
    """An untrained learner for ``env``.

    Raises:
        InputError: Its actions aren't discrete, its observations no images, or there are fewer than two factors.
    """
    true = config.factors == "true"
    places = [k for k, factor in enumerate(env.factors) if factor.controllable] if true else []
    count = len(places) if true else config.latents
    if count < 2:
        what = "controllable factors, and this env has" if true else "latents, not"
        raise InputError(f"agent 'dusdi' needs at least 2 {what} {count}; with one thing to control train diayn")
    return DUSDi(image_shape(env), discrete_actions(env, "dusdi"), places, config, generator)


def data(config: Config, env: Any, seed: int) -> Walk:
    """The environments, for the learner to act in."""
    return Walk(env, seed)
