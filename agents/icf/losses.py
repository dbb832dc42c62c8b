"""The selectivity of policies over single latents."""

from __future__ import annotations

import torch
from torch import Tensor


def selectivity(change: Tensor, epsilon: float) -> Tensor:
    """The share of a latent change that each latent has, upwards and downwards: ``+-dh_k / (sum_j |dh_j| + epsilon)``.

    After Bengio et al. 2017 (arXiv:1703.07718), signed, in both directions of each latent; from -1 to 1, and 0 where
    nothing changed.

    Args:
        change: ``h' - h``, ``(..., K)``.
        epsilon: Changes much smaller than this count as none.

    Returns:
        ``(..., 2K)``: latents 1 .. K upwards, then downwards.
    """
    share = change / (change.abs().sum(-1, keepdim=True) + epsilon)
    return torch.cat([share, -share], -1)


def expected_selectivity(probabilities: Tensor, action: Tensor, change: Tensor, epsilon: float) -> Tensor:
    """``mean_k E_{a ~ pi_k}[selectivity_k]``, from actions that were drawn uniformly: importance weights A pi_k(a).

    Args:
        probabilities: ``pi_k(a | h)``, ``(B, 2K, A)``.
        action: What was done, int64 ``(B,)``.
        change: What it changed, ``(B, K)``.
        epsilon: See `selectivity`.

    Returns:
        Scalar, at most A times 1 on a batch and at most 1 in expectation.
    """
    weights = probabilities.shape[-1] * probabilities[torch.arange(len(action), device=action.device), :, action]
    return (weights * selectivity(change, epsilon)).mean()


def entropy(log_probabilities: Tensor) -> Tensor:
    """Mean entropy in nats of distributions given by their logarithms, ``(..., A)``: scalar."""
    return -(log_probabilities.exp() * log_probabilities).sum(-1).mean()


def excess(change: Tensor) -> Tensor:
    """How far code changes ``(B, K)`` are longer than 1: the mean of ``max(0, |dh| - 1)^2``, scalar."""
    tiny = torch.finfo(change.dtype).tiny  # the root of 0 has no gradient
    return ((change.square().sum(-1) + tiny).sqrt() - 1).clamp_min(0).square().mean()
