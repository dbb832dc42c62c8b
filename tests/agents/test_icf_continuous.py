"""The continuous ICF agent: kernels, weights and scores by hand, and options that are already perfect."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unbraid.agents import icf_continuous
from unbraid.agents._foresight import Foresight, Look
from unbraid.agents.icf_continuous.embeddings import EMBEDDINGS
from unbraid.agents.icf_continuous.kernels import KERNELS
from unbraid.agents.icf_continuous.model import Options, bilinear, explore, spread
from unbraid.envs import make_factored
from unbraid.errors import InputError, UnknownNameError
from unbraid.representation.networks import ImageShape, to_floats
from unbraid.representation.training import FitOptions, fit

WAYS = torch.tensor([[-1.0, 0], [1, 0], [0, -1], [0, 1]])
OPEN = {"layout": ("....",) * 4}
MAZE = "unbraid/Maze-v0"


def agent(**settings: Any) -> icf_continuous.ContinuousICF:
    config = icf_continuous.Config(**settings)
    return icf_continuous.build(config, make_factored(MAZE, 2), torch.Generator().manual_seed(0))


def followed(learner: icf_continuous.ContinuousICF, n: int = 6, step: int = 10**6) -> Options:
    walk = icf_continuous.data(learner.config, make_factored(MAZE, n), 0)
    return learner.prepare(walk, step, torch.Generator().manual_seed(1))


def test_kernels_by_hand() -> None:
    change, factor = torch.tensor([3.0, 4.0]), torch.tensor([-4.0, 2.0])  # their product is -4
    found = {name: kernel(change, factor, torch.tensor(2.0)).item() for name, kernel in KERNELS.items()}
    assert found["gaussian"] == pytest.approx(-(49 + 4) / 8)
    assert found["relu"] == pytest.approx(math.log(1e-3))
    assert found["absolute"] == pytest.approx(math.log(4 + 1e-3))
    assert found["cosine"] == pytest.approx(-4 / (5 * math.sqrt(20)) / 4, rel=1e-4)
    assert KERNELS["relu"](change, -factor, torch.tensor(2.0)).item() == pytest.approx(math.log(4 + 1e-3))


def test_embeddings_are_where_they_should_be() -> None:
    x = 3 * torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
    found = {name: one.place(x if one.extra else x[:, :3]) for name, one in EMBEDDINGS.items()}
    assert all(part.shape == (200, 3) for part in found.values())
    assert found["hypercube"].abs().max() <= 1
    assert torch.allclose(found["hypersphere"].norm(dim=1), torch.ones(200))
    assert torch.allclose(found["simplex"].sum(1), torch.ones(200)) and found["simplex"].min() >= 0
    size = found["signed_simplex"].sum(1)
    assert torch.allclose(size, x[:, 3].tanh(), atol=1e-6) and size.min() < -0.5 < 0.5 < size.max()


def test_inputs_are_multiplied_each_with_each() -> None:
    found = bilinear(torch.tensor([2.0, 3.0]), torch.tensor([5.0]))
    assert found.tolist() == [10, 2, 15, 3, 5, 1]


def test_spread_by_hand() -> None:
    factors = torch.tensor([[[0.0, 0.0], [0.0, 1.0], [0.0, 3.0]]])
    assert spread(factors).item() == pytest.approx(2 * (0 + 0 + math.log(2)) / 3)
    assert spread(torch.zeros(1, 3, 2)).isfinite()


def test_scores_by_hand() -> None:
    learner = agent(sigma=1.0)
    found = learner.scores(torch.zeros(1, 2), torch.tensor([[[0.0, 0.0], [0.0, 2.0]]]))
    one, other = 1.0, math.exp(-2)
    mean = (one + other) / 2
    assert found[0].tolist() == pytest.approx([math.log(one / mean), math.log(other / mean)], rel=1e-5)


def test_scores_are_at_most_the_logarithm_of_how_many_factors_there_are() -> None:
    learner = agent(sigma=0.1)
    factors = torch.randn(50, 8, 2, generator=torch.Generator().manual_seed(0))
    found = learner.scores(factors[:, 0], factors)
    assert found[:, 0].mean() > 1.8 and found.max() <= math.log(8) + 1e-5
    assert torch.allclose(found.exp().mean(1), torch.ones(50), atol=1e-4)


def test_without_a_bandwidth_it_is_the_papers() -> None:
    assert agent(sigma=0.0, latents=3).log_sigma.exp().item() == pytest.approx(math.sqrt(3))


def test_weights_make_what_one_of_them_did_an_expectation_of_each() -> None:
    """Sum over actions, by how likely any of the factors' policies takes them: every factor's weight has mean 1."""
    learner = agent(epsilon=0.2)
    image = make_factored(MAZE, 1).reset(seed=0)[0].expand(4, -1, -1, -1)
    noise = torch.randn(1, 5, 2, generator=torch.Generator().manual_seed(0)).expand(4, -1, -1)
    codes = learner.encode(image).expand(2, -1, -1)
    done = Options(torch.stack([image, image]), codes, torch.arange(4)[None], torch.ones(1, 4), noise)
    found = learner._followed(codes, done, learner.factors(codes[0], noise))
    chance = found.log_behaviour.exp().mean(1)
    weight = (found.log_chance - found.log_behaviour.logsumexp(1, keepdim=True)).exp() * 5
    assert chance.sum().item() == pytest.approx(1, abs=1e-5)
    assert (chance[:, None] * weight).sum(0).tolist() == pytest.approx([1] * 5, abs=1e-4)


def test_what_is_taken_at_random_is_taken_evenly() -> None:
    logs = torch.tensor([200.0, 0, 0, 0]).log_softmax(0)
    assert explore(logs, 0.2).exp().tolist() == pytest.approx([0.85, 0.05, 0.05, 0.05])
    assert explore(logs, 1.0).exp().tolist() == pytest.approx([0.25] * 4)
    assert torch.equal(explore(logs, 0.0), logs) and logs.exp()[1] == 0  # finite where the probability rounds to 0


def test_options_are_followed_in_the_world() -> None:
    learner = agent(length=3, warm_up=0.5)
    long, short = followed(learner), followed(learner, step=0)
    assert long.images.shape == (4, 6, 64, 64, 3) and long.actions.shape == (3, 6)
    assert short.images.shape == (2, 6, 64, 64, 3)
    assert long.going.min() == 1 and long.noise.shape == (6, 64, 2)


def test_an_option_ends_with_its_episode() -> None:
    learner = agent(length=3)
    walk = icf_continuous.data(learner.config, make_factored(MAZE, 4, max_episode_steps=2), 0)
    found = learner.prepare(walk, 10**6, torch.Generator().manual_seed(0))
    assert found.going.tolist() == [[1.0] * 4, [1.0] * 4, [0.0] * 4]
    assert torch.equal(found.images[2], found.images[3])
    assert not torch.equal(found.images[3], walk.image)  # which is of the next episode


@pytest.mark.parametrize("term", ["reconstruction", "entropy", "hindsight", "value", "spread"])
def test_what_only_reads_the_code_does_not_shape_it(term: str) -> None:
    learner = agent()
    done = followed(learner)
    learner(done)[term].backward()
    assert not any(part.grad is not None and part.grad.any() for part in learner.encoder.parameters())
    gradients = torch.autograd.grad(learner(done)["selectivity"], list(learner.encoder.parameters()))
    assert any(part.abs().sum() > 0 for part in gradients)


def test_long_options_are_learnt_on_a_code_that_rests() -> None:
    learner = agent(length=2)
    learner(followed(learner))["loss"].backward()
    assert all(part.grad is None for part in learner.encoder.parameters())
    assert all(part.grad is not None for part in learner.generator.parameters())


class Knowing(nn.Module):
    """An encoder that reads the agent's place off the pixels of an open 4x4 maze: the code is (x, y), exactly."""

    def forward(self, x: Tensor) -> Tensor:
        red = ((x[:, 0] > 0.6) & (x[:, 1] < 0.3)).float()
        weight = red / red.sum((1, 2), keepdim=True)
        axis = (torch.arange(64) - 7.5) / 16
        return torch.stack([(weight.sum(1) * axis).sum(1), (weight.sum(2) * axis).sum(1)], 1)


class Perfect(icf_continuous.ContinuousICF):
    """It goes where its factor points, along the longer way first, and knows the edges."""

    def factors(self, codes: Tensor, noise: Tensor, length: int | None = None) -> Tensor:
        return 1.5 * noise

    def log_policies(self, start: Tensor, codes: Tensor, factors: Tensor) -> Tensor:
        here = codes if codes.ndim == 3 else codes[:, None]
        left = factors - (here - start[:, None])
        reached = (here[:, :, None] + WAYS).clamp(0, 3) - here[:, :, None]
        return (-1e3 * (left[:, :, None] - reached).square().sum(3)).log_softmax(2)

    def predict(self, images: Tensor, factors: Tensor) -> Tensor:
        start = self.encode(images)
        here = start[:, None].expand_as(factors)
        for _ in range(self.config.length):
            action = self.log_policies(start, here, factors).argmax(2)
            here = (here + WAYS[action]).clamp(0, 3)
        return here


def perfect(length: int) -> Perfect:
    config, generator = icf_continuous.Config(length=length), torch.Generator().manual_seed(0)
    learner = Perfect(ImageShape(64, 64, 3), 4, config, generator)
    learner.encoder = Knowing()
    return learner


def test_the_knowing_encoder_knows() -> None:
    env = make_factored(MAZE, 30, **OPEN)
    image = env.reset(seed=0)[0]
    assert torch.allclose(Knowing()(to_floats(image)), env.get_factors(), atol=1e-3)


def test_perfect_options_have_all_there_is() -> None:
    found = icf_continuous.evaluate(perfect(1), MAZE, seed=0, states=64, policies=256, **OPEN)
    assert (found["modes"], found["modes_found"]) == (4, 4)
    assert found["coverage"] == pytest.approx(1) and found["option_prediction_right"] == 1
    assert 0.8 < found["information"] <= found["information_ceiling"] < math.log(4)
    assert found["selectivity"] <= found["information"]
    assert found["axes_deg"][0][1] == pytest.approx(90, abs=0.01)


def test_perfect_options_of_two_actions_have_nearly_all() -> None:
    found = icf_continuous.evaluate(perfect(2), MAZE, seed=0, states=16, policies=256, **OPEN)
    assert found["coverage"] > 0.9 and found["option_prediction_right"] == 1
    assert found["information"] <= found["information_ceiling"] + 1e-6
    untold = icf_continuous.evaluate(agent(length=2), MAZE, seed=0, states=16, policies=64, **OPEN)
    assert untold["coverage"] < 0.9 and untold["option_prediction_right"] < 0.9


def test_long_options_are_measured_in_fewer_states_and_too_long_ones_are_refused() -> None:
    found = icf_continuous.evaluate(agent(length=5), MAZE, seed=0, states=16, policies=32, **OPEN)  # 1,024 sequences
    assert 0 < found["coverage"] <= 1 and "diagonal_mass" not in found
    with pytest.raises(InputError, match=r"options of 7 actions can't be measured: 4\^7 sequences"):
        icf_continuous.evaluate(agent(length=7), MAZE, seed=0, states=2, policies=2, **OPEN)


@pytest.mark.parametrize(("length", "search"), [(1, True), (2, True), (1, False)])
def test_perfect_options_reach_every_goal(length: int, search: bool) -> None:
    numbers, trip = icf_continuous.plan(perfect(length), MAZE, 50, 0, search=search, **OPEN)
    assert numbers["places"] == 16 and numbers["success"] == 1
    assert numbers["steps_ratio"] == 1 if length == 1 else 1 <= numbers["steps_ratio"] < 1.6
    assert trip.stopped.all()


def test_an_untrained_agent_reaches_few() -> None:
    assert icf_continuous.plan(agent(), MAZE, 50, 0, max_steps=16)[0]["success"] < 0.6


def test_variations_are_what_factors_bring_about() -> None:
    found = icf_continuous.variations(perfect(1), MAZE, 0, 100, **OPEN)
    assert found.factors.shape == found.changes.shape == (100, 2)
    assert found.names == ["left", "right", "up", "down"]
    assert torch.allclose(found.changes, found.foretold, atol=1e-3)
    ways = WAYS[found.action]
    moved = found.changes.abs().sum(1) > 0.5
    assert moved.sum() > 70 and torch.allclose(found.changes[moved], ways[moved], atol=1e-3)


def test_behaviour_follows_one_of_several_options() -> None:
    learner = perfect(2)
    found = icf_continuous.behaviour(learner, MAZE, 0, policies=5, **OPEN)
    assert found.images.shape[0] == 3 and found.chances.shape == (2, 5, 4)
    assert torch.allclose(found.chances.sum(2), torch.ones(2, 5))
    assert torch.equal(found.chances[:, found.followed].argmax(1), found.actions)
    codes = learner.encode(found.images)
    moved = codes.diff(dim=0)  # or not, at a wall
    assert torch.allclose(moved, WAYS[found.actions] * (moved != 0), atol=1e-3) and bool(moved.any())
    other = icf_continuous.behaviour(learner, MAZE, 0, policies=5, disturbed=0, **OPEN)
    assert other.followed == found.followed and other.actions[0] != found.actions[0]
    assert torch.equal(other.chances[0], found.chances[0]) and not torch.equal(other.chances[1], found.chances[1])


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="kernel 'gausian'; did you mean gaussian"):
        icf_continuous.Config(kernel="gausian")
    with pytest.raises(UnknownNameError, match="embedding 'cube'"):
        icf_continuous.Config(embedding="cube")
    with pytest.raises(InputError, match="length must be above 0, not 0"):
        icf_continuous.Config(length=0)
    with pytest.raises(InputError, match="epsilon must be from 0 to 1, a share of the actions, not 2"):
        icf_continuous.Config(epsilon=2)
    with pytest.raises(InputError, match="samples must be at least 2"):
        icf_continuous.Config(samples=1)
    with pytest.raises(InputError, match="discrete action space"):
        icf_continuous.build(icf_continuous.Config(), make_factored("unbraid/Planar-v0", 2), torch.Generator())


@pytest.mark.parametrize("kernel", sorted(KERNELS))
@pytest.mark.parametrize("embedding", sorted(EMBEDDINGS))
def test_every_kernel_and_embedding_trains(kernel: str, embedding: str) -> None:
    learner = agent(kernel=kernel, embedding=embedding, samples=8)
    learner(followed(learner))["loss"].backward()
    assert all(part.grad is None or part.grad.isfinite().all() for part in learner.parameters())


def test_foreseen_options_follow_their_policy_through_single_actions() -> None:
    """A latent model that knows every move foretells where options end, walls and all."""

    class Foreseeing(Foresight):
        def moves(self, codes: Tensor) -> Tensor:
            return WAYS.expand(*codes.shape[:-1], 4, 2)

        def lets(self, seen: Look, codes: Tensor) -> Tensor:
            reached = codes[..., None, :] + WAYS
            return torch.where(((reached > -0.5) & (reached < 3.5)).all(-1), 9.0, -9.0)

    learner = perfect(2)
    learner.foresight = Foreseeing(ImageShape(64, 64, 3), 2, 4)
    images = make_factored(MAZE, 20, **OPEN).reset(seed=0)[0]
    factors = torch.randn(20, 9, 2, generator=torch.Generator().manual_seed(0))
    found = icf_continuous.ContinuousICF.predict(learner, images, factors)
    assert torch.allclose(found, learner.predict(images, factors), atol=1e-3)


def test_an_ensemble_of_learners_that_act_is_refused(tmp_path: Path, cli: Any) -> None:
    done = cli("train", "icf_continuous", "--steps", 2, "--batch-size", 4, "--ensemble", 2, "--out", tmp_path / "run")
    assert done.status == 2 and "can't share a program" in done.err and not (tmp_path / "run").exists()


def test_it_trains_end_to_end_and_twice_the_same(tmp_path: Path, cli: Any) -> None:
    few = ("--batch-size", 4, "--length", 2, "--device", "cpu", "--checkpoint-every", 2, "--json")
    whole, again = tmp_path / "whole", tmp_path / "again"
    for folder in (whole, again):
        done = cli("train", "icf_continuous", *few, "--steps", 4, "--out", folder)
        assert done.status == 0, done.err
    assert (whole / "model.safetensors").read_bytes() == (again / "model.safetensors").read_bytes()
    done = cli("plan", whole, "--episodes", 4, "--max-steps", 4, "--json")
    assert done.status == 0, done.err
    assert set(json.loads(done.out)) >= {"success", "places"}
    done = cli("evaluate", whole, "--metrics", "r2", "--points", 60, "--json")
    assert done.status == 0, done.err
    assert set(json.loads(done.out)["agent"]) >= {"selectivity", "coverage", "option_prediction_right", "information"}


def test_a_training_taken_up_again_is_the_same(tmp_path: Path) -> None:
    found = []
    for stops in ((4,), (2, 4)):
        learner, folder = agent(length=2, warm_up=0.5, steps=4), tmp_path / str(len(stops))
        for stop in stops:
            walk = icf_continuous.data(learner.config, make_factored(MAZE, 4), 0)
            fit(learner, walk, FitOptions(stop, 1e-3, device="cpu", progress=False), folder)
        found.append(learner.state_dict())
    assert all(torch.equal(part, found[1][name]) for name, part in found[0].items())
