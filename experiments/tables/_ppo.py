"""PPO of Stable-Baselines3 in a table's jobs, counted in the environment's own actions. Needs the extra ``rl``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env

ENVIRONMENTS = 8
SETTINGS: dict[str, Any] = {
    "n_steps": 64, "batch_size": 128, "n_epochs": 4, "learning_rate": 1e-3, "ent_coef": 0.01, "gamma": 0.95,
    "gae_lambda": 0.9,
}  # fmt: skip
WINDOW = 100
"""Episodes of a running mean."""


@dataclass(frozen=True)
class Goal:
    """When a training is over.

    Args:
        returns: The running mean that is wanted.
        hold: It ends once the running mean has been there for so many actions on end.
        actions: And after so many at the latest.
    """

    returns: float
    hold: int
    actions: int


class Learnt(NamedTuple):
    """A training's E episodes, of all environments, as they ended."""

    at: NDArray[np.int64]
    """Actions in all environments until then, ``(E,)``; those that an option takes count one by one."""
    returns: NDArray[np.float64]
    """Sums of rewards, ``(E,)``."""
    reached: int | None
    """Actions until the running mean was first at the goal; None where it never was."""


def learn(make: Callable[[], gymnasium.Env[Any, Any]], goal: Goal, seed: int, policy: dict[str, Any]) -> Learnt:
    """Train PPO on images.

    Args:
        make: Makes the environment; where an action is an option, ``info["actions"]`` is how many it took.
        goal: When it is over.
        seed: Of the environments, of weights and of all that is drawn.
        policy: Arguments of ``CnnPolicy``, such as the features extractor.
    """
    envs = make_vec_env(make, ENVIRONMENTS, seed=seed)
    watch = _Watch(goal)
    model = PPO("CnnPolicy", envs, seed=seed, device="cpu", policy_kwargs=policy, **SETTINGS)
    model.learn(goal.actions, callback=watch)
    envs.close()
    return Learnt(np.array(watch.at, np.int64), np.array(watch.returns), watch.reached)


def running(returns: Any) -> Any:
    """Means of the last `WINDOW` episodes, of all where there are fewer: as many numbers as episodes."""
    sums = np.cumsum(np.concatenate([[0.0], returns]))
    ends = np.arange(1, len(sums))
    begins = np.maximum(ends - WINDOW, 0)
    return (sums[ends] - sums[begins]) / (ends - begins)


class _Watch(BaseCallback):
    """Notes every episode, and ends the training when the goal is reached."""

    def __init__(self, goal: Goal) -> None:
        super().__init__()
        self.goal, self.actions, self.below = goal, 0, 0
        self.at: list[int] = []
        self.returns: list[float] = []
        self.reached: int | None = None

    def _on_step(self) -> bool:
        for info in self.locals["infos"]:
            self.actions += info.get("actions", 1)
            if "episode" in info:
                self._note(float(info["episode"]["r"]))
        held = self.reached is not None and self.actions - self.below >= self.goal.hold
        return not held and self.actions < self.goal.actions

    def _note(self, returns: float) -> None:
        self.at.append(self.actions)
        self.returns.append(returns)
        if len(self.returns) < WINDOW or np.mean(self.returns[-WINDOW:]) < self.goal.returns:
            self.below = self.actions
        elif self.reached is None:
            self.reached = self.actions
