"""Worlds that get harder as their players get better."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np


class Curriculum(gymnasium.vector.VectorWrapper):
    """Sets the difficulty of new episodes by how many of the last were successes, as MazeBase does (arXiv:1511.07401).

    After every ``window`` finished episodes: more than ``harder_above`` of them successes, and it gets one ``step``
    harder; less than ``easier_below``, one easier. ``info["difficulty"]`` tells the present one.

    Args:
        env: A `WorldVectorEnv` whose world has the factor ``difficulty`` and says ``is_success`` in its info.
        difficulty: At the start, from 0, the easiest, to 1.
        window: Episodes between two decisions.
        harder_above: A fraction of successes.
        easier_below: Likewise.
        step: How much harder or easier; a multiple of 0.1.

    Raises:
        ValueError: An environment without such a factor, or numbers out of range.
    """

    def __init__(
        self,
        env: gymnasium.vector.VectorEnv[Any, Any, Any],
        difficulty: float = 0.0,
        window: int = 1000,
        harder_above: float = 0.8,
        easier_below: float = 0.2,
        step: float = 0.1,
    ) -> None:
        super().__init__(env)
        if "difficulty" not in [factor.name for factor in getattr(env.unwrapped, "factors", ())]:
            raise ValueError(f"{env.unwrapped} has no factor 'difficulty'; give options as (easiest, hardest) pairs")
        if not 0 <= difficulty <= 1 or window < 1 or not 0 <= easier_below <= harder_above <= 1:
            raise ValueError(
                f"difficulty must be of 0 .. 1, window at least 1 and 0 <= easier_below <= harder_above <= 1, "
                f"not {difficulty}, {window}, {easier_below}, {harder_above}"
            )
        self.window, self.harder_above, self.easier_below, self.step_size = window, harder_above, easier_below, step
        self.episodes = self.successes = 0
        self._set(difficulty)

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        """Start episodes of the present difficulty."""
        observation, info = self.env.reset(seed=seed, options=options)
        return observation, info | {"difficulty": self.difficulty}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """One step; where it ends the window, the difficulty changes for the episodes that begin from then on."""
        observation, reward, terminated, truncated, info = self.env.step(actions)
        ended = np.asarray(terminated) | np.asarray(truncated)
        if ended.any():
            last = info.get("final_info", info)
            self.episodes += int(ended.sum())
            self.successes += int((np.asarray(last["is_success"]) & ended).sum())
            if self.episodes >= self.window:
                self._decide()
        return observation, reward, terminated, truncated, info | {"difficulty": self.difficulty}

    def _decide(self) -> None:
        rate = self.successes / self.episodes
        change = self.step_size * ((rate > self.harder_above) - (rate < self.easier_below))
        self.episodes = self.successes = 0
        self._set(self.difficulty + change)

    def _set(self, difficulty: float) -> None:
        self.difficulty = round(min(max(difficulty, 0.0), 1.0), 6)
        start = getattr(self.env.unwrapped, "start_factors")  # noqa: B009 (a VectorEnv states no such attribute)
        start["difficulty"] = self.difficulty

    def state_dict(self) -> dict[str, Any]:
        """Difficulty and counts, for a checkpoint; the environments' own state is theirs."""
        return {"difficulty": self.difficulty, "episodes": self.episodes, "successes": self.successes}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self.episodes, self.successes = saved["episodes"], saved["successes"]
        self._set(saved["difficulty"])
