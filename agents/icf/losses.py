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


def additive(change: Tensor, counts: Tensor, effects: Tensor | None = None) -> Tensor:
    """How badly a change over several actions tells, linearly, how often each of them was taken.

    ``mean |dh V - (n - k / A)|^2 / k``: the variance of counts of k actions drawn at random is ``k / A (1 - 1 / A)``
    each, so this is ``1 - 1 / A`` where changes say nothing. Where actions come in pairs that cancel, left and right,
    some half of that is left at best: only how much more often the one was taken than the other can be told.

    Args:
        change: ``h_t+k - h_t``, ``(B, K)``.
        counts: n, how often each action was taken on the way, k in all, ``(B, A)``.
        effects: V, ``(K, A)``; None: the change has A numbers, one of each action.
    """
    total = counts.sum(1, keepdim=True)
    told = change if effects is None else change @ effects
    return ((told - counts + total / counts.shape[1]).square() / total).sum(1).mean()


def dependence(codes: Tensor) -> Tensor:
    """How far different latents, and their squares, are from uncorrelated over a batch: 0 on the mean if independent.

    ``sum_{i != j} sum_{p, q in {1, 2}} rho(h_i^p, h_j^q)^2 / (K (K - 1))``. Squares, since two latents may hold the sum
    and the difference of two binary factors without being correlated. Every rho^2 is the mean over pairs of different
    environments of the products of theirs, so that it has hardly a bias, and can be negative: rho^2 of a whole small
    batch is 1 / B on the mean for independent latents too, less the more rarely both are far out at once, so that codes
    that rarely are would be preferred to independent ones.

    Args:
        codes: ``(M, B, K)``, K from 2: of M images from each of B environments, B from 2, or how far they are from
            those that episodes began with. Latents whose standard deviation is far below 0.05 count as independent.
    """
    images, environments, latents = codes.shape
    unit = _standardised(codes, 0.05)
    both = torch.cat([unit, _standardised(unit.square(), 0.3)], 2)
    products = torch.einsum("mbi,mbj->bij", both, both) / images
    squared = products.sum(0).square() - products.square().sum(0)
    pairs = squared.view(2, latents, 2, latents).sum((0, 2)) / (environments * (environments - 1))
    return (pairs.sum() - pairs.diagonal().sum()) / (latents * (latents - 1))


def stillness(change: Tensor) -> Tensor:
    """How far latents fall short of a standard deviation of 0.5: mean over them of ``max(0, 1 - 2 std_k)^2``, scalar.

    Args:
        change: Since the episodes began, ``(B, K)``; what stays as it is in each of them, as places that are drawn at
            its start, keeps no latent alive.
    """
    tiny = torch.finfo(change.dtype).tiny  # the root of 0 has no gradient
    spread = (change.var(0, correction=0) + tiny).sqrt()
    return (1 - 2 * spread).clamp_min(0).square().mean()


def _standardised(values: Tensor, least: float) -> Tensor:
    """Values ``(M, B, K)`` of mean 0 and standard deviation 1, or less where theirs was not far above ``least``."""
    centred = values - values.mean((0, 1))
    return centred / (centred.square().mean((0, 1)) + least**2).sqrt()


def entropy(log_probabilities: Tensor) -> Tensor:
    """Mean entropy in nats of distributions given by their logarithms, ``(..., A)``: scalar."""
    return -(log_probabilities.exp() * log_probabilities).sum(-1).mean()


def excess(change: Tensor) -> Tensor:
    """How far code changes ``(B, K)`` are longer than 1: the mean of ``max(0, |dh| - 1)^2``, scalar."""
    tiny = torch.finfo(change.dtype).tiny  # the root of 0 has no gradient
    return ((change.square().sum(-1) + tiny).sqrt() - 1).clamp_min(0).square().mean()
