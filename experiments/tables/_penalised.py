"""Small models with a penalised layer, many of them stacked into one: linear autoencoders, and networks for XOR."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import vmap
from torch.nn.functional import binary_cross_entropy_with_logits

from ...representation.objectives.covariance import l_sigma
from ...representation.training import Learner

XOR_INPUTS = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR_OUTPUTS = torch.tensor([0.0, 1.0, 1.0, 0.0])
UNITS = 4


class Same:
    """The same batch at every step, as `fit` draws it.

    Args:
        batch: What is drawn.
    """

    def __init__(self, batch: Any) -> None:
        self.batch = batch

    def draw(self) -> Any:
        """The batch."""
        return self.batch

    def state_dict(self) -> dict[str, Any]:
        """Nothing: there is nothing to go on from."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to do."""


class LinearAutoencoders(Learner):
    """Autoencoders of one matrix each way, without bias: R data sets by L weights of the penalty.

    Args:
        sizes: R, and the numbers of inputs X and of codes P.
        lambdas: The L weights.
        penalty: ``"covariance"`` for L_Sigma, ``"l1"`` for the mean absolute code.
        generator: Draws the first weights, uniform with a variance of 1 over the inputs.
    """

    def __init__(
        self, sizes: tuple[int, int, int], lambdas: list[float], penalty: str, generator: torch.Generator
    ) -> None:
        super().__init__()
        sets, inputs, codes = sizes
        self.penalty = l_sigma if penalty == "covariance" else _mean_size
        self.register_buffer("lambdas", torch.tensor(lambdas), persistent=False)
        self.encoders = nn.Parameter(_drawn((sets, len(lambdas), inputs, codes), inputs, generator))
        self.decoders = nn.Parameter(_drawn((sets, len(lambdas), codes, inputs), codes, generator))

    def forward(self, inputs: Tensor, turn: int = 0) -> dict[str, Tensor]:
        """Mean squared error plus lambda times the penalty, summed over all; inputs ``(R, n, X)``."""
        h = self.encode(inputs)
        error = (self.decode(h) - inputs[:, None]).square().mean((2, 3))
        size = vmap(vmap(self.penalty))(h)
        return {"loss": (error + self.get_buffer("lambdas") * size).sum(), "error": error.mean(), "size": size.mean()}

    def encode(self, images: Tensor) -> Tensor:
        """Codes ``(R, L, n, P)`` of data ``(R, n, X)``."""
        return images[:, None] @ self.encoders

    def decode(self, codes: Tensor) -> Tensor:
        """Data ``(R, L, n, X)`` of codes ``(R, L, n, P)``."""
        return codes @ self.decoders


class XorNetworks(Learner):
    """R networks of two layers of four logistic units and a logistic output, L_Sigma on both layers.

    Args:
        count: R.
        lambda_sigma: Weight of each layer's penalty.
        generator: Draws the first weights.
    """

    def __init__(self, count: int, lambda_sigma: float, generator: torch.Generator) -> None:
        super().__init__()
        self.lambda_sigma = lambda_sigma
        sizes = ((2, UNITS), (UNITS, UNITS), (UNITS, 1))
        drawn = [SPREAD * _drawn((count, inside, out), inside, generator) for inside, out in sizes]
        self.weights = nn.ParameterList([nn.Parameter(part) for part in drawn])
        self.biases = nn.ParameterList([nn.Parameter(torch.zeros(count, 1, out)) for _, out in sizes])

    def layers(self, x: Tensor) -> list[Tensor]:
        """Activations of both layers ``(R, n, 4)``, and the output's logits ``(R, n, 1)``, of ``(n, 2)``."""
        first = (x @ self.weights[0] + self.biases[0]).sigmoid()
        second = (first @ self.weights[1] + self.biases[1]).sigmoid()
        return [first, second, second @ self.weights[2] + self.biases[2]]

    def forward(self, inputs: Tensor, turn: int = 0) -> dict[str, Tensor]:
        """Cross-entropy plus both layers' penalties, summed over the networks."""
        *hidden, logits = self.layers(inputs)
        wanted = XOR_OUTPUTS.to(logits).expand(len(logits), -1)
        error = binary_cross_entropy_with_logits(logits[..., 0], wanted, reduction="none").mean(1).sum()
        size = torch.stack([vmap(l_sigma)(h).sum() for h in hidden]).sum()
        return {"loss": error + self.lambda_sigma * size, "error": error, "size": size}

    def encode(self, images: Tensor) -> Tensor:
        """The second layer ``(R, n, 4)`` of ``(n, 2)``."""
        return self.layers(images)[1]

    def decode(self, codes: Tensor) -> Tensor:
        """The output's probabilities ``(R, n, 1)``."""
        drawn: Tensor = (codes @ self.weights[2] + self.biases[2]).sigmoid()
        return drawn


SPREAD = 3.0
"""Logistic units need larger first weights than linear ones, or all four inputs look alike."""


def _mean_size(h: Tensor) -> Tensor:
    return h.abs().mean()


def _drawn(shape: tuple[int, ...], inputs: int, generator: torch.Generator) -> Tensor:
    bound = math.sqrt(3 / inputs)
    return torch.empty(shape).uniform_(-bound, bound, generator=generator)
