"""What several agents are made of."""

from __future__ import annotations

from typing import Any

from gymnasium import spaces
from torch import Tensor, nn

from ..errors import InputError
from ..representation.likelihoods import Bernoulli


def discrete_actions(env: Any, learner: str) -> int:
    """How many actions there are; `InputError` unless they are discrete and counted from 0."""
    space = env.single_action_space
    if not isinstance(space, spaces.Discrete) or space.start != 0:
        raise InputError(
            f"agent {learner!r} needs a discrete action space that starts at 0, and this env has {space}; train vae "
            "in it"
        )
    return int(space.n)


def reconstruction(decoder: nn.Module, x: Tensor, codes: Tensor, share: float) -> Tensor:
    """Nats an image, with their full gradient into the decoder, and a share of it into the codes.

    Where that share is 0 a quarter of the batch is enough: the decoder learns long before the code rests.

    Args:
        decoder: From codes to logits.
        x: Float images ``(B, C, H, W)``.
        codes: ``(B, K)``.
        share: Of the gradient.
    """
    if not share:
        few = max(2, len(x) // 4)
        x, codes = x[:few], codes[:few]
    still = codes.detach()
    return Bernoulli().distortion(x, decoder(still + share * (codes - still)))
