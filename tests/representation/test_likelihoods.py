"""Likelihoods against their closed forms."""

from __future__ import annotations

import math

import pytest
import torch

from unbraid.errors import InputError, UnknownNameError
from unbraid.representation.likelihoods import LIKELIHOODS, Bernoulli, Categorical, Gaussian, likelihood

X = torch.tensor([0.0, 0.5, 1.0, 0.25]).view(2, 1, 1, 2)


def test_bernoulli_is_binary_cross_entropy_and_its_mean_the_probability() -> None:
    params = torch.tensor([0.0, math.log(3), -math.log(3), 0.0]).view(2, 1, 1, 2)
    losses = [math.log(2), -0.5 * (math.log(0.75) + math.log(0.25)), -math.log(0.25), math.log(2)]
    assert Bernoulli().distortion(X, params).item() == pytest.approx(sum(losses) / 2)
    assert Bernoulli().mean(params).flatten().tolist() == pytest.approx([0.5, 0.75, 0.25, 0.5])


def test_gaussian_is_the_log_density() -> None:
    params = torch.tensor([0.1, 0.4, 1.0, 0.0]).view(2, 1, 1, 2)
    expected = -torch.distributions.Normal(params, 0.3).log_prob(X).sum() / 2
    assert Gaussian(0.3).distortion(X, params).item() == pytest.approx(expected.item(), rel=1e-6)
    assert torch.equal(Gaussian(0.3).mean(params), params)


def test_categorical_is_the_cross_entropy_of_the_nearest_level() -> None:
    kind = Categorical(3)
    params = torch.zeros(2, kind.channels(1), 1, 2)
    assert kind.distortion(X, params).item() == pytest.approx(2 * math.log(3))
    params[0, 1, 0, 1] = 2.0  # the second pixel of the first image is 0.5, level 1
    gain = math.log(3) - (math.log(2 + math.e**2) - 2)
    assert kind.distortion(X, params).item() == pytest.approx(2 * math.log(3) - gain / 2)
    assert kind.mean(torch.zeros(1, 3, 1, 1)).item() == pytest.approx(0.5)
    certain = torch.full((1, 6, 1, 1), -99.0)
    certain[0, 4] = certain[0, 1] = 99.0  # of channels 0 and 1: levels 2 and 0
    assert kind.mean(certain).flatten().tolist() == pytest.approx([1, 0])


def test_names_and_bad_values() -> None:
    assert {type(likelihood(name, 0.1, 4)).__name__.lower() for name in LIKELIHOODS} == set(LIKELIHOODS)
    with pytest.raises(UnknownNameError, match="unknown likelihood 'gaus'; did you mean gaussian"):
        likelihood("gaus", 0.1, 4)
    with pytest.raises(InputError, match="sigma must be above 0, not 0"):
        Gaussian(0.0)
    with pytest.raises(InputError, match="levels must be from 2 to 256, not 1"):
        Categorical(1)
