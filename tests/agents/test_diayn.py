"""DIAYN, and what it shares with DUSDi: rewards, advantages and measures by hand, and that skills are learnt."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from unbraid.agents import diayn
from unbraid.agents._skill_trials import Ends, components, dependence, ends, labels
from unbraid.agents._skills import Followed, advantages, log_chances, reading, surplus
from unbraid.envs import make_factored
from unbraid.errors import InputError, UnknownNameError
from unbraid.experiments.figures import policy_names
from unbraid.experiments.report import policies
from unbraid.representation.training import FitOptions, fit

MAZE = "unbraid/Maze-v0"
OPEN = {"layout": ("....", "....", "....", "...."), "image_size": 16}


def learner(**settings: Any) -> diayn.DIAYN:
    env = make_factored(MAZE, 2, **OPEN)
    return diayn.build(diayn.Config(**settings), env, torch.Generator().manual_seed(0))


def followed(agent: diayn.DIAYN, n: int = 6, **options: Any) -> Followed:
    walk = diayn.data(agent.config, make_factored(MAZE, n, **{**OPEN, **options}), 0)
    return agent.prepare(walk, 0, torch.Generator().manual_seed(0))


def test_rewards_by_hand() -> None:
    logits = torch.tensor([[[math.log(3.0), 0.0], [0.0, 0.0]]])
    logs = log_chances(logits, torch.tensor([0, 1]))
    assert logs[0].tolist() == pytest.approx([math.log(3 / 4), math.log(1 / 2)])
    assert surplus(logs, 2)[0].tolist() == pytest.approx([math.log(3 / 2), 0], abs=1e-6)
    assert not surplus(logs.requires_grad_(), 2).requires_grad


def test_the_discriminators_reward_and_loss_by_hand() -> None:
    agent = learner()
    with torch.no_grad():
        agent.discriminator[-1].weight.zero_()  # type: ignore[operator]
        agent.discriminator[-1].bias.copy_(torch.tensor([math.log(3.0), 0, 0, 0]))  # type: ignore[operator]
    seen = followed(agent)._replace(skill=torch.tensor([[0], [0], [0], [1], [2], [3]]))
    terms = agent(seen)
    told = (3 * math.log(3 / 6) + 3 * math.log(1 / 6)) / 6
    assert terms["discriminator"].item() == pytest.approx(-told, rel=1e-5)
    assert terms["reward"].item() == pytest.approx(told + math.log(4), rel=1e-4)


def test_advantages_by_hand() -> None:
    rewards, values = torch.tensor([1.0, 2.0, 4.0]).view(3, 1, 1), torch.tensor([0.5, 1.0, 3.0]).view(3, 1, 1)
    going = torch.ones(3, 1)
    found = advantages(rewards, values, going, 0.5, 0.5).flatten().tolist()
    last, second, first = 4 - 3, 2 + 0.5 * 3 - 1, 1 + 0.5 * 1 - 0.5
    assert found == pytest.approx([first + 0.25 * (second + 0.25 * last), second + 0.25 * last, last])
    found = advantages(rewards, values, torch.tensor([[1.0], [1.0], [0.0]]), 0.5, 0.5).flatten().tolist()
    assert found == pytest.approx([1 + 0.5 - 0.5 + 0.25 * (2 - 1), 2 - 1, 0])


def test_with_a_trace_of_1_advantages_are_returns_less_values() -> None:
    generator = torch.Generator().manual_seed(0)
    rewards, values = (torch.randn(4, 3, 2, generator=generator) for _ in range(2))
    found = advantages(rewards, values, torch.ones(4, 3), 0.9, 1.0)
    powers = 0.9 ** torch.arange(4)
    for t in range(4):
        returns = (powers[: 4 - t].view(-1, 1, 1) * rewards[t:]).sum(0)
        assert torch.allclose(found[t], returns - values[t], atol=1e-5)


def test_readings() -> None:
    along = torch.tensor([1.0, 3.0, 2.0]).view(3, 1, 1)
    assert reading(along, "state").flatten().tolist() == [3, 2]
    assert reading(along, "change").flatten().tolist() == [2, 1]


def test_skills_are_followed_in_the_world_and_end_with_its_episode() -> None:
    agent = learner(length=3)
    seen = followed(agent)
    assert seen.images.shape == (4, 6, 16, 16, 3) and seen.actions.shape == (3, 6) and seen.skill.shape == (6, 1)
    assert seen.going.min() == 1 and seen.factors.shape == (4, 6, 0)
    seen = followed(agent, n=4, max_episode_steps=2)
    assert seen.going.tolist() == [[1.0] * 4, [1.0] * 4, [0.0] * 4]
    assert torch.equal(seen.images[2], seen.images[3])


def test_what_is_rewarded_becomes_likelier_and_nothing_else_shapes_the_policy() -> None:
    agent = learner(length=1, entropy=0.0, discount=0.0)
    seen = followed(agent, n=8)
    codes = agent.encode(seen.images.flatten(0, 1)).unflatten(0, seen.images.shape[:2])

    def chances() -> Tensor:
        logs = agent.actor.log_policies(codes[0], codes[0], seen.skill)
        return logs.gather(1, seen.actions[0][:, None])[:, 0]

    before = chances().detach()
    for sign in (1.0, -1.0):
        agent.zero_grad()
        rewards = torch.zeros(1, 8, 1)
        rewards[0, 0] = sign
        agent.actor.losses(seen, codes, rewards)["policy"].backward()
        with torch.no_grad():
            kept = {name: part.clone() for name, part in agent.named_parameters()}
            for part in agent.actor.policy_head.parameters():
                part -= 1e-3 * part.grad
        assert (chances() - before)[0] * sign > 0
        agent.load_state_dict({**agent.state_dict(), **kept})
    assert all(part.grad is None for part in agent.actor.value_head.parameters())


@pytest.mark.parametrize(("term", "shaped"), [("discriminator", True), ("identification", True), ("policy", False)])
def test_what_shapes_the_code(term: str, shaped: bool) -> None:
    agent = learner()
    agent(followed(agent))[term].backward()
    assert any(part.grad is not None and part.grad.any() for part in agent.encoder.parameters()) == shaped


def test_a_policy_of_changes_is_told_of_them() -> None:
    codes, other, skill = torch.zeros(3, 2), torch.ones(3, 2), torch.zeros(3, 1, dtype=torch.int64)
    for discriminate, told in (("state", False), ("change", True)):
        actor = learner(discriminate=discriminate).actor
        same = torch.equal(actor.log_policies(codes, codes, skill), actor.log_policies(codes, other, skill))
        assert same != told


def test_dependence_by_hand() -> None:
    z = torch.tensor([0, 0, 1, 1])
    assert dependence(z, torch.tensor([5.0, 5.0, 7.0, 7.0])) == pytest.approx(math.log(2))
    assert dependence(z, torch.tensor([5.0, 7.0, 5.0, 7.0])) == pytest.approx(0, abs=1e-12)
    assert len(set(labels(torch.randn(1000, generator=torch.Generator().manual_seed(0))).tolist())) == 16


def test_components_by_hand() -> None:
    skill = torch.cartesian_prod(torch.arange(2), torch.arange(2)).repeat(8, 1)
    after = skill.float()
    perfect = components(Ends(skill, torch.zeros(32, 2), after), [0, 1])
    assert perfect["component_mass"] == pytest.approx(1)
    assert perfect["skill_information"] == pytest.approx(math.log(4))
    mixed = torch.stack([after.sum(1), torch.zeros(32)], 1)
    found = components(Ends(skill, torch.zeros(32, 2), mixed), [0, 1])
    assert found["component_changes"][0] == pytest.approx([0.5 * math.log(2), 0])
    assert found["component_mass"] == pytest.approx(0.5)
    assert components(Ends(skill[:0], after[:0], after[:0]), [0, 1]) == {}


def test_ends_are_as_far_as_a_skill_goes() -> None:
    agent = learner(length=3)
    found = ends(agent, MAZE, 0, 50, **OPEN)
    moved = (found.after - found.before).abs().sum(1)
    assert found.skill.shape == (50, 1) and 0 < moved.max() <= 3
    assert len(ends(agent, MAZE, 0, 5, max_episode_steps=2, **OPEN).skill) == 0


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="discriminate 'stat'; did you mean state"):
        diayn.Config(discriminate="stat")
    with pytest.raises(InputError, match="skills must be at least 2, not 1"):
        diayn.Config(skills=1)
    with pytest.raises(InputError, match="length must be above 0, not 0"):
        diayn.Config(length=0)
    with pytest.raises(InputError, match="discount must be from 0 to 1, not 2"):
        diayn.Config(discount=2)
    with pytest.raises(InputError, match="agent 'diayn' needs a discrete action space"):
        diayn.build(diayn.Config(), make_factored("unbraid/Planar-v0", 2), torch.Generator())


def test_a_training_taken_up_again_is_the_same(tmp_path: Path) -> None:
    found = []
    for stops in ((4,), (2, 4)):
        agent, folder = learner(steps=4), tmp_path / str(len(stops))
        for stop in stops:
            walk = diayn.data(agent.config, make_factored(MAZE, 4, **OPEN), 0)
            fit(agent, walk, FitOptions(stop, 1e-3, device="cpu", progress=False), folder)
        found.append(agent.state_dict())
    assert all(torch.equal(part, found[1][name]) for name, part in found[0].items())


def test_it_works_end_to_end(tmp_path: Path, cli: Any) -> None:
    few = ("--steps", 4, "--batch-size", 4, "--discriminate", "change", "--device", "cpu")
    done = cli("train", "diayn", *few, "--out", tmp_path / "run")
    assert done.status == 0, done.err
    done = cli("evaluate", tmp_path / "run", "--metrics", "r2", "--points", 60, "--json")
    assert done.status == 0, done.err
    found = json.loads(done.out)["agent"]
    assert found["policies"] == ["skill 0", "skill 1", "skill 2", "skill 3"]
    assert set(found) >= {"information", "modes", "coverage", "diagonal_mass", "axes_deg", "skill_information"}
    assert cli("plan", tmp_path / "run").status == 2
    done = cli("train", "diayn", *few, "--ensemble", 2, "--out", tmp_path / "both")
    assert done.status == 2 and "can't share a program" in done.err


def test_every_skill_is_shown_at_work() -> None:
    agent = learner(skills=3)
    seen = diayn.rollouts(agent, MAZE, 0, steps=5, **OPEN)
    assert seen.shape == (6, 3, 16, 16, 3) and (seen[0] == seen[0, :1]).all()
    found = diayn.evaluate(agent, MAZE, 0, 16, **OPEN)
    assert policy_names(found) == ["skill 0", "skill 1", "skill 2"] and len(found["prefers"]) == 3
    assert policies(found) == []  # selectivity is the ICF agent's


@pytest.mark.slow
def test_a_report_shows_the_skills(tmp_path: Path, cli: Any) -> None:
    few = ("--steps", 4, "--batch-size", 4, "--device", "cpu")
    assert cli("train", "diayn", *few, "--out", tmp_path / "run").status == 0
    assert cli("report", tmp_path / "run").status == 0
    assert {"policies.png", "policies.gif"} <= {path.name for path in (tmp_path / "run" / "figures").iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize("discriminate", ["state", "change"])
def test_skills_are_learnt_in_a_small_room(tmp_path: Path, discriminate: str) -> None:
    agent = learner(discriminate=discriminate)
    walk = diayn.data(agent.config, make_factored(MAZE, 64, **OPEN), 0)
    before = diayn.evaluate(agent, MAZE, 1, 64, **OPEN)["information"]
    fit(agent, walk, FitOptions(600, 3e-3, device="cpu", progress=False), tmp_path)
    found = diayn.evaluate(agent, MAZE, 1, 64, **OPEN)
    assert before < 0.1 and found["information"] > 0.4 and found["skill_information"] > 0.5
