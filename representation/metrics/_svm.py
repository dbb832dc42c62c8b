"""Linear support vector machines of one feature, solved exactly for all features and classes at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_C = 0.01
_STEPS, _HALVINGS = 60, 30


def accuracies(x: Tensor, y: Tensor, x_test: Tensor, y_test: Tensor) -> Tensor:
    """Held-out accuracy of scikit-learn's ``LinearSVC(C=0.01, class_weight="balanced")`` on each feature alone.

    One against the rest, squared hinge, the intercept regularised like the slope: for each class the two numbers that
    minimise ``(w^2 + b^2) / 2 + C sum c_i max(0, 1 - y_i (w x_i + b))^2``. The rows inside the margin are a prefix or a
    suffix of the sorted feature, so cumulative sums give value, gradient and Hessian in O(log n), and Newton's method
    reaches the optimum itself, where liblinear stops within its tolerance.

    Args:
        x: ``(n, D)``.
        y: int64 labels, ``(n,)``.
        x_test: ``(m, D)``.
        y_test: ``(m,)``.

    Returns:
        ``(D,)``.
    """
    classes, y = torch.unique(y, return_inverse=True)
    w, b = _newton(_Problem.of(x, y))
    guesses = [torch.outer(x_test[:, d], w[d]).add_(b[d]).argmax(1) for d in range(x.shape[1])]
    return (classes[torch.stack(guesses, 1)] == y_test[:, None]).double().mean(0)


@dataclass(frozen=True)
class _Problem:
    """Sorted features and the cumulative sums of 1, x and x^2, over all rows and class by class.

    Args:
        x: Sorted features, ``(D, n)``.
        sums: Of the first 0 .. n rows: ``(D, n + 1, 3)``.
        key: ``class * (n + 1) + rank``, sorted: ``(D, n)``.
        own_sums: Of the first 0 .. n rows in the order of ``key``: ``(D, n + 1, 3)``.
        counts: Rows of each class, ``(C,)``.
    """

    x: Tensor
    sums: Tensor
    key: Tensor
    own_sums: Tensor
    counts: Tensor

    @classmethod
    def of(cls, x: Tensor, y: Tensor) -> _Problem:
        """From features ``(n, D)`` and labels ``(n,)``."""
        ordered, order = x.T.contiguous().sort(1)
        label, rank = y[order].sort(dim=1, stable=True)
        sums, own_sums = _cumulative(ordered), _cumulative(ordered.gather(1, rank))
        return cls(ordered, sums, label * (len(y) + 1) + rank, own_sums, torch.bincount(y))

    def weights(self) -> tuple[Tensor, Tensor]:
        """C times the class's weight, and that of the rest, which only two classes weight: ``(C,)`` each."""
        own = _C * self.x.shape[1] / (len(self.counts) * self.counts.double())
        return own, own.flip(0) if len(own) == 2 else torch.full_like(own, _C)

    def below_one(self, slope: Tensor, intercept: Tensor) -> tuple[Tensor, Tensor]:
        """Sums over the rows with ``slope * x + intercept < 1``: of all, and of the class's own, ``(D, C, 3)`` each."""
        n, classes = self.x.shape[1], torch.arange(len(self.counts), device=self.x.device)
        slope = torch.where(slope == 0, 1e-300, slope)  # a level line is below 1 everywhere or nowhere
        edge = (1 - intercept) / slope
        rank = torch.searchsorted(self.x, edge)
        place = torch.searchsorted(self.key, classes * (n + 1) + rank)
        feature = torch.arange(len(self.x), device=self.x.device)[:, None]
        end = self.counts.cumsum(0)
        left, left_own = self.sums[feature, rank], self.own_sums[feature, place]
        start_own, end_own = self.own_sums[:, end - self.counts], self.own_sums[:, end]
        rising = (slope > 0)[..., None]
        own = torch.where(rising, left_own - start_own, end_own - left_own)
        return torch.where(rising, left, self.sums[:, -1:] - left), own

    def objective(self, w: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Value ``(D, C)``, gradient ``(D, C, 2)`` and Hessian ``(D, C, 2, 2)`` at slopes and intercepts ``(D, C)``."""
        _, own = self.below_one(w, b)
        every, own_below = self.below_one(-w, -b)
        own_weight, rest_weight = self.weights()
        one, two = _squares(own, w, b, 1.0), _squares(every - own_below, w, b, -1.0)
        value, dw, db, ww, wb, bb = (own_weight * p + rest_weight * q for p, q in zip(one, two, strict=True))
        hessian = torch.stack([ww + 1, wb, wb, bb + 1], -1).unflatten(-1, (2, 2))
        return value + (w**2 + b**2) / 2, torch.stack([dw + w, db + b], -1), hessian


def _cumulative(x: Tensor) -> Tensor:
    moments = torch.stack([torch.ones_like(x), x, x**2], -1).cumsum(1)
    return torch.nn.functional.pad(moments, (0, 0, 1, 0))


def _squares(sums: Tensor, w: Tensor, b: Tensor, y: float) -> tuple[Tensor, ...]:
    """``sum (y - w x - b)^2`` with its first and second derivatives, from the sums of 1, x and x^2."""
    n, x, xx = sums.unbind(-1)
    value = n - 2 * y * (w * x + b * n) + w**2 * xx + 2 * w * b * x + b**2 * n
    return value, 2 * (w * xx + b * x - y * x), 2 * (w * x + b * n - y * n), 2 * xx, 2 * x, 2 * n


def _newton(problem: _Problem) -> tuple[Tensor, Tensor]:
    """Slopes and intercepts ``(D, C)`` at the optimum; every problem halves its own steps until they descend."""
    at = problem.x.new_zeros(len(problem.x), len(problem.counts), 2)
    value, gradient, hessian = problem.objective(*at.unbind(-1))
    for _ in range(_STEPS):
        step = -torch.linalg.solve(hessian, gradient[..., None])[..., 0]
        slope = (gradient * step).sum(-1)
        for _ in range(_HALVINGS):
            found = problem.objective(*(at + step).unbind(-1))
            rose = found[0] > value + 1e-4 * slope + 1e-12 * value.abs()
            if not rose.any():
                break
            step, slope = (torch.where(rose, part / 2, part) for part in (step.movedim(-1, 0), slope))
            step = step.movedim(0, -1)
        at, (value, gradient, hessian) = at + step, found
        if float(step.abs().max()) < 1e-10:
            break
    w, b = at.unbind(-1)
    return w, b
