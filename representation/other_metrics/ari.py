"""Adjusted Rand index of segmentations (Hubert & Arabie 1985, equation 5)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...errors import InputError
from ..metrics._tensors import dense, tensor


def ari(truth: Any, found: Any, foreground: bool = False) -> Tensor:
    """How well pairs of pixels are put together and apart, chance taken out, image by image.

    With n_ij pixels of true segment i in found segment j, a and b its row and column sums, and C(n) = n (n - 1) / 2:
    ``(sum C(n_ij) - e) / ((sum C(a_i) + sum C(b_j)) / 2 - e)`` with ``e = sum C(a_i) sum C(b_j) / C(n)``. Labels are
    names: any renaming scores the same. 1 is the same partition, 0 what chance gives, and it can be below 0. A
    single found segment scores 0 (unless the truth is one too), and so does one segment per pixel. Where both sides
    are trivial, or no two pixels count, there is nothing to tell apart: 1, as in scikit-learn.

    With ``foreground``, as is usual for scenes of objects, pixels of true label 0 take no part: wherever objects are
    small the background would rule the score, and how found segments divide it is then no matter. It can't see
    objects that swell into the background.

    Args:
        truth: ``(B, ...)`` integers, such as ``(B, H, W)``; 0 is the background.
        found: ``(B, ...)`` integers, the same shape (of soft masks, the argmax).
        foreground: Score the pixels of true objects only.

    Returns:
        float64 ``(B,)``.

    Raises:
        InputError: Shapes that don't match, no pixels, or labels that aren't whole numbers.
    """
    one, other = _labels("truth", truth), _labels("found", found)
    if one.shape != other.shape:
        raise InputError(f"truth has shape {tuple(one.shape)} and found {tuple(other.shape)}; they must agree")
    counted = one != 0 if foreground else torch.ones_like(one, dtype=torch.bool)
    table = _contingency(dense(one), dense(other), counted)
    cells, rows, columns = (_pairs(part).sum(1) for part in (table.flatten(1), table.sum(2), table.sum(1)))
    chance = rows * columns / _pairs(table.sum((1, 2))).clamp(min=1)
    best = (rows + columns) / 2
    return torch.where(best == chance, 1.0, (cells - chance) / torch.where(best == chance, 1.0, best - chance))


def _labels(name: str, values: Any) -> Tensor:
    found = tensor(values)
    if found.ndim < 2 or not found.numel():
        raise InputError(f"{name} must have shape (images, pixels, ...), none of them 0, not {tuple(found.shape)}")
    if (found != found.round()).any():
        raise InputError(f"{name} must hold whole numbers, the segments' labels; of soft masks give the argmax")
    return found.flatten(1)


def _contingency(one: Tensor, other: Tensor, counted: Tensor) -> Tensor:
    """Pixels of each pair of segments, of the pixels counted, image by image: float64 ``(B, I, J)``."""
    height, width = int(one.max()) + 1, int(other.max()) + 1
    image = torch.arange(len(one), device=one.device)[:, None]
    cells = ((image * height + one) * width + other)[counted]
    return torch.bincount(cells, minlength=len(one) * height * width).double().reshape(-1, height, width)


def _pairs(n: Tensor) -> Tensor:
    return n * (n - 1) / 2
