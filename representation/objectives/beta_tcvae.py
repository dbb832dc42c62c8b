"""beta-TCVAE: the rate in three parts, each weighted by itself (Chen et al. 2018, arXiv:1802.04942, equation 4)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ._terms import ANY, Batch, Model, check, gaussian_log_density, run

DSPRITES = 737_280
"""Images."""


@dataclass(frozen=True)
class Config:
    """Coefficients.

    Args:
        alpha: Weight of the mutual information of index and code.
        beta: Weight of the total correlation.
        gamma: Weight of the latents' own KL divergences.
        dataset_size: N, how many images there are; by default as many as are stored, where they are, and dSprites'
            number where they are drawn from a world.
        estimator: Of the aggregate posterior q(z): minibatch-weighted, or stratified (appendix C).
    """

    alpha: float = 1.0
    beta: float = 6.0
    gamma: float = 1.0
    dataset_size: int | None = None
    estimator: Literal["weighted", "stratified"] = "weighted"

    def __post_init__(self) -> None:
        check(self, alpha=ANY, beta=ANY, gamma=ANY)
        if self.dataset_size is not None:
            check(self, dataset_size=(2, math.inf))
        if self.estimator not in ("weighted", "stratified"):
            raise ValueError(f"estimator must be weighted or stratified, not {self.estimator!r}")


def loss_terms(config: Config, model: Model, batch: Batch) -> dict[str, Tensor]:
    """``loss = reconstruction + alpha * I(n; z) + beta * TC(z) + gamma * sum_j KL(q(z_j) || p(z_j))``.

    Each expectation is over the batch's samples. With all weights 1 the three parts add up to a one-sample estimate of
    the rate, whatever the estimator of q(z). The weighted one's parts have constant offsets, without gradients: about
    ``log N`` in the information, ``(Z - 1) log N`` in the total correlation, ``-Z log N`` in the latents' own
    divergences. The stratified one's are in true nats.
    """
    output = run(model, batch)
    given = gaussian_log_density(output.z, output.mu, output.logvar).sum(1)
    prior = gaussian_log_density(output.z, torch.zeros_like(output.z), torch.zeros_like(output.z)).sum(1)
    pairs = gaussian_log_density(output.z[:, None], output.mu[None], output.logvar[None])
    weights = log_weights(config, len(output.z), pairs.device)
    joint = (pairs.sum(2) + weights).logsumexp(1)
    marginals = (pairs + weights[:, :, None]).logsumexp(1).sum(1)
    information, tc, own = (given - joint).mean(), (joint - marginals).mean(), (marginals - prior).mean()
    rest = config.alpha * information + config.beta * tc + config.gamma * own
    terms = {"mutual information": information, "total correlation": tc, "dimension-wise kl": own}
    return {"loss": output.reconstruction + rest, "reconstruction": output.reconstruction, **terms}


def log_weights(config: Config, size: int, device: torch.device | str = "cpu") -> Tensor:
    """Logarithms of what each q(z_i | n_j) counts for in q(z_i), ``(B, B)``; row i is sample i, column j image j.

    Weighted: 1 / (B N) each (equation 5). Stratified: 1 / N for the sample's own image, 1 / M for the others of which
    there are M = B - 1, but (N - M) / (N M) for one of them (appendix C.2): unbiased, where the first is not.
    (The authors' code puts the latter two weights in the first columns and not beside the diagonal.)
    """
    n = config.dataset_size if config.dataset_size is not None else DSPRITES
    if config.estimator == "weighted" or size == 1:
        return torch.full((size, size), -math.log(size * n), device=device)
    others = size - 1
    if others >= n:
        raise ValueError(f"dataset_size must be at least the batch's size, {size}, not {n}")
    weights = torch.full((size, size), 1 / others, device=device)
    each = torch.arange(size, device=device)
    weights[each, each] = 1 / n
    weights[each, (each + 1) % size] = (n - others) / (n * others)
    return weights.log()
