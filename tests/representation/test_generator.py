"""The generator that is told the factors: closed forms of what passes, and training."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from unbraid.envs import Factor, make_factored
from unbraid.errors import InputError
from unbraid.representation.data import FreshStates, States
from unbraid.representation.generator import FIRST_SCALE, SPEED, Generator
from unbraid.representation.networks import ImageShape
from unbraid.representation.objectives import capacity
from unbraid.representation.training import FitOptions, fit

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*srun.*")
FACTORS = (
    Factor("x", "continuous", 0, 1, None, "", True),
    Factor("kind", "categorical", 0, 2, 3, "", False),
)
RULE = capacity.Config(gamma=10.0, start=0.5, capacity=2.5, rise=4)


def generator(hold: int = 0) -> Generator:
    """Of 16x16 images, two factors."""
    return Generator(ImageShape(16, 16, 1), FACTORS, RULE, hold, "conv", torch.Generator().manual_seed(0))


def states(n: int = 6) -> States:
    """Images and factors at random."""
    rng = torch.Generator().manual_seed(1)
    images = torch.randint(256, (n, 16, 16, 1), generator=rng, dtype=torch.uint8)
    return States(images, torch.rand(n, 2, generator=rng) * torch.tensor([1.0, 2.0]))


def test_factors_are_standardised_as_uniform_ones() -> None:
    given = States(torch.zeros(2, 16, 16, 1, dtype=torch.uint8), torch.tensor([[0.5, 1.0], [1.0, 0.0]]))
    seen = generator().prepare(given, 0, torch.Generator()).seen
    assert torch.allclose(seen, torch.tensor([[0.0, 0.0], [math.sqrt(3), -math.sqrt(3)]]), atol=1e-6)


def test_what_passes_by_hand() -> None:
    learner = generator()
    with torch.no_grad():
        learner.slow_scale.copy_(torch.tensor([2.0, 0.0]) / SPEED)
        learner.slow_logvar.copy_(torch.tensor([math.log(0.25), 0.0]) / SPEED)
    inputs = learner.prepare(states(), 2, torch.Generator().manual_seed(0))
    mu, logvar = learner.posterior(inputs.seen)
    assert torch.allclose(mu, inputs.seen * torch.tensor([2.0, 0.0]), atol=1e-6)
    assert torch.allclose(logvar.exp(), torch.tensor([0.25, 1.0]).expand(6, 2), atol=1e-6)
    terms = {name: value.detach() for name, value in learner(inputs).items()}
    wanted = 0.5 * float((4 * inputs.seen[:, 0] ** 2).mean() + 0.25 - math.log(0.25) - 1)
    assert float(terms["kl of x"]) == pytest.approx(wanted, rel=1e-5)
    assert float(terms["kl of kind"]) == pytest.approx(0, abs=1e-6)
    assert float(terms["kl"]) == pytest.approx(wanted, rel=1e-5)
    assert float(terms["capacity gap"]) == pytest.approx(abs(wanted - 1.5), rel=1e-4)


def test_capacity_rests_before_it_rises() -> None:
    noise = torch.Generator().manual_seed(0)
    steps = [generator(hold).prepare(states(), step, noise).step for hold, step in ((0, 3), (5, 3), (5, 7))]
    assert steps == [3, 0, 2]


def test_every_parameter_learns_and_scales_begin_alike() -> None:
    learner = generator()
    learner(learner.prepare(states(), 0, torch.Generator().manual_seed(0)))["loss"].backward()
    assert all(part.grad is not None and part.grad.abs().sum() > 0 for part in learner.parameters())
    assert torch.allclose(SPEED * learner.slow_scale, torch.full((2,), FIRST_SCALE))


def test_it_has_no_encoder_and_draws_bytes() -> None:
    learner = generator()
    with pytest.raises(InputError, match="no encoder"):
        learner.encode(states().image)
    drawn = learner.decode(torch.zeros(3, 2))
    assert drawn.shape == (3, 16, 16, 1) and drawn.dtype == torch.uint8


def test_training_lets_the_blobs_place_through(tmp_path: Path) -> None:
    env = make_factored("unbraid.envs:unbraid/SpritesBlob-v0", 8, sigma_px=8.0)
    rule = capacity.Config(gamma=200.0, start=2.0, capacity=3.0, rise=100)
    made = [
        Generator(ImageShape(64, 64, 1), env.factors, rule, 0, "conv", torch.Generator().manual_seed(0))
        for _ in range(2)
    ]
    fit(made[0], FreshStates(env, 0), FitOptions(100, 1e-3, device="cpu", progress=False), tmp_path)
    inputs = made[0].prepare(FreshStates(env, 1).draw(), 99, torch.Generator().manual_seed(1))
    with torch.no_grad():
        trained, fresh = (learner(inputs) for learner in made)
    assert float(trained["kl"]) > float(fresh["kl"]) + 0.3
    assert float(trained["reconstruction"]) < 0.7 * float(fresh["reconstruction"])
