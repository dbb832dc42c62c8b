"""Mutual information and entropy of labels, as frequencies give them, in nats."""

from __future__ import annotations

import torch
from torch import Tensor


def plug_in(columns: Tensor, labels: Tensor) -> Tensor:
    """``sum p(a, b) ln(p(a, b) / p(a) p(b))`` of each column ``(n, D)`` with the labels ``(n,)``, int64: ``(D,)``."""
    width = int(labels.max()) + 1
    height = int(columns.max()) + 1
    latent = torch.arange(columns.shape[1], device=columns.device)
    cells = ((latent * height + columns) * width + labels[:, None]).flatten()
    counts = torch.bincount(cells, minlength=columns.shape[1] * height * width)
    joint = counts.reshape(-1, height, width).double() / len(labels)
    return _entropy(joint.sum(1)) + _entropy(joint.sum(2)) - _entropy(joint.flatten(1))


def entropy(labels: Tensor) -> float:
    """Of labels int64 ``(n,)``."""
    return float(_entropy(torch.bincount(labels).double()[None] / len(labels)))


def _entropy(p: Tensor) -> Tensor:
    """Of each row."""
    rows: Tensor = torch.special.entr(p).sum(1)
    return rows
