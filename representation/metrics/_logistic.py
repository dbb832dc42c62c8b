"""Multinomial logistic regression in torch, at scikit-learn's optimum."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, one_hot, pad, threshold

_STEPS, _INNER, _HALVINGS, _SHARE, _TOLERANCE = 50, 60, 30, 0.05, 1e-6
_NIL = 1e-9  # smaller probabilities bend nothing, and products of them are denormal, which is slow


def fit_logistic(x: Tensor, y: Tensor, classes: int) -> Tensor:
    """Weights that minimise ``sum_i -log softmax(x_i W + b)[y_i] + |W|^2 / 2``, scikit-learn's objective at C = 1.

    Newton's method, its steps by conjugate gradients, on decorrelated features, in which the problem is well
    conditioned; scikit-learn walks towards the same optimum in the features as they are, and stops earlier.

    Args:
        x: ``(n, D)``.
        y: int64 labels, ``(n,)``.
        classes: How many, C.

    Returns:
        ``(D + 1, C)``, the intercepts last.
    """
    mean = x.mean(0)
    back = _whitening(x - mean)
    u = pad((x - mean) @ back, (0, 1), value=1.0)
    target = one_hot(y, classes).to(x.dtype)
    problem = _Problem(
        u, target, pad((back**2).sum(0), (0, 1))[:, None] / len(x), u.float(), torch.empty_like(target.float())
    )
    weights = _newton(problem, torch.zeros(u.shape[1], classes, dtype=x.dtype, device=x.device))
    slopes = back @ weights[:-1]
    return torch.cat([slopes, weights[-1:] - mean @ slopes])


class _Problem(NamedTuple):
    """Mean loss of weights ``(D + 1, C)`` on features ``(n, D + 1)`` and one-hot targets ``(n, C)``, with a penalty.

    Curvature is taken in float32 (``coarse``, and ``room`` to work in): it decides how steps are chosen, not where they
    end.
    """

    u: Tensor
    target: Tensor
    penalty: Tensor
    coarse: Tensor
    room: Tensor

    def at(self, weights: Tensor) -> tuple[float, Tensor, Tensor]:
        """Value, gradient ``(D + 1, C)`` and probabilities, float32 ``(n, C)``."""
        log_p = log_softmax(self.u @ weights, 1)
        pull, p = self.penalty * weights, log_p.exp()
        value = (weights * pull).sum() / 2 - (log_p * self.target).sum() / len(p)
        return float(value), self.u.T @ (p - self.target) / len(p) + pull, threshold(p.float(), _NIL, 0)

    def curve(self, p: Tensor, v: Tensor) -> Tensor:
        """The Hessian, where the probabilities are ``p``, times ``v``."""
        pushed = torch.mm(self.coarse, v.float(), out=self.room).mul_(p)
        pushed.addcmul_(p, pushed.sum(1, keepdim=True), value=-1)
        return (self.coarse.T @ pushed).double() / len(p) + self.penalty * v


def _newton(problem: _Problem, weights: Tensor) -> Tensor:
    value, gradient, p = problem.at(weights)
    for _ in range(_STEPS):
        size = float(gradient.abs().max())
        if size < _TOLERANCE:
            break
        step = _conjugate_gradients(problem, p, gradient, _SHARE)
        for _ in range(_HALVINGS):
            found = problem.at(weights + step)
            if found[0] <= value + 1e-4 * float((gradient * step).sum()) + 1e-14:
                break
            step = step / 2
        weights, (value, gradient, p) = weights + step, found
    return weights


def _conjugate_gradients(problem: _Problem, p: Tensor, gradient: Tensor, share: float) -> Tensor:
    """Minus the inverse Hessian times the gradient, until the residual's norm is ``share`` of the gradient's."""
    scale = (p * (1 - p)).mean(0).double() + problem.penalty + 1e-9
    step, residual = torch.zeros_like(gradient), -gradient
    ahead = residual / scale
    direction, power = ahead, (residual * ahead).sum()
    for _ in range(_INNER):
        curved = problem.curve(p, direction)
        length = power / (direction * curved).sum()
        step, residual = step + length * direction, residual - length * curved
        if residual.norm() < share * gradient.norm():
            break
        ahead, before = residual / scale, power
        power = (residual * ahead).sum()
        direction = ahead + power / before * direction
    return step


def predict_log(weights: Tensor, x: Tensor) -> Tensor:
    """Log-probabilities ``(m, C)`` under weights ``(D + 1, C)`` of features ``(m, D)``."""
    return log_softmax(x @ weights[:-1] + weights[-1], 1)


def _whitening(x: Tensor) -> Tensor:
    """The matrix ``(D, D)`` that makes centred features uncorrelated, each of variance 1 or, if dead, of none."""
    values, vectors = torch.linalg.eigh(
        x.T @ x / len(x) + torch.eye(x.shape[1], dtype=x.dtype, device=x.device) / len(x)
    )
    return torch.div(vectors, values.sqrt())
