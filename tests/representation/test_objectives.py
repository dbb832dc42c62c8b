"""Objectives against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from unbraid import lookup
from unbraid.errors import UnknownNameError
from unbraid.representation.objectives import beta
from unbraid.representation.objectives._terms import VAEOutput, bernoulli_reconstruction, gaussian_kl


def output(mu: torch.Tensor, logvar: torch.Tensor) -> VAEOutput:
    """Two images of 1x1x3 pixels; logits 0 and log 3, so means 1/2 and 3/4."""
    x = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]]).view(2, 3, 1, 1)
    logits = torch.tensor([[0.0, math.log(3), math.log(3)], [0.0, 0.0, -math.log(3)]]).view(2, 3, 1, 1)
    return VAEOutput(x, logits, mu, mu, logvar)


def test_bernoulli_reconstruction_by_hand() -> None:
    out = output(torch.zeros(2, 2), torch.zeros(2, 2))
    first = math.log(2) - math.log(1 / 4) - math.log(3 / 4)
    second = 2 * math.log(2) - math.log(1 / 4)
    assert bernoulli_reconstruction(out.x, out.logits).item() == pytest.approx((first + second) / 2)


def test_gaussian_kl_by_hand_and_against_torch() -> None:
    mu = torch.tensor([[0.0, 1.0], [-2.0, 0.5]])
    logvar = torch.tensor([[0.0, 0.0], [math.log(4), -1.0]])
    kl = gaussian_kl(mu, logvar)
    assert kl[0].tolist() == pytest.approx([0, 0.5])
    assert kl[1, 0].item() == pytest.approx(0.5 * (4 + 4 - math.log(4) - 1))
    normal = torch.distributions.Normal
    assert torch.allclose(kl, torch.distributions.kl_divergence(normal(mu, (logvar / 2).exp()), normal(0, 1)))


@pytest.mark.parametrize("weight", [0.0, 1.0, 4.0])
def test_beta_vae_weighs_the_rate(weight: float) -> None:
    out = output(torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.zeros(2, 2))
    terms = beta.loss_terms(beta.Config(beta=weight), out, step=0)
    assert terms["kl"].item() == pytest.approx((0.5 + 2) / 2)
    assert terms["loss"].item() == pytest.approx(terms["reconstruction"].item() + weight * 1.25)


def test_beta_vae_gradient_by_finite_differences() -> None:
    x, logits, mu, logvar = torch.rand(4, 2, 3, dtype=torch.float64).unbind()
    inputs = [part.clone().requires_grad_() for part in (logits, mu, logvar)]

    def loss(logits: torch.Tensor, mu: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
        return beta.loss_terms(beta.Config(beta=3), VAEOutput(x, logits, mu, mu, logvar), 0)["loss"]

    assert torch.autograd.gradcheck(loss, inputs)


def test_a_negative_beta_is_refused() -> None:
    with pytest.raises(ValueError, match="beta must be at least 0, not -1"):
        beta.Config(beta=-1)


def test_objectives_are_found_by_their_file_names() -> None:
    assert "beta" in lookup.names("representation.objectives")
    for name in lookup.names("representation.objectives"):
        module = lookup.load("representation.objectives", name, "objective")
        terms = module.loss_terms(module.Config(), output(torch.zeros(2, 2), torch.zeros(2, 2)), 0)
        assert terms["loss"].ndim == 0
    with pytest.raises(UnknownNameError, match="unknown objective 'bata'; did you mean beta"):
        lookup.load("representation.objectives", "bata", "objective")
