"""DUSDi: rewards by hand, which way gradients go, what its factors are, and that components are learnt."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from unbraid.agents import dusdi
from unbraid.agents._skills import Followed
from unbraid.envs import make_factored
from unbraid.errors import InputError, UnknownNameError
from unbraid.representation.training import FitOptions, fit

MAZE = "unbraid/Maze-v0"
OPEN = {"layout": ("....", "....", "....", "...."), "image_size": 16}


def learner(**settings: Any) -> dusdi.DUSDi:
    env = make_factored(MAZE, 2, **OPEN)
    return dusdi.build(dusdi.Config(**settings), env, torch.Generator().manual_seed(0))


def followed(agent: dusdi.DUSDi, n: int = 6, **options: Any) -> Followed:
    walk = dusdi.data(agent.config, make_factored(MAZE, n, **{**OPEN, **options}), 0)
    return agent.prepare(walk, 0, torch.Generator().manual_seed(0))


def fix(agent: dusdi.DUSDi, own: float, others: float) -> None:
    """Have all discriminators say that value 0 is so many times as likely as value 1."""
    with torch.no_grad():
        for heads, ratio in ((agent.own, own), (agent.others, others)):
            for head in heads:
                head[-1].weight.zero_()  # type: ignore[index,operator]
                head[-1].bias.copy_(torch.tensor([math.log(ratio), 0.0]))  # type: ignore[index,operator]


def test_the_reward_by_hand() -> None:
    agent = learner(penalty=0.5)
    fix(agent, 3.0, 9.0)
    seen = followed(agent)._replace(skill=torch.tensor([[0, 0], [0, 1], [0, 1], [1, 0], [1, 1], [1, 1]]))
    terms = agent(seen)
    zeros, ones = 5 / 12, 7 / 12
    own = zeros * math.log(3 / 4) + ones * math.log(1 / 4)
    others = zeros * math.log(9 / 10) + ones * math.log(1 / 10)
    assert terms["own factor"].item() == pytest.approx(-2 * own, rel=1e-5)
    assert terms["other factors"].item() == pytest.approx(-2 * others, rel=1e-5)
    expected = 2 * (own + math.log(2) - 0.5 * (others + math.log(2)))
    assert terms["reward"].item() == pytest.approx(expected, rel=1e-4)


def test_a_component_is_told_from_its_own_factor_and_from_the_others() -> None:
    agent = learner(latents=3)
    factors, skill = torch.randn(1, 5, 3, generator=torch.Generator().manual_seed(0)), torch.zeros(5, 3).long()
    own, others = agent.told(factors, skill)
    moved = factors.clone()
    moved[..., 1] += 1
    own_moved, others_moved = agent.told(moved, skill)
    assert [bool((own != own_moved)[..., i].all()) for i in range(3)] == [False, True, False]
    assert [bool((others != others_moved)[..., i].all()) for i in range(3)] == [True, False, True]


def test_the_codes_gradient_through_the_others_is_reversed() -> None:
    """What a discriminator learns from, ``q(z_i | s_-i)``, pushes the code the other way, lambda times as hard."""
    agent, skill = learner(penalty=0.25), torch.zeros(1, 2).long()
    factors = torch.tensor([[[0.3, -0.7]]], requires_grad=True)
    found = torch.autograd.grad(agent.told(factors, skill)[1][..., 0].sum(), factors)[0]
    plain = torch.tensor([[[-0.7]]], requires_grad=True)
    direct = torch.log_softmax(agent.others[0](plain), -1)[..., 0].sum()
    straight = torch.autograd.grad(direct, plain)[0]
    assert found[..., 0].item() == 0
    assert found[..., 1].item() == pytest.approx(-0.25 * straight.item(), rel=1e-5)


def test_advantages_of_components_are_summed_in_the_policys_gradient() -> None:
    agent = learner(length=1)
    seen = followed(agent)
    codes = agent.encode(seen.images.flatten(0, 1)).unflatten(0, seen.images.shape[:2])
    rewards = torch.randn(1, 6, 2, generator=torch.Generator().manual_seed(0))
    logs = agent.actor.log_policies(codes[0], codes[0], seen.skill).gather(1, seen.actions[0][:, None])[:, 0]
    expected = -(logs * rewards[0].sum(1)).mean()  # values are 0 at first
    assert agent.actor.losses(seen, codes, rewards)["policy"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_all_skills_in_order() -> None:
    agent = learner()
    assert agent.actor.skills.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    chances = agent.policies(torch.zeros(3, 2))
    assert chances.shape == (3, 4, 4) and torch.allclose(chances.sum(2), torch.ones(3, 4))
    one = agent.actor.log_policies(torch.zeros(1, 2), torch.zeros(1, 2), torch.tensor([[1, 0]])).exp()
    assert torch.allclose(chances[:1, 2], one)


def test_true_factors_are_read_off_the_world() -> None:
    agent = learner(factors="true")
    env = make_factored(MAZE, 6, **OPEN)
    walk = dusdi.data(agent.config, env, 0)
    first = env.get_factors()
    seen = agent.prepare(walk, 0, torch.Generator().manual_seed(0))
    assert torch.allclose(seen.factors[0], 2 * first / 3 - 1)
    assert torch.allclose(seen.factors[-1], 2 * env.get_factors() / 3 - 1)
    agent(seen)["own factor"].backward()
    assert all(part.grad is None for part in agent.encoder.parameters())
    ended = followed(agent, n=4, max_episode_steps=2)
    assert torch.equal(ended.factors[2], ended.factors[1])  # not those of the next episode


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="factors 'treu'; did you mean true"):
        dusdi.Config(factors="treu")
    with pytest.raises(InputError, match="values must be at least 2, not 1"):
        dusdi.Config(values=1)
    with pytest.raises(InputError, match="penalty must be at least 0"):
        dusdi.Config(penalty=-1)
    with pytest.raises(InputError, match="at least 2 latents, not 1; with one thing to control train diayn"):
        learner(latents=1)
    with pytest.raises(InputError, match="1,024 skills are more than can be measured, 1,000: ask for fewer"):
        learner(latents=10)
    with pytest.raises(InputError, match="agent 'dusdi' needs a discrete action space"):
        dusdi.build(dusdi.Config(), make_factored("unbraid/Planar-v0", 2), torch.Generator())


@pytest.mark.parametrize("factors", ["latents", "true"])
def test_a_training_taken_up_again_is_the_same(tmp_path: Path, factors: str) -> None:
    found = []
    for stops in ((4,), (2, 4)):
        agent, folder = learner(steps=4, factors=factors), tmp_path / str(len(stops))
        for stop in stops:
            walk = dusdi.data(agent.config, make_factored(MAZE, 4, **OPEN), 0)
            fit(agent, walk, FitOptions(stop, 1e-3, device="cpu", progress=False), folder)
        found.append(agent.state_dict())
    assert all(torch.equal(part, found[1][name]) for name, part in found[0].items())


def test_it_works_end_to_end(tmp_path: Path, cli: Any) -> None:
    few = ("--steps", 4, "--batch-size", 4, "--factors", "true", "--values", 3, "--device", "cpu")
    done = cli("train", "dusdi", *few, "--out", tmp_path / "run")
    assert done.status == 0, done.err
    done = cli("evaluate", tmp_path / "run", "--metrics", "r2", "--points", 60, "--json")
    assert done.status == 0, done.err
    found = json.loads(done.out)["agent"]
    assert found["policies"][1] == "skill 0, 1" and len(found["policy"]) == 9
    assert [len(row) for row in found["component_changes"]] == [2, 2]
    assert 0 <= found["component_mass"] <= 1


@pytest.mark.slow
def test_components_move_their_own_factor_in_a_small_room(tmp_path: Path) -> None:
    agent = learner(factors="true", discriminate="change")
    walk = dusdi.data(agent.config, make_factored(MAZE, 64, **OPEN), 0)
    fit(agent, walk, FitOptions(600, 3e-3, device="cpu", progress=False), tmp_path)
    found = dusdi.evaluate(agent, MAZE, 1, 64, **OPEN)
    (x_by_x, y_by_x), (x_by_y, y_by_y) = found["component_changes"]
    assert found["information"] > 0.4 and found["component_mass"] > 0.6
    assert x_by_x > y_by_x and y_by_y > x_by_y
