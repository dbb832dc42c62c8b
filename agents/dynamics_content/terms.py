"""The terms of the bound, a function each (Banijamali et al. 2018, *Disentangling Dynamics and Content*, equation 5).

All are means over a batch, in nats, and to be made small; z is where the system is, w what it looks like.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

LOG_2_PI = math.log(2 * math.pi)
LEAST = 1e-8
"""Variance below which nothing more precise is asked for."""


def divergence(mu: Tensor, logvar: Tensor, mu_prior: Tensor, logvar_prior: Tensor) -> Tensor:
    """``KL(N(mu, e^logvar) || N(mu_prior, e^logvar_prior))`` of diagonal Gaussians ``(B, D)``: scalar.

    It is three terms of the bound: of ``q(z_bar | z', x)`` from ``p(z_bar | x)``, which the backward transition is
    held to; of contents from their set's prior; and of ``q(v | y)`` from ``q(z | x)``, where x and y show one state
    (equation 6).
    """
    distance = (mu - mu_prior).square() / logvar_prior.exp()
    each = logvar_prior - logvar + (logvar - logvar_prior).exp() + distance - 1
    return 0.5 * each.sum(1).mean()


def negentropy(logvar: Tensor) -> Tensor:
    """``-H(q(z' | x'))`` of Gaussians ``(B, K)``: scalar."""
    return -0.5 * (LOG_2_PI + 1 + logvar).sum(1).mean()


def surprise(z: Tensor, mu: Tensor, logvar: Tensor, stretch: Tensor) -> Tensor:
    """``-log p(z | x)`` of the states that were followed back from z', and how much the transition stretches volumes.

    The paper leaves the stretch out, ``log |det A|``, which is 0 where the transition keeps volumes. Without it the
    density isn't that of z', and a transition that blows up small differences costs nothing.

    Args:
        z: ``A^-1 (z' - B u - c)``, ``(B, K)``.
        mu: Of ``p(z | x)``, ``(B, K)``.
        logvar: Likewise.
        stretch: ``log |det A|``, ``(B,)``.
    """
    density = -0.5 * (LOG_2_PI + logvar + (z - mu).square() / logvar.exp()).sum(1)
    return (stretch - density).mean()


def contrast(foretold: Tensor, codes: Tensor, log_precision: Tensor) -> Tensor:
    """How badly the code that an action was foretold to lead to tells the true next code from those of other rows.

    ``-log N(z'; foretold) / mean_j N(z'_j; foretold)``, of one precision for all: minus the InfoNCE bound on what
    state and action tell of the next state (van den Oord et al. 2018; PC3: Shu et al. 2020). At least minus log B. It
    is beyond the paper, whose bound is content with a map that is folded.

    Args:
        foretold: ``(B, K)``.
        codes: Of the next images, ``(B, K)``.
        log_precision: Scalar.
    """
    scores = -0.5 * log_precision.exp() * torch.cdist(foretold, codes).square()
    return (scores.logsumexp(1) - scores.diagonal()).mean() - math.log(len(codes))


def information(foretold: Tensor, codes: Tensor) -> Tensor:
    """Minus what foretold codes tell of the next ones, if both were Gaussian: scalar.

    ``(log |Cov(z' - foretold)| - log |Cov(z')|) / 2``, unchanged by linear maps of the codes. The contrast has told all
    it can once a code is told from B others, which leaves speeds, a fraction of a pixel between two frames, coarse;
    this has no end. Alone it isn't a bound, since of all codes of one covariance Gaussian ones have the most to tell.

    Args:
        foretold: ``(B, K)``, B well above K.
        codes: Of the next images, ``(B, K)``.
    """
    off, own = (
        torch.logdet(rows.T @ rows / len(rows) + LEAST * torch.eye(rows.shape[1]).to(rows))
        for rows in (codes - foretold, codes - codes.mean(0))
    )
    return (off - own) / 2


def discrepancy(one: Tensor, other: Tensor) -> Tensor:
    """Squared maximum mean discrepancy of two samples of codes, ``(B, K)`` and ``(C, K)`` (Gretton et al. 2012).

    Kernels are ``1 / (1 + d^2 / s)`` for s of 1/4 to 4 times the first sample's mean squared distance. It brings two
    sets together of which no two images show the same state, in place of equation 6.
    """
    both = torch.cat([one, other])
    squared = torch.cdist(both, both).square()
    scale = squared[: len(one), : len(one)].mean().detach().clamp_min(1e-6)
    kernel = torch.stack([1 / (1 + squared / (share * scale)) for share in (0.25, 0.5, 1.0, 2.0, 4.0)]).mean(0)
    n = len(one)
    within = (kernel[:n, :n].sum() - n) / (n * (n - 1))
    m = len(other)
    without = (kernel[n:, n:].sum() - m) / (m * (m - 1))
    return within + without - 2 * kernel[:n, n:].mean()
