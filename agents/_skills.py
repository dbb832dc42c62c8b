"""Skills that are drawn, kept for some actions and learnt by actor-critic: what DIAYN and DUSDi share.

A skill is a tuple of N components, numbers from 0; T actions are taken with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax, one_hot

from ..errors import InputError, UnknownNameError
from ..representation.data import Walk
from ..representation.networks import mlp
from ._parts import Settings

HIDDEN = 128
"""Units of the hidden layers of policies and values."""
MOST = 1000
"""Skills: all of them are tried when they are measured."""
READINGS = ("state", "change")
"""What a discriminator is shown."""


@dataclass(frozen=True)
class SkillSettings(Settings):
    """How skills are followed and learnt.

    Args:
        length: T, actions for which a skill is kept, unless the episode ends before.
        discriminate: What tells the skill after each of its actions: ``state``, where it has come to; or ``change``,
            how that differs from where it began, which the policy is told too.
        discount: gamma, of rewards to come.
        trace: lambda of the generalised advantages.
        entropy: Weight of the policy's entropy, nats an action.
        value: Weight of the values' squared error.
        identification: Weight of ``-log q(a | h' - h)``, nats: the code must tell what was done by the change it made.
            Skills that look alike at first can't shape a code, and no skill is told by a code without shape.
        shrinkage: Weight of the mean squared latent.
        autoencoder: Weight of the reconstruction, in nats an image, in what shapes the code. 0: the decoder only reads
            it.
        network: Name of the encoder and decoder.
        steps: Optimiser steps, a skill of every environment each.
        batch_size: Environments run side by side.
        learning_rate: Of Adam; it falls linearly to 0 over the last fifth of the steps.
    """

    length: int = 4
    discriminate: str = "state"
    discount: float = 0.95
    trace: float = 0.95
    entropy: float = 0.05
    value: float = 0.5
    identification: float = 1.0
    shrinkage: float = 1e-3
    autoencoder: float = 0.0
    network: str = "conv"
    steps: int = 3000
    batch_size: int = 64
    learning_rate: float = 3e-3

    def __post_init__(self) -> None:
        weights = ("entropy", "value", "identification", "shrinkage", "autoencoder")
        self.require("length", "steps", "batch_size", "learning_rate", at_least_0=weights)
        for name in ("discount", "trace"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must be from 0 to 1, not {getattr(self, name)}")
        if self.discriminate not in READINGS:
            raise UnknownNameError("discriminate", self.discriminate, READINGS)


class Followed(NamedTuple):
    """A skill of every environment, T actions each."""

    images: Tensor
    """What was seen, uint8 ``(T + 1, B, H, W, C)``; the episode's last image again where it ended before."""
    factors: Tensor
    """True ones, from -1 to 1, where a learner is given them: ``(T + 1, B, F)``; without those of an episode's end."""
    skill: Tensor
    """int64 ``(B, N)``."""
    actions: Tensor
    """int64 ``(T, B)``."""
    going: Tensor
    """Whether the episode was still going on before each action: float32 ``(T, B)``."""

    def mean(self, values: Tensor) -> Tensor:
        """Of ``(T, B)`` over what was done before episodes ended: scalar."""
        return (self.going * values).sum() / self.going.sum()


class Actor(nn.Module):
    """Policy ``pi(a | h, z)``, values ``V_i(h, z, t)``, one a component, and what tells actions by their changes.

    Policy and values read the code without shaping it. The policies differ
    from each other from the start, as weights are drawn: skills that all do the same can't be told, and stay so.

    Args:
        latents: K, of the code.
        sizes: How many values each of the N components has.
        actions: A.
        settings: How skills are followed.

    Raises:
        InputError: More than a thousand skills.
    """

    def __init__(self, latents: int, sizes: Sequence[int], actions: int, settings: SkillSettings) -> None:
        super().__init__()
        self.sizes, self.settings = tuple(sizes), settings
        if math.prod(sizes) > MOST:
            raise InputError(f"{math.prod(sizes):,} skills are more than can be measured, {MOST:,}: ask for fewer")
        told = latents * (2 if settings.discriminate == "change" else 1) + sum(sizes)
        self.policy_head = mlp(told, actions, HIDDEN)
        self.value_head = mlp(told + 1, len(sizes), HIDDEN)
        self.action_head = mlp(latents, actions)

    def calm(self) -> None:
        """Have no values at first: what is wrongly expected drives policies to single actions."""
        last = self.value_head[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)

    @property
    def skills(self) -> Tensor:
        """All P of them, the last component varying fastest: int64 ``(P, N)``."""
        return torch.cartesian_prod(*map(torch.arange, self.sizes)).view(-1, len(self.sizes))

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Skills, uniform over all: int64 ``(n, N)``."""
        device = generator.device
        drawn = [torch.randint(size, (n,), generator=generator, device=device) for size in self.sizes]
        return torch.stack(drawn, 1)

    def told(self, codes: Tensor, start: Tensor, skill: Tensor) -> Tensor:
        """What policy and values read: code, change since the skill began where it counts, and the skill, one-hot.

        Args:
            codes: ``(..., K)``.
            start: Codes where the skill began, like them.
            skill: int64 ``(..., N)``.
        """
        parts = [codes, codes - start] if self.settings.discriminate == "change" else [codes]
        parts += [one_hot(skill[..., i], size).to(codes.dtype) for i, size in enumerate(self.sizes)]
        return torch.cat(parts, -1)

    def log_policies(self, codes: Tensor, start: Tensor, skill: Tensor) -> Tensor:
        """``log pi(a | h, z)``, ``(..., A)``; see `told`."""
        return log_softmax(self.policy_head(self.told(codes, start, skill)), -1)

    def policies(self, codes: Tensor) -> Tensor:
        """``pi(a | h, z)`` of all P skills where they begin: ``(B, P, A)`` for codes ``(B, K)``."""
        each = codes[:, None].expand(-1, len(self.skills), -1)
        return self.log_policies(each, each, self.skills.to(codes.device).expand(len(codes), -1, -1)).exp()

    @torch.no_grad()
    def follow(
        self, encode: Callable[[Tensor], Tensor], walk: Walk, generator: torch.Generator, given: Sequence[int] = ()
    ) -> Followed:
        """Draw a skill for every environment and act by it.

        Args:
            encode: Codes of images.
            walk: The environments.
            generator: Draws skills and actions.
            given: Places of the factors that are read off the environments.
        """
        image, going = walk.image, torch.ones(len(walk.image), device=walk.image.device)
        skill, factors = self.draw(len(image), generator), _given(walk, given)
        start = code = encode(image)
        images, known, actions, alive = [image], [factors], [], []
        for _ in range(self.settings.length):
            actions.append(torch.multinomial(self.log_policies(code, start, skill).exp(), 1, generator=generator)[:, 0])
            moves, ended = walk.step(actions[-1])
            alive.append(going)
            images.append(torch.where(going.bool().view(-1, 1, 1, 1), moves.next_image, images[-1]))
            going = going * ~ended
            known.append(torch.where(going.bool()[:, None], _given(walk, given), known[-1]))
            code = encode(images[-1])
        return Followed(torch.stack(images), torch.stack(known), skill, torch.stack(actions), torch.stack(alive))

    def losses(self, seen: Followed, codes: Tensor, rewards: Tensor) -> dict[str, Tensor]:
        """Terms of advantage actor-critic and of the code, and ``loss``, their weighted sum.

        ``policy`` is ``-mean log pi(a_t | h_t, z) sum_i A_i,t``, the advantages summed over components.

        Args:
            seen: What was done.
            codes: ``(T + 1, B, K)``.
            rewards: Of each component, ``(T, B, N)``, without gradients.
        """
        settings, still = self.settings, codes.detach()
        here, start = still[:-1], still[:1].expand_as(still[:-1])
        skill = seen.skill.expand(len(here), -1, -1)
        logs = self.log_policies(here, start, skill)
        left = 1 - torch.arange(len(here), device=here.device) / len(here)
        told = [self.told(here, start, skill), left.view(-1, 1, 1).expand(*here.shape[:2], 1)]
        values = self.value_head(torch.cat(told, -1))
        gain = advantages(rewards, values.detach(), seen.going, settings.discount, settings.trace)
        taken = logs.gather(2, seen.actions[..., None])[..., 0]
        terms = {
            "policy": -seen.mean(taken * gain.sum(2)),
            "value": seen.mean((values - values.detach() - gain).square().sum(2)),
            "entropy": -seen.mean((logs.exp() * logs).sum(2)),
            "identification": -seen.mean(log_chances(self.action_head(codes.diff(dim=0)), seen.actions)),
            "squared code": codes.square().mean(),
        }
        loss = terms["policy"] + settings.value * terms["value"] - settings.entropy * terms["entropy"]
        loss = loss + settings.identification * terms["identification"] + settings.shrinkage * terms["squared code"]
        return {"loss": loss, **terms}


def _given(walk: Walk, places: Sequence[int]) -> Tensor:
    """True factors at these places, from -1 to 1: ``(B, F)``."""
    device = walk.image.device
    if not places:
        return torch.zeros(len(walk.image), 0, device=device)
    stated = [walk.env.factors[k] for k in places]
    values: Tensor = walk.env.get_factors()[:, list(places)].to(device, torch.float32)
    low, high = (torch.tensor([float(getattr(one, end)) for one in stated], device=device) for end in ("low", "high"))
    return 2 * (values - low) / (high - low) - 1


def reading(along: Tensor, discriminate: str) -> Tensor:
    """What discriminators are shown of codes or factors ``(T + 1, B, K)``, after each action: ``(T, B, K)``."""
    return along[1:] - along[:1] if discriminate == "change" else along[1:]


def advantages(rewards: Tensor, values: Tensor, going: Tensor, discount: float, trace: float) -> Tensor:
    """Generalised advantages of a horizon that ends with the skill (Schulman et al. 2016, arXiv:1506.02438, eq. 16).

    ``A_t = d_t + gamma lambda A_t+1`` with ``d_t = r_t + gamma V_t+1 - V_t``, and nothing after the skill's or the
    episode's last action.

    Args:
        rewards: ``(T, B, N)``.
        values: Of the states before each action, ``(T, B, N)``.
        going: Whether the episode was still going on before each action, ``(T, B)``.
        discount: gamma.
        trace: lambda.

    Returns:
        ``(T, B, N)``, 0 after an episode's end.
    """
    rewards, values = going[..., None] * rewards, going[..., None] * values
    gain = after = torch.zeros_like(rewards[0])
    found = []
    for reward, value in zip(rewards.flip(0), values.flip(0), strict=True):
        gain = reward + discount * after - value + discount * trace * gain
        after = value
        found.append(gain)
    return torch.stack(found[::-1])


def log_chances(logits: Tensor, chosen: Tensor) -> Tensor:
    """Log-probabilities of what was chosen, int64 ``(B,)`` or ``(T, B)``, under logits ``(T, B, V)``: ``(T, B)``."""
    return log_softmax(logits, -1).gather(2, chosen.expand(logits.shape[:2])[..., None])[..., 0]


def surplus(logs: Tensor, values: int) -> Tensor:
    """``log q(z | .) - log p(z)`` with p uniform over so many values, without gradients."""
    return logs.detach() + math.log(values)
