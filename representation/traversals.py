"""Latent traversals: what a decoder draws while one latent moves and the others stay."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def traverse(
    learner: Any, codes: Tensor, values: int = 9, base: Tensor | None = None, reach: float | None = None
) -> Tensor:
    """Images of each latent swept over the range it takes.

    Args:
        learner: Decodes ``(B, D)``.
        codes: Codes of real states ``(n, D)``; a latent is swept from its 2nd to its 98th percentile.
        values: Images a latent, at even distances.
        base: The code ``(D,)`` that the others keep; by default the one nearest to the mean of ``codes``.
        reach: Every latent is swept from minus this to this, instead of over its own range.

    Returns:
        uint8 ``(D, values, H, W, C)``.
    """
    if base is None:
        base = codes[(codes - codes.mean(0)).square().sum(1).argmin()]
    if reach is None:
        low, high = torch.quantile(codes, 0.02, dim=0), torch.quantile(codes, 0.98, dim=0)
    else:
        low, high = torch.full_like(base, -reach), torch.full_like(base, reach)
    sweep = low + (high - low) * torch.linspace(0, 1, values, device=codes.device)[:, None]
    latents = codes.shape[1]
    grid = base.expand(latents, values, latents).clone()
    each = torch.arange(latents)
    grid[each, :, each] = sweep.T
    images: Tensor = learner.decode(grid.view(-1, latents))
    return images.view(latents, values, *images.shape[1:])
