"""The table of PPO on codes and options: what it counts, and when its trainings end."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from unbraid.agents import icf, icf_continuous
from unbraid.experiments.tables import _ppo, ppo

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
ROW = {"layout": ("...",), "start_factors": {"goal.x": 2}}


class Paid(gymnasium.Env[Any, Any]):
    """Episodes of one step, an option of three actions, that pays 1."""

    observation_space = spaces.Box(0, 255, (36, 36, 3), np.uint8)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return np.zeros((36, 36, 3), np.uint8), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return np.zeros((36, 36, 3), np.uint8), 1.0, True, False, {"actions": 3}


def test_actions_of_options_count_one_by_one_and_training_ends_once_the_goal_was_held() -> None:
    learnt = _ppo.learn(Paid, _ppo.Goal(returns=1.0, hold=200, actions=10_000), 0, {})
    assert learnt.at[:9].tolist() == [3, 6, 9, 12, 15, 18, 21, 24, 27]
    assert learnt.reached == 3 * _ppo.WINDOW
    assert 3 * (_ppo.WINDOW - 1) + 200 <= learnt.at[-1] < 3 * (_ppo.WINDOW - 1) + 200 + 3 * _ppo.ENVIRONMENTS
    assert (learnt.returns == 1).all()


def test_training_ends_without_its_goal_and_is_the_same_for_the_same_seed() -> None:
    goal = _ppo.Goal(returns=2.0, hold=1, actions=600)
    one, other = (_ppo.learn(Paid, goal, 0, {}) for _ in range(2))
    assert one.reached is None and one.at[-1] == 600
    assert np.array_equal(one.at, other.at) and np.array_equal(one.returns, other.returns)


def test_running_means_by_hand() -> None:
    assert _ppo.running([4.0, 2.0, 0.0]).tolist() == [4, 3, 2]
    assert _ppo.running(np.arange(_ppo.WINDOW + 1.0))[-1] == (_ppo.WINDOW + 1) / 2
    assert _ppo.running([]).tolist() == []


def test_random_and_best_returns_by_hand() -> None:
    """A row of three tiles: the goal is one or two moves away, where each costs .1 and the last one pays 1."""
    low, high = ppo.extremes("unbraid.envs:unbraid/MazeGoal-v0", 400, 0, **ROW)
    assert high == pytest.approx(0.85, abs=0.01)
    # Of four moves two do nothing: 12 steps from the far end and 8 from the middle.
    assert low == pytest.approx(1 - 0.1 * 10, abs=0.08)
    assert (low, high) == ppo.extremes("unbraid.envs:unbraid/MazeGoal-v0", 400, 0, **ROW)


def test_actions_of_the_pretraining_by_hand() -> None:
    assert ppo.spent(icf.Config(steps=10, batch_size=4)) == 40
    assert ppo.spent(icf_continuous.Config(steps=10, batch_size=4)) == 40
    assert ppo.spent(icf_continuous.Config(steps=10, batch_size=4, length=3, warm_up=0.25)) == 4 * (3 + 7 * 3)


def test_without_stable_baselines3_it_says_what_to_install(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "stable_baselines3", None)
    done = cli("table", "ppo", "--scale", "smoke", "--out", tmp_path / "out")
    assert done.status == 2 and "needs Stable-Baselines3: pip install unbraid[rl]" in done.err
    assert not (tmp_path / "out").exists()
