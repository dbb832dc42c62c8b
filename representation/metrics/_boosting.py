"""Gradient boosting of small trees, for all factors and all their classes at once.

The algorithm is that of scikit-learn's `GradientBoostingClassifier` and `GradientBoostingRegressor` at their defaults:
100 stages of depth 3 at rate 0.1; a stage fits one least-squares tree to each class's residuals and gives every leaf its
Newton step. Two things differ: features are cut into at most 256 bins, and the trees of a stage grow side by side, level
by level, so that each level is a handful of tensor operations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag, one_hot

STAGES, RATE, DEPTH, BINS = 100, 0.1, 3, 256
_NIL = 1e-30


@dataclass(frozen=True)
class Target:
    """What one group of columns predicts.

    Args:
        start: Raw scores to begin with, ``(c,)``.
        slope: From raw scores ``(n, c)`` to the residuals and the loss's curvature, ``(n, c)`` each.
        read: From raw scores ``(m, c)`` to predictions ``(m,)``.
    """

    start: Tensor
    slope: Callable[[Tensor], tuple[Tensor, Tensor]]
    read: Callable[[Tensor], Tensor]


def classes(y: Tensor) -> Target:
    """Log-loss of labels, int64 ``(n,)``: a column for each that occurs, a single one for two."""
    values, place, counts = torch.unique(y, return_inverse=True, return_counts=True)
    share = counts / len(y)
    if len(values) == 2:
        return _two_classes(values, place, share)
    hit, most = one_hot(place).float(), len(values) / max(1, len(values) - 1)

    def slope(raw: Tensor) -> tuple[Tensor, Tensor]:
        p = raw.softmax(1)
        return hit - p, most * p * (1 - p)

    return Target(share.log(), slope, lambda raw: values[raw.argmax(1)])


def _two_classes(values: Tensor, place: Tensor, share: Tensor) -> Target:
    hit = place[:, None].float()

    def slope(raw: Tensor) -> tuple[Tensor, Tensor]:
        p = raw.sigmoid()
        return hit - p, p * (1 - p)

    return Target((share[1:] / share[:1]).log(), slope, lambda raw: values[(raw[:, 0] > 0).long()])


def continuum(y: Tensor) -> Target:
    """Squared error of numbers ``(n,)``."""
    mean, scale = y.mean(), y.std()
    wanted = ((y - mean) / scale)[:, None].float()
    zero = torch.zeros(1, device=y.device)
    return Target(
        zero, lambda raw: (wanted - raw, torch.ones_like(raw)), lambda raw: raw[:, 0].double() * scale + mean
    )


def boost(x: Tensor, x_test: Tensor, targets: list[Target]) -> list[tuple[Tensor, Tensor]]:
    """Fit every target.

    Args:
        x: ``(n, D)``.
        x_test: ``(m, D)``.
        targets: At least one.

    Returns:
        For each target each feature's importance ``(D,)`` (its share of all reduction of squared error, summing to 1,
        or 0 where no split helps), and predictions of the test rows, ``(m,)``.
    """
    grower = _Grower(x, x_test)
    widths = [len(target.start) for target in targets]
    raw = torch.cat([target.start for target in targets]).float().repeat(len(x) + len(x_test), 1)
    gains = torch.zeros(x.shape[1], raw.shape[1], device=x.device)
    for _ in range(STAGES):
        parts = zip(targets, raw[: len(x)].split(widths, 1), strict=True)
        slopes, curvatures = zip(*(target.slope(part) for target, part in parts), strict=True)
        raw += RATE * grower.tree(torch.cat(slopes, 1), torch.cat(curvatures, 1), gains)
    sums = torch.stack([part.sum(1) for part in gains.double().split(widths, 1)])
    importance = sums / sums.sum(1, keepdim=True).clamp(min=_NIL)
    tests = raw[len(x) :].split(widths, 1)
    return [(share, target.read(part)) for share, target, part in zip(importance, targets, tests, strict=True)]


class _Grower:
    """Binned features, ordered for sums over bins.

    Args:
        x: ``(n, D)``: trees are fitted to these rows.
        x_test: ``(m, D)``: and give values to these too.
    """

    def __init__(self, x: Tensor, x_test: Tensor) -> None:
        self.n = len(x)
        edges = [_edges(column) for column in x.T]
        rows = torch.cat([x, x_test]).T.contiguous()
        binned = [torch.searchsorted(edge, row) for edge, row in zip(edges, rows, strict=True)]
        self.bins = max(map(len, edges)) + 1
        self.binned = torch.stack(binned, 1).float()
        counts = torch.stack([torch.bincount(row[: self.n], minlength=self.bins) for row in binned])
        self.order = torch.cat([row[: self.n].argsort() for row in binned])
        self.first = counts.flatten().cumsum(0) - counts.flatten()
        self.counts = counts[None, :, :, None].float()

    def sums(self, values: Tensor) -> Tensor:
        """Of the rows in each bin of each feature: ``(n, M)`` to ``(D, bins, M)``."""
        return embedding_bag(self.order, values, self.first, mode="sum").view(-1, self.bins, values.shape[1])

    def tree(self, residual: Tensor, curvature: Tensor, gains: Tensor) -> Tensor:
        """One tree for each column of ``residual``, ``(n, C)``: its value at all rows, ``(n + m, C)``.

        What its splits gain is added to ``gains``, ``(D, C)``.
        """
        node = torch.zeros(len(self.binned), residual.shape[1], dtype=torch.uint8, device=residual.device)
        sums, counts = self.sums(residual)[None], self.counts
        for level in range(DEPTH):
            feature, edge, gain = _best_splits(sums, counts)
            gains.scatter_add_(0, feature, gain)
            node = 2 * node + self._right(node, feature, edge)
            if level + 1 < DEPTH:
                sums, counts = self._children(node[: self.n], residual, sums, counts)
        leaf = node.long()
        leaves = residual.new_zeros(2, 2**DEPTH, residual.shape[1])
        leaves[0].scatter_add_(0, leaf[: self.n], residual)
        leaves[1].scatter_add_(0, leaf[: self.n], curvature)
        return torch.where(leaves[1] > _NIL, leaves[0] / leaves[1], 0.0).gather(0, leaf)

    def _right(self, node: Tensor, feature: Tensor, edge: Tensor) -> Tensor:
        """Whether each row goes right at its node: bool ``(n + m, C)``, splits being ``(nodes, C)``."""
        chosen = one_hot(feature, self.binned.shape[1]).float()
        sides = [self.binned @ pick.T > last for pick, last in zip(chosen, edge, strict=True)]  # copying is slower
        right = sides[0]
        for k, side in enumerate(sides[1:], 1):
            right = torch.where(node == k, side, right)
        return right

    def _children(self, node: Tensor, residual: Tensor, sums: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Sums and counts, ``(nodes, D, bins, C)``, of twice as many nodes: left counted, right what remains."""
        inside = [(node == 2 * k).float() for k in range(len(sums))]
        found = self.sums(torch.cat([*(residual * mask for mask in inside), *inside], 1))
        left_sums, left_counts = found.unflatten(2, (2, len(sums), -1)).permute(2, 3, 0, 1, 4)
        pairs = (left_sums, sums - left_sums), (left_counts, counts - left_counts)
        return tuple(torch.stack(pair, 1).flatten(0, 1) for pair in pairs)  # type: ignore[return-value]


def _best_splits(sums: Tensor, counts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Feature, last bin to go left, and gain of each node's best split, ``(nodes, C)`` each.

    The gain is the reduction of squared error; where nothing can be split it is 0, and all rows go left.
    """
    bins = sums.shape[2]
    left, left_count = sums.cumsum(2), counts.cumsum(2)
    whole, count = left[:, :, -1:].clone(), left_count[:, :, -1:]
    score = (whole - left).square_().div_((count - left_count).clamp_(min=1))
    score += left.square_().div_(left_count.clamp(min=1))
    best, place = score.flatten(1, 2).max(1)
    gain = best - (whole**2 / count.clamp(min=1))[:, 0, 0]
    splits = gain > 0
    return place // bins, torch.where(splits, place % bins, bins).float(), torch.where(splits, gain, 0.0)


def _edges(column: Tensor) -> Tensor:
    """Midpoints between neighbouring values, ``(n,)`` to ``(edges,)``: between quantiles where values are many."""
    values = torch.unique(column)
    if len(values) > BINS:
        places = (torch.arange(BINS, device=column.device) + 0.5) * (len(column) / BINS)
        values = torch.unique(column.sort().values[places.long()])
    return (values[1:] + values[:-1]) / 2
