"""Encoders by name, to be compared by what can be planned with them."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .. import lookup
from ..agents import frozen
from ..agents.frozen import Encode, Moves
from ..envs import make_factored
from ..errors import InputError
from ..representation.networks import to_floats
from .collecting import PART, Asked, draw
from .runs import CONFIG, open_run

PIXELS = "pca"


def encoder(name: str, images: Tensor, latents: int) -> Encode:
    """The encoder of that name, where the images are.

    Args:
        name: ``pca``, principal components of the pixels; the folder of a run, whatever its learner; or
            ``MODULE:NAME``, a class, made without arguments, a torch module or a function. What has a method ``encode``
            is given uint8 images ``(B, H, W, C)`` there; a torch module or function floats ``(B, C, H, W)`` from 0
            to 1.
        images: What the components are of, uint8 ``(N, H, W, C)``.
        latents: How many components.

    Raises:
        InputError: There is no such run or module, or it isn't an encoder.
    """
    if name == PIXELS:
        return _components(images, latents)
    if ":" not in name or (Path(name) / CONFIG).exists():
        found: Encode = open_run(Path(name)).load(images.device).encode
        return found
    made: Any = lookup.load("agents", name, "encoder")
    try:
        made = made() if inspect.isclass(made) else made
    except TypeError as error:
        raise InputError(f"encoder {name!r} is a class that can't be made without arguments: {error}") from None
    if isinstance(made, nn.Module):
        made = made.to(images.device).eval()
    if hasattr(made, "encode"):
        return lambda x: made.encode(x)
    if not callable(made):
        raise InputError(f"encoder {name!r} is neither a torch module nor a function, and has no encode(images)")
    return lambda x: made(to_floats(x))


def _components(images: Tensor, latents: int) -> Encode:
    """The first principal components of the pixels."""
    from sklearn.decomposition import PCA

    flat = images.flatten(1).cpu().numpy() / 255
    if not 1 <= latents <= min(flat.shape):
        raise InputError(f"--latents must be from 1 to {min(flat.shape)} for these images, not {latents}")
    found = PCA(latents, svd_solver="randomized", random_state=0).fit(flat)
    mean, axes = (torch.as_tensor(part).to(images.device, torch.float32) for part in (found.mean_, found.components_))
    return lambda x: (x.flatten(1) / 255 - mean) @ axes.T


def transitions(env: str, rows: int, seed: int, device: Any = "cpu", states: str = "reset", **options: Any) -> Moves:
    """What `unbraid collect` records, in memory: images, an action drawn uniformly, and the images after it."""
    asked = Asked(env, options, "transitions", {}, seed, states)
    parts = [draw(asked, first, min(PART, rows - first)) for first in range(0, rows, PART)]
    found = (torch.cat([torch.as_tensor(part[name]) for part in parts]) for name in Moves._fields)
    return Moves(*(one.to(device) for one in found))


def plan(
    name: str,
    env: str,
    options: dict[str, Any],
    episodes: int,
    seed: int,
    rows: int,
    latents: int,
    device: Any,
    config: frozen.Config | None = None,
    states: str = "reset",
    **how: Any,
) -> tuple[dict[str, Any], Any]:
    """Fit dynamics to transitions, as an encoder shows them, and plan in them.

    Args:
        name: See `encoder`.
        env: The environment's id; "" for that of a run.
        options: Of the environment; a run's own are beside them, where the environment is.
        episodes: See `unbraid.agents.frozen.plan`.
        seed: Of transitions, dynamics and episodes.
        rows: How many transitions.
        latents: See `encoder`.
        device: Where to do it.
        config: How dynamics are fitted.
        states: See `Asked`.
        how: See `unbraid.agents.frozen.plan`.

    Raises:
        InputError: No such environment or encoder, or none that fits the other; or a plan that can't be made.
    """
    if not env:
        run = open_run(Path(name))
        run.require_world()
        env, options = run.env, {**run.env_options, **options}
    space = make_factored(env, 1, **options).single_action_space
    moves = transitions(env, rows, seed, device, states, **options)
    model = frozen.learn(encoder(name, moves.image, latents), moves, space, seed, config)
    return frozen.plan(model, env, episodes, seed, **how, **options)
