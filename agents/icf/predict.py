"""What comes of a sequence of actions, foretold by adding code changes (arXiv:1802.09484, appendix B.2, figure 5a)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...envs import make_factored
from ...representation.networks import to_floats
from .model import ICF

RIGHT = 0.5
"""In steps: a predicted code this near to the true one is of the same place."""


@torch.no_grad()
def predict(learner: ICF, images: Tensor, actions: Tensor) -> Tensor:
    """Codes along the way; `ICF.decode` draws them.

    Args:
        learner: A trained agent.
        images: What is seen at the start, uint8 ``(n, H, W, C)``.
        actions: int64 ``(n, T)``.

    Returns:
        ``(n, T + 1, K)``, the first of them the start's.
    """
    foresight, each = learner.foresight, torch.arange(len(images), device=images.device)
    code = learner.encode(images)
    seen, codes = foresight.look(to_floats(images), code), [code]
    for action in actions.T:
        lets, moves = foresight.lets(seen, code)[each, action], foresight.moves(code)[each, action]
        code = code + (lets > 0)[:, None] * moves
        codes.append(code)
    return torch.stack(codes, 1)


def foretell(
    learner: ICF, env: str, seed: int, walks: int = 512, steps: int = 10, **options: Any
) -> dict[str, list[float]]:
    """How well `predict` does on random actions.

    Args:
        learner: A trained agent.
        env: Its environment's id.
        seed: Of starts and actions.
        walks: How many.
        steps: T, actions of each; a walk counts until its episode ends.
        options: Of the environment.

    Returns:
        After 1 to T actions: ``prediction_error``, mean distance of the predicted code from the true one, in steps (1
        for a code of steps 1 long); ``prediction_right``, share of walks where it is at most half a step; and
        ``prediction_still``, the same share if it is foretold that nothing changes, the least that counts.
    """
    device = next(learner.parameters()).device
    batch = make_factored(env, walks, device, **options)
    images = batch.reset(seed=seed)[0]
    generator = torch.Generator().manual_seed(seed)
    actions = torch.randint(learner.actions, (walks, steps), generator=generator).to(device)
    codes = predict(learner, images, actions)
    going = torch.ones(walks, dtype=torch.bool, device=device)
    numbers: dict[str, list[float]] = {"prediction_error": [], "prediction_right": [], "prediction_still": []}
    for step, action in enumerate(actions.T, 1):
        image, _, terminated, truncated, _ = batch.step(action)
        going &= ~(terminated | truncated)
        if not bool(going.any()):
            break
        true = learner.encode(image)
        missed, moved = ((codes[going, at] - true[going]).norm(dim=1) for at in (step, 0))
        numbers["prediction_error"].append(float(missed.mean()))
        numbers["prediction_right"].append(float((missed <= RIGHT).double().mean()))
        numbers["prediction_still"].append(float((moved <= RIGHT).double().mean()))
    return numbers
