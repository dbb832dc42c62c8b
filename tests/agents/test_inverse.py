"""The inverse-dynamics learner: what it is given, its loss by hand, and that it trains."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import one_hot

from unbraid.agents import inverse
from unbraid.envs import make_factored
from unbraid.errors import InputError

MAZE = "unbraid/Maze-v0"


def learner(**settings: Any) -> inverse.Inverse:
    return inverse.build(inverse.Config(**settings), make_factored(MAZE, 2), torch.Generator().manual_seed(0))


def test_spans_are_of_all_lengths_and_end_with_episodes() -> None:
    walk = inverse.data(inverse.Config(horizon=3), make_factored(MAZE, 4, max_episode_steps=4), 0)
    gaps = torch.stack([walk.draw().counts.sum(1) for _ in range(60)])
    assert gaps.unique().tolist() == [1, 2, 3]
    assert (gaps == gaps[:, :1]).all()  # the four end together
    short = inverse.data(inverse.Config(horizon=8), make_factored(MAZE, 4, max_episode_steps=1), 0)
    assert short.draw().counts.sum(1).tolist() == [1] * 4


def test_a_span_of_one_action_is_a_step() -> None:
    env, walk = make_factored(MAZE, 8), inverse.data(inverse.Config(), make_factored(MAZE, 8), 3)
    env.reset(seed=3)
    for _ in range(5):
        found = walk.draw()
        assert torch.equal(found.image, env.observe())
        assert torch.equal(found.later, env.step(found.action)[0])
        assert torch.equal(found.later, found.next_image)
        assert torch.equal(found.counts, one_hot(found.action, 4).float())


def test_a_spans_counts_lead_from_its_first_state_to_its_last() -> None:
    env = make_factored("unbraid/DigitsGrid-v0", 32, grid=36, styles=1)
    walk = inverse.data(inverse.Config(horizon=5), env, 0)
    for _ in range(5):
        begin, found = env.get_factors()[:, [0, 1, 4, 5]], walk.draw()
        inner = ((begin - 17.5).abs() < 12).all(1)  # far from the edges, where digits stay
        moved = found.counts.view(32, 4, 2) @ torch.tensor([-1.0, 1.0])
        assert inner.any() and torch.equal((env.get_factors()[:, [0, 1, 4, 5]] - begin)[inner], moved[inner])


def test_the_loss_by_hand() -> None:
    agent = learner(horizon=2)
    with torch.no_grad():
        agent.action_head[-1].weight.zero_()  # type: ignore[operator]
        agent.action_head[-1].bias.copy_(torch.tensor([math.log(3.0), 0, 0, 0]))  # type: ignore[operator]
    walk = inverse.data(agent.config, make_factored(MAZE, 6), 0)
    found = walk.draw()._replace(action=torch.tensor([0, 0, 0, 1, 2, 3]))
    expected = (3 * -math.log(3 / 6) + 3 * -math.log(1 / 6)) / 6
    assert agent(found)["inverse"].item() == pytest.approx(expected, rel=1e-5)


def test_drawing_does_not_shape_the_code_unless_asked_to() -> None:
    for share, shaped in ((0.0, False), (0.1, True)):
        agent = learner(autoencoder=share)
        agent(inverse.data(agent.config, make_factored(MAZE, 6), 0).draw())["reconstruction"].backward()
        assert any(part.grad is not None and part.grad.any() for part in agent.encoder.parameters()) == shaped


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputError, match="horizon must be above 0, not 0"):
        inverse.Config(horizon=0)
    with pytest.raises(InputError, match="agent 'inverse' needs a discrete action space"):
        inverse.build(inverse.Config(), make_factored("unbraid/Planar-v0", 2), torch.Generator())


def test_it_trains_end_to_end(tmp_path: Path, cli: Any) -> None:
    few = ("--steps", 4, "--batch-size", 4, "--horizon", 2, "--device", "cpu", "--ensemble", 2)
    done = cli("train", "inverse", *few, "--out", tmp_path / "both")
    assert done.status == 0, done.err
    done = cli("evaluate", tmp_path / "both" / "seed-1", "--metrics", "r2", "--points", 60, "--json")
    assert done.status == 0, done.err
    found = json.loads(done.out)["agent"]
    assert 0 <= found["agreement"] <= 1 and len(found["axes_deg"]) == 2
    assert cli("plan", tmp_path / "both" / "seed-1").status == 2
