"""The continuous ICF agent: factors from a generator, each of them the name of a policy and of what it changes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax

from ...errors import InputError, UnknownNameError
from ...representation.data import Walk, image_shape
from ...representation.networks import ImageShape, initialise, mlp, to_floats
from .._foresight import BEGIN, Foresight
from .._parts import Coder, Settings, discrete_actions
from .embeddings import EMBEDDINGS
from .kernels import KERNELS

HIDDEN = 128
"""Units of the policies' hidden layers, which tell many outcomes apart."""


@dataclass(frozen=True)
class Config(Settings):
    """The agent and its training.

    Args:
        latents: K, the size of the code and of factors.
        network: Name of the encoder and decoder.
        length: Actions of an option: what a factor names is what that many actions of its policy change.
        noise: Numbers that a factor is generated from, z.
        samples: Factors generated in each state, n; their mean score is what each one's is compared with.
        kernel: gaussian, relu, absolute or cosine: how well a factor fits a change.
        embedding: hypercube, hypersphere, simplex or signed_simplex: where factors lie.
        sigma: The kernel's bandwidth at first; it is learnt. 0: sqrt(K), as the paper has it.
        epsilon: Share of actions that are taken at random.
        entropy: Weight of the policies' entropy, nats an action.
        spread: Weight of the factors' entropy, nats; it keeps the generator from settling on a few.
        excess: Weight of how far an action changes a latent by more than 1, squared.
        hindsight: Weight of ``-log pi(a | h, dh)``: what was done is to be done where what came of it is wanted. For
            the kernel gaussian: another's factors are no changes.
        warm_up: Share of the steps with options of one action, which shape the code; it rests when they are longer.
        value: Weight of the baseline's squared error.
        autoencoder: Weight of the reconstruction, in nats an image, in what shapes the code. 0: the decoder only reads
            it.
        shrinkage: Weight of the mean squared latent.
        steps: Optimiser steps, an option of every environment each.
        batch_size: Environments run side by side.
        learning_rate: Of Adam; it falls linearly to 0 over the last fifth of the steps.
    """

    latents: int = 2
    network: str = "conv"
    length: int = 1
    noise: int = 2
    samples: int = 64
    kernel: str = "gaussian"
    embedding: str = "hypercube"
    sigma: float = 0.5
    epsilon: float = 0.1
    entropy: float = 0.01
    spread: float = 1.0
    excess: float = 3.0
    hindsight: float = 0.1
    value: float = 1.0
    autoencoder: float = 0.0
    shrinkage: float = 1e-3
    warm_up: float = 0.3
    steps: int = 3000
    batch_size: int = 64
    learning_rate: float = 3e-3

    def __post_init__(self) -> None:
        weights = ("sigma", "entropy", "spread", "excess", "hindsight", "value", "autoencoder", "shrinkage")
        self.require("latents", "length", "noise", "steps", "batch_size", "learning_rate", at_least_0=weights)
        for name, what in (("epsilon", "actions"), ("warm_up", "steps")):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must be from 0 to 1, a share of the {what}, not {getattr(self, name)}")
        if self.samples < 2:
            raise InputError(f"samples must be at least 2, not {self.samples}")
        for name, known in (("kernel", KERNELS), ("embedding", EMBEDDINGS)):
            if getattr(self, name) not in known:
                raise UnknownNameError(name, getattr(self, name), known)


class Options(NamedTuple):
    """A batch of options that were followed, T actions each."""

    images: Tensor
    """What was seen, uint8 ``(T + 1, B, H, W, C)``; the episode's last image again where it ended before."""
    codes: Tensor
    """Their codes, ``(T + 1, B, K)``."""
    actions: Tensor
    """int64 ``(T, B)``."""
    going: Tensor
    """Whether the episode was still going on before each action: float32 ``(T, B)``."""
    noise: Tensor
    """What n factors are generated from, ``(B, n, m)``; one of them, drawn at random, was followed."""
    foreseeing: float = 1.0
    """Whether foresight learns already: 0 or 1."""


class Followed(NamedTuple):
    """What n factors' policies make of what was done."""

    log_chance: Tensor
    """Log-probability of the actions under each, ``(B, n)``."""
    log_behaviour: Tensor
    """The same of the epsilon-greedy ones."""
    entropy: Tensor
    """Mean entropy of the policies, nats: scalar."""


class ContinuousICF(Coder):
    """Encoder f, decoder g, generator Phi(h, z), policies pi(a | h, phi), baseline V(h) and latent model T(h, phi).

    Maximises the selectivity ``E log(A(h', h, phi) / mean_n A(h', h, phi_n))``, nats, a lower bound on
    ``I(phi; h' | h)`` (arXiv:1802.09484, eq. 1 and appendix C), over all weights: with REINFORCE and a baseline for
    what policies do, and through h', h and phi directly. One of n factors is followed, drawn at random, and all of them
    learn from what came of it (appendix D), weighted by ``pi(actions | phi_i) / mean_n b(actions | phi_n)``, with b the
    epsilon-greedy policies that may have been followed.

    Ours, too: factors are as far apart as ``spread`` makes them; an action changes a latent by at most 1 (``excess``),
    and factors reach as far as so many actions do. Longer options are learnt when the code rests that single actions
    shaped, and they know what they have done: their policy sees what is left of phi, ``phi - (h_t - h)``. The latent
    model is no network of its own: it follows the policy through what `Foresight` says of single actions.

    Two inputs are multiplied, each with each (appendix A.1); a 1 is appended to both, so that either is seen alone,
    too. Ours, beyond the paper: the kernel's bandwidth is learnt, which the bound allows.

    Args:
        shape: Of the images.
        actions: A.
        config: Sizes and weights.
        generator: Draws the initial weights.
    """

    acts = True

    def __init__(self, shape: ImageShape, actions: int, config: Config, generator: torch.Generator) -> None:
        size = config.latents
        super().__init__(shape, size, config.network)
        self.config, self.actions = config, actions
        self.embedding = EMBEDDINGS[config.embedding]
        self.kernel = KERNELS[config.kernel]
        self.generator = mlp((size + 1) * (config.noise + 1), size + self.embedding.extra)
        self.policy = mlp((size + 1) ** 2, actions, HIDDEN)
        self.baseline = mlp(size, 1)
        self.foresight = Foresight(shape, size, actions)
        initialise(self, generator)
        self.log_sigma = nn.Parameter(torch.tensor(math.log(config.sigma or math.sqrt(size))))

    def factors(self, codes: Tensor, noise: Tensor, length: int | None = None) -> Tensor:
        """``Phi(h, z)``: factors ``(B, n, K)`` of options of that length, by default of whole ones.

        Args:
            codes: h, ``(B, K)``.
            noise: z, ``(B, n, m)``.
            length: Actions.
        """
        return (length or self.config.length) * self.embedding.place(self.generator(bilinear(codes[:, None], noise)))

    def log_policies(self, start: Tensor, codes: Tensor, factors: Tensor) -> Tensor:
        """``log pi(a | h_t, phi - (h_t - h))``: ``(B, n, A)``, of options on their way.

        Args:
            start: h, where the options began, ``(B, K)``.
            codes: h_t, where they are, ``(B, K)`` or ``(B, n, K)``.
            factors: ``(B, n, K)``.
        """
        here = codes if codes.ndim == 3 else codes[:, None]
        left = factors - (here - start[:, None])
        return log_softmax(self.policy(bilinear(here, left)), -1)

    @torch.no_grad()
    def predict(self, images: Tensor, factors: Tensor) -> Tensor:
        """``T(h, phi)``: where options end that take their likeliest actions, as foreseen step by step.

        Args:
            images: What is seen at the start, uint8 ``(B, H, W, C)``.
            factors: ``(B, n, K)``.

        Returns:
            Codes ``(B, n, K)``.
        """
        start = self.encode(images)
        seen = self.foresight.look(to_floats(images), start)
        codes = start[:, None].expand_as(factors)
        for _ in range(self.config.length):
            action = self.log_policies(start, codes, factors).argmax(2, keepdim=True)
            lets = self.foresight.lets(seen, codes).gather(2, action)
            moves = self.foresight.moves(codes)
            moves = moves.gather(2, action[..., None].expand(*action.shape, moves.shape[3]))[:, :, 0]
            codes = codes + (lets > 0) * moves
        return codes

    def scores(self, change: Tensor, factors: Tensor) -> Tensor:
        """``log A_i - log mean_n A_n`` of changes ``(B, K)`` for each of their factors ``(B, n, K)``: ``(B, n)``."""
        fits = self.kernel(change[:, None], factors, self.log_sigma.exp())
        return fits - fits.logsumexp(1, keepdim=True) + math.log(factors.shape[1])

    @torch.no_grad()
    def prepare(self, batch: Walk, step: int, generator: torch.Generator) -> Options:
        """Follow an option in every environment."""
        length = 1 if step < self.config.warm_up * self.config.steps else self.config.length
        config, device = self.config, batch.image.device
        n = len(batch.image)
        noise = torch.randn(n, config.samples, config.noise, generator=generator, device=device)
        code = start = self.encode(batch.image)
        factor = self.factors(code, noise[:, :1], length)
        seen, codes, actions, going = [batch.image], [start], [], []
        alive = torch.ones(n, device=device)
        for _ in range(length):
            chances = explore(self.log_policies(start, code, factor)[:, 0], config.epsilon).exp()
            actions.append(torch.multinomial(chances, 1, generator=generator)[:, 0])
            moves, ended = batch.step(actions[-1])
            going.append(alive)
            seen.append(torch.where(alive.bool().view(-1, 1, 1, 1), moves.next_image, seen[-1]))
            alive = alive * ~ended
            code = self.encode(seen[-1])
            codes.append(code)
        told = torch.stack(seen), torch.stack(codes), torch.stack(actions), torch.stack(going)
        return Options(*told, noise, float(step >= BEGIN * self.config.steps))

    def forward(self, inputs: Options, turn: int = 0) -> dict[str, Tensor]:
        """Named terms of the loss."""
        config = self.config
        images = inputs.images.flatten(0, 1)
        x = to_floats(images)
        codes = self.encoder(x).unflatten(0, inputs.images.shape[:2]) if len(inputs.actions) == 1 else inputs.codes
        still = codes.detach()
        factors = self.factors(still[0], inputs.noise, len(inputs.actions))
        change = codes[-1] - codes[0]
        score = self.scores(change, factors)
        done = self._followed(still, inputs, factors)
        weight = (done.log_chance - done.log_behaviour.logsumexp(1, keepdim=True)).detach().exp() * factors.shape[1]
        baseline = self.baseline(still[0])
        gain = (score - baseline).detach()
        terms = {
            "reconstruction": self.reconstruction(x, codes.flatten(0, 1), config.autoencoder),
            "selectivity": (weight * score).mean(),
            "entropy": done.entropy,
            "hindsight": self._hindsight(still, inputs),
            "spread": spread(factors),
            "value": (weight * (score.detach() - baseline).square()).mean(),
            "excess": (codes.diff(dim=0).abs() - 1).clamp_min(0).square().sum(2).mean(),
            "squared code": codes.square().mean(),
            "sigma": self.log_sigma.exp().detach(),
        }
        loss = terms["reconstruction"] - terms["selectivity"] - (weight * gain * done.log_chance).mean()
        loss = loss - config.entropy * done.entropy - config.spread * terms["spread"]
        loss = loss + config.hindsight * terms["hindsight"] + config.value * terms["value"]
        loss = loss + config.excess * terms["excess"] + config.shrinkage * terms["squared code"]
        foreseen = self._foreseen(x, still, inputs)
        terms |= {f"foresight, {name}": inputs.foreseeing * value for name, value in foreseen.items()}
        return {"loss": loss + inputs.foreseeing * sum(foreseen.values()), **terms}

    def _foreseen(self, x: Tensor, codes: Tensor, inputs: Options) -> dict[str, Tensor]:
        """Losses of what single actions do on the way, as told from the picture that an option began with."""
        length, n = inputs.actions.shape
        done = inputs.going.flatten() > 0
        start, code = (part.repeat(length, *[1] * (part.ndim - 1))[done] for part in (x[:n], codes[0]))
        before, change = (part.flatten(0, 1)[done] for part in (codes[:-1], codes.diff(dim=0)))
        found: dict[str, Tensor] = self.foresight(start, code, before, inputs.actions.flatten()[done], change)
        return found

    def _followed(self, codes: Tensor, inputs: Options, factors: Tensor) -> Followed:
        """What every factor's policy makes of what was done."""
        chance = torch.zeros(factors.shape[:2], device=factors.device)
        behaviour, entropy = chance, chance.new_zeros(())
        for code, action, going in zip(codes[:-1], inputs.actions, inputs.going, strict=True):
            logs = self.log_policies(codes[0], code, factors)
            taken = action.view(-1, 1, 1).expand(*factors.shape[:2], 1)
            mixed = explore(logs, self.config.epsilon)
            chance = chance + going[:, None] * logs.gather(2, taken)[..., 0]
            behaviour = behaviour + going[:, None] * mixed.gather(2, taken)[..., 0]
            entropy = entropy - (logs.exp() * logs).sum(2).mean() / len(inputs.actions)
        return Followed(chance, behaviour, entropy)

    def _hindsight(self, codes: Tensor, inputs: Options) -> Tensor:
        """``-log pi(a | h, dh)``: what was done is what the factor would have asked for that names what came of it."""
        change = (codes[-1] - codes[0])[:, None]
        logs = torch.stack([self.log_policies(codes[0], code, change)[:, 0] for code in codes[:-1]])
        taken = logs.gather(2, inputs.actions[..., None])[..., 0]
        return -(inputs.going * taken).mean()


def bilinear(one: Tensor, other: Tensor) -> Tensor:
    """Products of all pairs of entries, with a 1 appended to both: ``(..., P)`` and ``(..., Q)`` to ``(P+1)(Q+1)``."""
    one, other = (torch.cat([part, torch.ones_like(part[..., :1])], -1) for part in (one, other))
    return (one[..., :, None] * other[..., None, :]).flatten(-2)


def spread(factors: Tensor) -> Tensor:
    """Mean log-distance of each factor ``(B, n, K)`` to the nearest other, times K: their entropy up to a constant."""
    gaps = torch.cdist(factors, factors) + 1e3 * torch.eye(factors.shape[1], device=factors.device)
    return factors.shape[2] * gaps.amin(2).clamp_min(1e-4).log().mean()


def explore(logs: Tensor, epsilon: float) -> Tensor:
    """Logarithms of probabilities ``(..., A)``, a share of which is spread evenly: finite where theirs are."""
    kept, even = (math.log(share) if share else -math.inf for share in (1 - epsilon, epsilon / logs.shape[-1]))
    return torch.logaddexp(logs + kept, logs.new_full((), even))


def build(config: Config, env: Any, generator: torch.Generator) -> ContinuousICF:
    """An untrained agent for ``env``; `InputError` unless its actions are discrete and its observations images."""
    return ContinuousICF(image_shape(env), discrete_actions(env, "icf_continuous"), config, generator)


def data(config: Config, env: Any, seed: int) -> Walk:
    """The environments, for the agent to act in."""
    return Walk(env, seed)
