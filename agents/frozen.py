"""Anybody's encoder, for planning: locally linear dynamics are fitted on its codes, and planned in."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..errors import InputError
from ..representation.networks import initialise
from ..representation.training import FitOptions, Learner, fit
from ._control import begin, bounds, scaled, steer
from ._goals import Trip
from ._parts import Settings
from .dynamics_content.settle import PART, Coded, Rows
from .dynamics_content.transition import Transition

Encode = Callable[[Tensor], Tensor]
"""uint8 images ``(B, H, W, C)`` to codes ``(B, K)``."""
HELD_OUT = 0.1
"""Share of the transitions that dynamics are measured on and not fitted to."""


@dataclass(frozen=True)
class Config(Settings):
    """How dynamics are fitted.

    Args:
        hidden: Units of the two hidden layers of the network of A, B and c.
        steps: Optimiser steps.
        batch_size: Transitions a step.
        learning_rate: Of Adam; it falls linearly to 0 over the last fifth of the steps.
    """

    hidden: int = 128
    steps: int = 3000
    batch_size: int = 256
    learning_rate: float = 3e-3

    def __post_init__(self) -> None:
        self.require("hidden", "steps", "batch_size", "learning_rate")


class Moves(NamedTuple):
    """Transitions of an environment."""

    image: Tensor
    """uint8 ``(N, H, W, C)``"""
    action: Tensor
    """Of a Box space float32 ``(N, A)``, of a Discrete one int64 ``(N,)``."""
    next_image: Tensor
    """uint8 ``(N, H, W, C)``"""


class CodeDynamics(Learner):
    """Locally linear dynamics ``z' = A z + B u + c`` of codes, by mean squared error; the encoder stays as it is.

    Codes are shifted to a mean of 0 and divided by one number, so that their root mean square is 1: what an encoder
    makes much of counts for much. One that is larger for what doesn't matter is worse to plan with, and that is so
    measured.

    Args:
        encode: See `Encode`.
        mean: Of its codes, ``(K,)``.
        scale: Of its codes.
        space: Of the actions, Discrete or a bounded Box of vectors.
        config: Sizes.
        generator: Draws the initial weights.
    """

    low: Tensor
    high: Tensor
    mean: Tensor
    held_out: float = math.nan
    """`foretold` of transitions that it was not fitted to."""

    def __init__(
        self, encode: Encode, mean: Tensor, scale: float, space: Any, config: Config, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.encoder, self.scale = (encode,), scale  # a tuple: weights of a module are not ours to train
        self.space = space
        for name, value in zip(("low", "high"), bounds(space), strict=True):
            self.register_buffer(name, value)
        self.register_buffer("mean", mean)
        self.transition = Transition(len(mean), len(self.low), config.hidden)
        initialise(self, generator)
        self.transition.begin(generator)

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Codes ``(B, K)``, of mean 0 and scale 1, of uint8 images ``(B, H, W, C)``."""
        return (torch.cat([self.encoder[0](part) for part in torch.split(images, PART)]) - self.mean) / self.scale

    def decode(self, codes: Tensor) -> Tensor:
        """There is no decoder; `NotImplementedError`."""
        raise NotImplementedError("an encoder alone paints nothing")

    def next(self, z: Tensor, action: Tensor) -> Tensor:
        """Codes ``(B, K)`` after actions ``(B, A)``."""
        after: Tensor = self.transition(z).next(z, scaled(action, self.space, self.low, self.high))
        return after

    def jacobians(self, z: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """A and B around z, B with respect to the action in its own units: ``(B, K, K)``, ``(B, K, A)``."""
        del action
        local = self.transition(z)
        return local.a, local.b * (2 / (self.high - self.low))

    def metric(self, goal: Tensor) -> Tensor:
        """Distances of codes are Euclidean; see `unbraid.agents._control.Model`."""
        return torch.eye(goal.shape[1], device=goal.device)

    def forward(self, inputs: Coded, turn: int = 0) -> dict[str, Tensor]:
        """``loss``: the squared error of the next code."""
        foretold = self.transition(inputs.z).next(inputs.z, inputs.action)
        return {"loss": (foretold - inputs.after).square().sum(1).mean()}

    @torch.no_grad()
    def foretold(self, moves: Coded) -> float:
        """R^2 of what actions change codes by: 1 where it is all foretold, 0 where no change would be as good."""
        moved = (moves.after - moves.z).square().sum(1).mean()
        return 1 - float(self(moves)["loss"] / moved.clamp_min(1e-12))


def learn(encode: Encode, moves: Moves, space: Any, seed: int, config: Config | None = None) -> CodeDynamics:
    """Fit dynamics to transitions.

    Args:
        encode: See `Encode`; it runs where the images are.
        moves: At least 20.
        space: Of the actions.
        seed: Of weights and batches.
        config: How; by default as `Config` says.

    Returns:
        The dynamics; ``model.held_out`` is `CodeDynamics.foretold` of transitions that they were not fitted to.

    Raises:
        InputError: Fewer transitions, actions of another space, or an encoder that gives no finite codes ``(B, K)``,
            or the same for all images.
    """
    config = config or Config()
    if len(moves.image) < 20:
        raise InputError(f"dynamics are fitted to at least 20 transitions, not {len(moves.image)}")
    codes, after = (_encoded(encode, images) for images in (moves.image, moves.next_image))
    mean = codes.mean(0)
    scale = float((codes - mean).square().mean().sqrt())
    if not scale:
        raise InputError("the encoder gives the same code for all images")
    model = CodeDynamics(encode, mean, scale, space, config, torch.Generator().manual_seed(seed)).to(codes.device)
    action = scaled(moves.action.to(codes.device), space, model.low, model.high)
    coded = Coded((codes - mean) / scale, action, (after - mean) / scale)
    kept = len(codes) - max(1, int(HELD_OUT * len(codes)))
    known, unknown = (Coded(*(part[where] for part in coded)) for where in (slice(kept), slice(kept, None)))
    options = FitOptions(
        config.steps, config.learning_rate, seed=seed, device=codes.device.type, progress=False, title="dynamics"
    )
    with TemporaryDirectory() as folder:
        fit(model, Rows(known, config.batch_size, seed), options, Path(folder))
    model.eval().requires_grad_(False)
    model.held_out = model.foretold(unknown)
    return model


def plan(
    model: CodeDynamics,
    env: str,
    episodes: int,
    seed: int,
    max_steps: int = 40,
    planner: str | None = None,
    horizon: int = 10,
    **options: Any,
) -> tuple[dict[str, Any], Trip]:
    """Episodes of the world's task, or between random states where it sets none, all planned at once.

    Args:
        model: From `learn`.
        env: The environment's id.
        episodes: n.
        seed: Of the episodes and of plans.
        max_steps: T, actions of an episode.
        planner: ilqr, cem, icem or mppi; by default ilqr, and cem for actions of a list.
        horizon: H, actions planned ahead.
        options: Of the environment.

    Returns:
        See `unbraid.agents._control.drive`, and ``foretold``, `CodeDynamics.foretold` of held-out transitions, and
        ``latents``, K; and the episodes.

    Raises:
        InputError: See `unbraid.agents._control.steer`.
    """
    task = begin(env, episodes, seed, max_steps, model.mean.device, **options)
    numbers, trip = steer(model, task, seed, max_steps, planner, horizon)
    return {**numbers, "foretold": model.held_out, "latents": len(model.mean)}, trip


@torch.no_grad()
def _encoded(encode: Encode, images: Tensor) -> Tensor:
    """Codes of many images; `InputError` where they are none."""
    try:
        codes = torch.cat([torch.as_tensor(encode(part)) for part in torch.split(images, PART)]).float()
    except Exception as error:  # whatever a user's module raises
        shape = tuple(images.shape[1:])
        raise InputError(f"the encoder fails on uint8 images (B, {', '.join(map(str, shape))}): {error}") from error
    if codes.ndim != 2 or len(codes) != len(images):
        raise InputError(f"the encoder gives {tuple(codes.shape)} for {len(images)} images; codes (B, K) are needed")
    if not bool(codes.isfinite().all()):
        raise InputError("the encoder gives codes that are NaN or infinite")
    return codes
