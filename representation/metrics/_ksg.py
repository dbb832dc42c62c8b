"""Mutual information from distances to nearest neighbours, in nats."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial import cKDTree
from scipy.special import digamma
from torch import Tensor

from ._spec import Floats

JITTER = 1e-10
_INSIDE = 1 - 1e-10  # so that rounding doesn't count the neighbour itself; near ones are told apart exactly


def noisy(values: Tensor, rng: np.random.Generator) -> Tensor:
    """``(n, D)``, standardised before, with Gaussian jitter of standard deviation 1e-10, which parts equal values."""
    return values + JITTER * torch.from_numpy(rng.standard_normal(values.shape)).to(values.device)


def between_vectors(x: Floats, y: Floats, neighbours: int) -> float:
    """``psi(k) + psi(n) - <psi(n_x + 1) + psi(n_y + 1)>`` (Kraskov et al. 2004, equation 8): ``(n, a)``, ``(n, b)``.

    n_x points lie nearer in x than a point's k-th neighbour does in (x, y), by the maximum norm.
    """
    joint = np.concatenate([x, y], axis=1)
    radius = cKDTree(joint).query(joint, [neighbours + 1], p=np.inf)[0][:, 0]
    counts = _within(x, radius), _within(y, radius)
    mean = np.mean(digamma(counts[0]) + digamma(counts[1]))
    return float(digamma(neighbours) + digamma(len(x)) - mean)


def _within(points: Floats, radius: Floats) -> Floats:
    """How many points ``(n, a)`` lie nearer than ``radius`` ``(n,)`` to each, itself counted: ``(n,)``."""
    reach = np.nextafter(radius, 0)
    if points.shape[1] > 1:
        counts = cKDTree(points).query_ball_point(points, reach, p=np.inf, return_length=True)
        return np.asarray(counts, dtype=np.float64)
    line = np.sort(points[:, 0])
    upper = np.searchsorted(line, points[:, 0] + radius * _INSIDE, "left")
    return np.asarray(upper - np.searchsorted(line, points[:, 0] - radius * _INSIDE, "right"), dtype=np.float64)


def with_labels(values: Tensor, labels: Tensor, neighbours: int) -> Tensor:
    """``psi(n) + <psi(k)> - <psi(n_label)> - <psi(m)>`` (Ross 2014, equation 2) of each column: ``(D,)``.

    m points lie nearer than a point's k-th neighbour of the same label, itself counted. As in scikit-learn's
    `mutual_info_classif`: a label with k points or fewer takes one neighbour less than it has points, and one with a
    single point is left out.

    Args:
        values: ``(n, D)``, without ties (see `noisy`).
        labels: int64 ``(n,)``, 0, 1, ...
        neighbours: k.
    """
    sizes = torch.bincount(labels)
    kept = sizes[labels] > 1
    if not kept.any():
        return values.new_zeros(values.shape[1])
    columns, labels = values[kept].T.contiguous(), labels[kept]
    line = columns.sort(dim=1).values
    radius, grouped = _radius_in_group(columns, labels, neighbours)
    inside = radius * _INSIDE
    counts = torch.searchsorted(line, grouped + inside) - torch.searchsorted(line, grouped - inside, right=True)
    used = sizes[labels].clamp(max=neighbours + 1) - 1
    constant = torch.digamma(torch.tensor(float(len(labels)), dtype=torch.float64, device=values.device))
    constant = constant + torch.digamma(used.double()).mean() - torch.digamma(sizes[labels].double()).mean()
    return constant - torch.digamma(counts.clamp(min=1).double()).mean(1)


def _radius_in_group(columns: Tensor, labels: Tensor, neighbours: int) -> tuple[Tensor, Tensor]:
    """Distance to the k-th neighbour of the same label, and the values in that order (by label, then by value).

    On a line the k-th neighbour's distance is the least reach of a window of k + 1 points that holds the point.
    """
    order = columns.argsort(dim=1)
    order = order.gather(1, labels[order].argsort(dim=1, stable=True))
    grouped = columns.gather(1, order)
    sizes = torch.bincount(labels)
    last = sizes.cumsum(0).repeat_interleave(sizes) - 1
    first = last + 1 - sizes.repeat_interleave(sizes)
    used = (last - first).clamp(max=neighbours)
    place = torch.arange(len(labels), device=labels.device)
    radius = torch.full_like(grouped, torch.inf)
    for before in range(neighbours + 1):
        left, right = place - before, place - before + used
        valid = (left >= first) & (right <= last) & (before <= used)
        lower, upper = grouped[:, left.clamp(min=0)], grouped[:, right.clamp(0, len(place) - 1)]
        reach = torch.maximum(grouped - lower, upper - grouped)
        radius = torch.where(valid, torch.minimum(radius, reach), radius)
    return radius, grouped
