"""Plug-in entropies and mutual information of labels, all pairs of columns at once."""

from __future__ import annotations

import torch
from torch import Tensor


def mutual_information(a: Tensor, b: Tensor) -> Tensor:
    """``I(a_d; b_k) = sum p(i, j) log(p(i, j) / p(i) p(j))``, in nats, of the labels' frequencies.

    Args:
        a: int64 labels from 0, ``(n, D)``.
        b: int64 labels from 0, ``(n, K)``.

    Returns:
        float64 ``(D, K)``.
    """
    return torch.stack([_information(contingency(a, column)) for column in b.T], 1)


def entropy(b: Tensor) -> Tensor:
    """Entropy of each column's labels, in nats: int64 ``(n, K)`` to float64 ``(K,)``."""
    return torch.stack([torch.special.entr(torch.bincount(column).double() / len(b)).sum() for column in b.T])


def contingency(a: Tensor, b: Tensor) -> Tensor:
    """How often each pair of labels occurs: ``(n, D)`` and ``(n,)`` to float64 ``(D, max a + 1, max b + 1)``."""
    rows, columns = int(a.max()) + 1, int(b.max()) + 1
    first = torch.arange(a.shape[1], device=a.device) * rows
    cells = (first + a) * columns + b[:, None]
    counts = torch.bincount(cells.flatten(), minlength=a.shape[1] * rows * columns)
    return counts.view(-1, rows, columns).double()


def _information(counts: Tensor) -> Tensor:
    joint = counts / counts[0].sum()
    independent = joint.sum(2, keepdim=True) * joint.sum(1, keepdim=True)
    found = torch.where(joint > 0, joint * (joint / independent).log(), 0.0).sum((1, 2)).clamp(min=0)
    return torch.where((counts.sum(2) > 0).sum(1) > 1, found, 0.0)  # rounding would give a constant column some
