"""Linear and MLP probes: how well each factor can be read from the whole code, held out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ._softmax import Softmax
from ._spec import Arrays
from ._tensors import dense, is_constant, standardised_alike

HIDDEN = 64
STEPS, BATCH, LEARNING_RATE = 600, 256, 0.03


def probe(arrays: Arrays, rng: np.random.Generator) -> dict[str, Any]:
    """R^2 and accuracy per factor, on the test rows, of a linear probe and of one with a hidden layer.

    ``r2`` reads a factor as a quantity (least squares), ``accuracy`` as a label (logistic regression without penalty);
    take the first of ordered factors and the second of categorical ones. Both are given of every discrete factor, R^2
    alone of a continuous one. The MLP has one hidden layer of 64 ReLUs for each reading, trained together: Adam, 600
    steps of 256 rows, learning rate from 0.03 down to 0. Codes and quantities are standardised on the train rows.

    R^2 is ``1 - squared error / squared deviation from the test rows' mean``, at least 0; both are up to 1. Perfect,
    duplicated and rotated codes score 1 (accuracy: as lines can part the labels, which for values ordered on a line
    they can); a random or a constant code 0, and the commonest label's share. Probes say what can be read, not whether
    it lies in latents of its own. The MLP's are what this network finds in these steps: less than the code holds where
    points are few, or labels many (of 40 values along one latent it tells about 4 in 5). Probes of hidden layers are
    Alain and Bengio's (arXiv:1610.01644); the network is ours.

    Args:
        arrays: Fitted on the train rows, measured on the test rows.
        rng: Seeds the MLP's weights and batches.

    Returns:
        ``linear_r2``, ``linear_accuracy``, ``mlp_r2``, ``mlp_accuracy``, one number a factor, None where it doesn't
        apply: accuracy of a continuous factor, anything of one that is constant on the train or the test rows.
    """
    codes, codes_test = standardised_alike(arrays.codes, arrays.codes_test)
    varying, discrete = _kinds(arrays)
    where = {"linear_r2": varying, "linear_accuracy": discrete, "mlp_r2": varying, "mlp_accuracy": discrete}
    factors = arrays.factors.shape[1]
    if not varying:
        return {name: _spread(factors, [], []) for name in where}
    target, truth = standardised_alike(arrays.factors[:, varying], arrays.factors_test[:, varying])
    seen, unseen = _labels(arrays, discrete)
    hidden = _Probes(codes.float(), target.float(), seen, int(rng.integers(2**31)))
    values, guesses = hidden.read(codes_test.float())
    scores = {
        "linear_r2": _r2(_design(codes_test) @ _least_squares(_design(codes), target), truth),
        "linear_accuracy": _linear_accuracy(codes, seen, codes_test, unseen),
        "mlp_r2": _r2(values.double(), truth),
        "mlp_accuracy": (guesses == unseen).double().mean(0).tolist(),
    }
    return {name: _spread(factors, where[name], scores[name]) for name in where}


def _kinds(arrays: Arrays) -> tuple[list[int], list[int]]:
    """The factors that vary on the train and on the test rows, and the discrete ones among them."""
    constant = is_constant(arrays.factors) | is_constant(arrays.factors_test)
    varying: list[int] = (~constant).nonzero()[:, 0].tolist()
    return varying, [k for k in varying if arrays.is_discrete(k)]


def _labels(arrays: Arrays, discrete: list[int]) -> tuple[Tensor, Tensor]:
    """Labels of these factors on the train and the test rows: int64 ``(n, L)``, ``(m, L)``."""
    rows = len(arrays.codes), len(arrays.codes_test)
    if not discrete:
        nothing = torch.zeros(sum(rows), 0, dtype=torch.int64, device=arrays.codes.device)
        return nothing[: rows[0]], nothing[rows[0] :]
    labels = torch.stack([dense(arrays.all_labels[:, k]) for k in discrete], 1)
    return labels[: rows[0]], labels[rows[0] :]


def _least_squares(design: Tensor, target: Tensor) -> Tensor:
    """Weights ``(D + 1, Q)``, the smallest where several do."""
    weights: Tensor = torch.linalg.pinv(design) @ target
    return weights


def _design(codes: Tensor) -> Tensor:
    """With a column of ones: ``(n, D + 1)``."""
    return torch.cat([codes, codes.new_ones(len(codes), 1)], 1)


def _r2(predicted: Tensor, truth: Tensor) -> list[float]:
    """Of each column, at least 0."""
    rest = (truth - predicted).square().sum(0) / (truth - truth.mean(0)).square().sum(0)
    found: list[float] = (1 - rest).clamp(min=0).tolist()
    return found


def _linear_accuracy(codes: Tensor, labels: Tensor, codes_test: Tensor, labels_test: Tensor) -> list[float]:
    """Of each column of labels ``(n, K)``."""
    pairs = zip(labels.T, labels_test.T, strict=True)
    return [
        Softmax(codes, one, int(torch.maximum(one.max(), other.max())) + 1).accuracy(codes_test, other)
        for one, other in pairs
    ]


def _spread(factors: int, where: list[int], scores: list[float]) -> list[float | None]:
    """Scores at their factors' places, None elsewhere."""
    found: list[float | None] = [None] * factors
    for k, score in zip(where, scores, strict=True):
        found[k] = score
    return found


class _Probes:
    """One hidden layer and one output layer for every quantity and every factor of labels, trained side by side.

    Args:
        codes: ``(n, D)``.
        target: Quantities ``(n, Q)``.
        labels: int64 ``(n, L)``.
        seed: Of weights and batches.
    """

    def __init__(self, codes: Tensor, target: Tensor, labels: Tensor, seed: int) -> None:
        self.quantities = target.shape[1]
        generator = torch.Generator().manual_seed(seed)
        tasks = self.quantities + labels.shape[1]
        outputs = int(labels.max()) + 1 if labels.numel() else 1
        self.weights = [
            (torch.randn(tasks, wide, narrow, generator=generator) * (2 / wide) ** 0.5).to(codes.device)
            for wide, narrow in ((codes.shape[1] + 1, HIDDEN), (HIDDEN + 1, outputs))
        ]
        self._train(_design(codes), target, labels, generator)

    @torch.enable_grad()
    def _train(self, design: Tensor, target: Tensor, labels: Tensor, generator: torch.Generator) -> None:
        weights = [weight.requires_grad_() for weight in self.weights]
        optimiser = torch.optim.Adam(weights, lr=LEARNING_RATE)
        schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1, 0, total_iters=STEPS)
        for _ in range(STEPS):
            rows = torch.randint(len(design), (BATCH,), generator=generator).to(design.device)
            output = self._outputs(design[rows])
            loss = functional.mse_loss(output[: self.quantities, :, 0].T, target[rows])
            if labels.numel():
                loss = loss + functional.cross_entropy(
                    output[self.quantities :].flatten(0, 1), labels[rows].T.flatten()
                )
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()

    def _outputs(self, design: Tensor) -> Tensor:
        """``(tasks, n, outputs)``."""
        first, second = self.weights
        hidden = torch.relu(design @ first)
        return torch.baddbmm(second[:, -1:], hidden, second[:, :-1])

    def read(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Quantities ``(n, Q)`` and labels ``(n, L)``."""
        output = self._outputs(_design(codes)).detach()
        return output[: self.quantities, :, 0].T, output[self.quantities :].argmax(2).T
