"""The selectivity of policies over single latents."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy


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


def additive(change: Tensor, counts: Tensor, effects: Tensor, log_sigma: Tensor) -> Tensor:
    """How badly changes over several actions are told apart by the sums of their actions' effects, nats.

    ``-mean_i log p(i | dh_i)``, where ``p(j | dh) = softmax_j(-|dh - sum_a n_ja v_a|^2 / 2 sigma^2)``: which of the
    batch's sequences of actions a change came from (InfoNCE: van den Oord et al. 2018, arXiv:1807.03748, eq. 4). From 0
    to about log B, where changes say nothing; sequences that do the same can't be told apart.

    Args:
        change: ``h_t+k - h_t``, ``(B, K)``.
        counts: n, how often each action was taken on the way, ``(B, A)``.
        effects: v, what each adds to the code, ``(A, K)``.
        log_sigma: Of the bandwidth, scalar.
    """
    distance = (change[:, None] - counts @ effects).square().sum(2)
    likely = -distance / (2 * (2 * log_sigma).exp())
    return cross_entropy(likely, torch.arange(len(change), device=change.device))


def entropy(log_probabilities: Tensor) -> Tensor:
    """Mean entropy in nats of distributions given by their logarithms, ``(..., A)``: scalar."""
    return -(log_probabilities.exp() * log_probabilities).sum(-1).mean()


def excess(change: Tensor) -> Tensor:
    """How far code changes ``(B, K)`` are longer than 1: the mean of ``max(0, |dh| - 1)^2``, scalar."""
    tiny = torch.finfo(change.dtype).tiny  # the root of 0 has no gradient
    return ((change.square().sum(-1) + tiny).sqrt() - 1).clamp_min(0).square().mean()
