"""What codes of dynamics and content are worth: reconstructions, predictions, and what can be read from either."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...envs import make_factored
from ...representation import metrics
from ...representation.data import random_actions
from ...representation.likelihoods import Bernoulli
from ...representation.networks import to_floats
from .model import DynamicsContent
from .plan import options_of, set_names

AHEAD = (1, 5, 10, 20)


class Walked(NamedTuple):
    """States along random actions, and how a set shows them."""

    images: Tensor
    """uint8 ``(T + 1, n, H, W, C)``"""
    actions: Tensor
    """float32 ``(T, n, A)``"""
    factors: Tensor
    """float32 ``(T + 1, n, F)``"""


def evaluate(
    learner: DynamicsContent,
    env: str,
    seed: int,
    states: int = 1000,
    others: Sequence[Mapping[str, Any]] = (),
    **options: Any,
) -> dict[str, Any]:
    """Reconstruction, prediction and probes on fresh states, of every set (x, y, y2, ...).

    Args:
        learner: Trained.
        env: The environment's id.
        seed: Of states and actions.
        states: n.
        others: Options of the environment as the sets other than x show it.
        options: Of the environment.

    Returns:
        For each set: ``reconstruction_x``, nats an image, of means of z and w; ``prediction_x``, of the image after an
        action, from the state before (both less the least that any decoder needs, which is the entropy of grey pixels,
        and None of a bound that paints nothing);
        ``foretold_x``, how far the codes foretold for 1, 5, 10 and 20 random actions are from those seen then, read as
        true factors and counted in their deviations, root mean square (None where they are lost). And, of all sets
        together, how well an MLP reads, held out: ``place_from_z`` (R^2 of the worst controllable factor of those that
        differ as episodes begin, None where none does) and ``place_from_w`` (of the best); with several sets
        ``content_from_z`` and ``content_from_w`` (accuracy), beside ``content_chance``.
    """
    walks = [_walk(env, seed, states, options_of(name, others, options), options) for name in set_names(len(others))]
    numbers: dict[str, Any] = {}
    for number, (name, walked) in enumerate(zip(set_names(len(others)), walks, strict=True)):
        numbers |= {f"{key}_{name}": value for key, value in _of_set(learner, walked, number).items()}
    return numbers | _probes(learner, walks, _controllable(env, options))


def _controllable(env: str, options: Mapping[str, Any]) -> list[int]:
    return [k for k, factor in enumerate(make_factored(env, 1, **options).factors) if factor.controllable]


def _walk(env: str, seed: int, n: int, seen: dict[str, Any], options: Mapping[str, Any]) -> Walked:
    """States along ``AHEAD[-1]`` random actions in the world of set X, as a set shows them."""
    far = AHEAD[-1]
    batch, shown = (make_factored(env, n, max_episode_steps=far + 1, **one) for one in (dict(options), seen))
    generator = torch.Generator().manual_seed(seed)
    batch.reset(seed=seed)
    shown.reset(seed=seed)
    images, actions, factors = [], [], []
    for step in range(far + 1):
        factors.append(batch.get_factors())
        shown.set_factors(factors[-1])
        images.append(shown.observe())
        if step < far:
            actions.append(random_actions(batch.single_action_space, n, generator))
            batch.step(actions[-1])
    return Walked(torch.stack(images), torch.stack(actions), torch.stack(factors))


@torch.no_grad()
def _of_set(learner: DynamicsContent, walked: Walked, number: int) -> dict[str, Any]:
    device = next(learner.parameters()).device
    actions = walked.actions.to(device)
    x, x_next = (to_floats(image.to(device)) for image in walked.images[:2])
    z, content = learner.encode(walked.images[0].to(device), number), learner.look(x, number).mu
    foretold = [z]
    for action in actions:
        foretold.append(learner.next(foretold[-1], action))
    read = torch.linalg.lstsq(_design(z), walked.factors[0].to(device)).solution[:-1]
    spread = walked.factors[0].std(0).clamp_min(1e-6).to(device)
    moves = (spread > 1e-5).nonzero()[:, 0]
    off: dict[str, float | None] = {}
    for ahead in AHEAD:
        gap = (foretold[ahead] - learner.encode(walked.images[ahead].to(device), number)) @ read / spread
        root = gap[:, moves].square().mean().sqrt()
        off[str(ahead)] = float(root) if bool(root.isfinite()) else None
    losses: list[float | None] = [None, None]
    if learner.paints:
        losses = [_excess(seen, learner.paint(code, content, number)) for seen, code in ((x, z), (x_next, foretold[1]))]
    return {"reconstruction": losses[0], "prediction": losses[1], "foretold": off}


def _excess(x: Tensor, logits: Tensor) -> float:
    """Nats an image above its own entropy, pixels taken as chances of a 1."""
    sure = x.clamp(1e-6, 1 - 1e-6)
    own = -(x * sure.log() + (1 - x) * (1 - sure).log()).sum() / len(x)
    return float(Bernoulli().distortion(x, logits) - own)


def _design(codes: Tensor) -> Tensor:
    return torch.cat([codes, torch.ones_like(codes[:, :1])], 1)


@torch.no_grad()
def _probes(learner: DynamicsContent, walks: list[Walked], controllable: list[int]) -> dict[str, Any]:
    """What an MLP reads from z and from w."""
    device = next(learner.parameters()).device
    seen = [to_floats(one.images[0].to(device)) for one in walks]
    codes = {"z": [learner.encode(one.images[0].to(device), k) for k, one in enumerate(walks)]}
    codes["w"] = [learner.look(x, k).mu for k, x in enumerate(seen)]
    labels = torch.cat([torch.full((len(one.factors[0]), 1), float(k)) for k, one in enumerate(walks)])
    factors = torch.cat([torch.cat([one.factors[0][:, controllable].cpu() for one in walks]), labels], 1)
    order = torch.randperm(len(factors), generator=torch.Generator().manual_seed(0))
    found: dict[str, Any] = {}
    for name, parts in codes.items():
        rows = torch.cat(parts).cpu()
        if not rows.shape[1]:
            continue
        read = metrics.evaluate(["probe"], rows[order], factors[order])["probe"]
        places = [place for place in read["mlp_r2"][:-1] if place is not None]
        found[f"place_from_{name}"] = min(places, default=None) if name == "z" else max(places, default=None)
        if len(walks) > 1:
            found[f"content_from_{name}"] = read["mlp_accuracy"][-1]
    return found | ({"content_chance": 1 / len(walks)} if len(walks) > 1 else {})
