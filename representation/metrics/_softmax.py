"""Multinomial logistic regression without a penalty."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

STEPS = 100
TOLERANCE = 1e-4


class Softmax:
    """``p(label | x)`` proportional to ``exp(x w + b)``, by at most 100 steps of L-BFGS to a gradient below 1e-4.

    scikit-learn's settings; on labels that hyperplanes part there is no optimum, and the steps end the fit.

    Args:
        x: ``(n, D)``, best standardised.
        labels: int64 ``(n,)``, 0 to ``classes`` - 1.
        classes: How many there are, seen or not.
        balanced: Each class that is seen weighs the same; otherwise each point does.
    """

    @torch.enable_grad()
    def __init__(self, x: Tensor, labels: Tensor, classes: int, balanced: bool = False) -> None:
        sizes = torch.bincount(labels, minlength=classes).to(x.dtype)
        weight = torch.where(sizes > 0, 1 / sizes.clamp(min=1), 0.0) if balanced else None
        self.weight = x.new_zeros(x.shape[1], classes).requires_grad_()
        self.bias = x.new_zeros(classes).requires_grad_()
        optimiser = torch.optim.LBFGS(
            [self.weight, self.bias],
            max_iter=STEPS,
            history_size=10,
            tolerance_grad=TOLERANCE,
            line_search_fn="strong_wolfe",
        )

        def loss() -> Tensor:
            optimiser.zero_grad()
            value = functional.cross_entropy(x @ self.weight + self.bias, labels, weight)
            value.backward()  # type: ignore[no-untyped-call]
            return value

        optimiser.step(loss)  # type: ignore[no-untyped-call]

    def logits(self, x: Tensor) -> Tensor:
        """Of points ``(n, D)``: ``(n, classes)``."""
        return (x @ self.weight + self.bias).detach()

    def log_loss(self, x: Tensor, labels: Tensor) -> float:
        """Mean of ``-ln p(label | x)``, each point weighing the same."""
        return float(functional.cross_entropy(self.logits(x), labels))

    def accuracy(self, x: Tensor, labels: Tensor) -> float:
        """How often the likeliest label is the right one."""
        return float((self.logits(x).argmax(1) == labels).double().mean())
