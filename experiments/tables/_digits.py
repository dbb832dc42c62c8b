"""MNIST for tables: which digits are trained on and which are held out."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ...envs.digits import load

SPLIT_SEED = 0
TEST_DIGITS = 10_000
HELD_OUT = 0.2


class Digits(NamedTuple):
    """Pictures uint8 ``(n, h, w)`` and labels int64 ``(n,)``, to train on and held out."""

    images: Tensor
    labels: Tensor
    images_test: Tensor
    labels_test: Tensor


def digits(most: int | None = None) -> Digits:
    """MNIST's own split where all of it is at hand; else what there is, a fifth of it, drawn at random, held out.

    Args:
        most: Pictures in all, a fifth of them held out; None for all.
    """
    found = load()
    if len(found.images) > TEST_DIGITS and most is None:  # the test digits come first
        held, rest = torch.arange(TEST_DIGITS), torch.arange(TEST_DIGITS, len(found.images))
    else:
        order = torch.randperm(len(found.images), generator=torch.Generator().manual_seed(SPLIT_SEED))[:most]
        cut = round(HELD_OUT * len(order))
        held, rest = order[:cut], order[cut:]
    return Digits(found.images[rest], found.labels[rest], found.images[held], found.labels[held])
