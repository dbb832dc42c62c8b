"""What comes of a sequence of actions, foretold by adding code changes (arXiv:1802.09484, appendix B.2, figure 5a)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...envs import make_factored
from ...representation.networks import to_floats
from .._outcomes import movable
from .model import ICF

RIGHT = 0.5
"""In a factor's own units: what is foretold this near to the truth is right."""


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
    """How well `predict` does on random actions, in the world's own units.

    Foretold codes are read by the linear map from codes to factors that fits all true codes on the way best.

    Args:
        learner: A trained agent.
        env: Its environment's id.
        seed: Of starts and actions.
        walks: How many.
        steps: T, actions of each; a walk counts until its episode ends.
        options: Of the environment.

    Returns:
        After 1 to T actions, of the controllable factors that vary (nothing where there are none):
        ``prediction_error``, mean distance of what is foretold from the truth, in tiles or whatever a factor's values
        are counted in, a twentieth of the range for a continuum; ``prediction_right``, share of walks where no factor
        is more than half of that off; and ``prediction_still``, share where none had changed, the least that counts.
    """
    device = next(learner.parameters()).device
    batch = make_factored(env, walks, device, **options)
    images, start = batch.reset(seed=seed)[0], batch.get_factors()
    kept = movable(batch.factors, start)
    if not kept:
        return {}
    generator = torch.Generator().manual_seed(seed)
    actions = torch.randint(learner.actions, (walks, steps), generator=generator).to(device)
    codes = predict(learner, images, actions)
    going = torch.ones(walks, dtype=torch.bool, device=device)
    seen, true, alive = [codes[:, 0]], [start[:, kept]], [going]
    for action in actions.T:
        image, _, terminated, truncated, _ = batch.step(action)
        going = going & ~(terminated | truncated)
        if not bool(going.any()):
            break
        seen, true, alive = [*seen, learner.encode(image)], [*true, batch.get_factors()[:, kept]], [*alive, going]
    stated = [batch.factors[k] for k in kept]
    unit = torch.tensor([1.0 if one.size else (one.high - one.low) / 20 for one in stated], device=device)
    places, rows = torch.stack(true) / unit, torch.stack(alive)
    pair = (part[rows].double().cpu() for part in (_with_one(torch.stack(seen)), places))
    read = torch.linalg.lstsq(*pair, driver="gelsd").solution.to(places)  # a code may hold too little for any other
    numbers: dict[str, list[float]] = {"prediction_error": [], "prediction_right": [], "prediction_still": []}
    for step in range(1, len(true)):
        here, now = rows[step], places[step]
        missed = (_with_one(codes[:, step]) @ read - now)[here]
        numbers["prediction_error"].append(float(missed.norm(dim=1).mean()))
        numbers["prediction_right"].append(_share_within(missed))
        numbers["prediction_still"].append(_share_within((now - places[0])[here]))
    return numbers


def _with_one(codes: Tensor) -> Tensor:
    return torch.cat([codes, torch.ones_like(codes[..., :1])], -1)


def _share_within(missed: Tensor) -> float:
    return float((missed.abs() <= RIGHT).all(1).double().mean())
