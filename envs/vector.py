"""Many environments of any world as one native batch, as `gymnasium.vector.VectorEnv`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from torch import Tensor

from .core import Factor, World, each, put, restored, take, to_numpy
from .registration import resolve_world
from .single import SEED_BOUND
from .streams import Streams


class WorldVectorEnv(gymnasium.vector.VectorEnv[Any, Any, Any]):
    """``num_envs`` copies of a world, stepped by one call of its batched program; it is also `Factored`.

    Environment i behaves exactly as a single `WorldEnv` with environment i's seed would.

    Args:
        world: A world, or its class as ``"module:Class"``.
        num_envs: How many.
        max_episode_steps: Episodes are truncated after so many steps; None for never.
        autoreset_mode: Gymnasium's: ``NEXT_STEP`` (the step after an end resets; its action is ignored), ``SAME_STEP``
            (the ending step returns the new episode's first observation; ``info["final_obs"]`` holds the last one in
            the rows that ``info["_final_obs"]`` marks) or ``DISABLED`` (``reset(options={"reset_mask": ...})``).
        output: ``"numpy"``, or ``"torch"`` for tensors on the device.
        render_mode: None or ``"rgb_array"``.
        device: Where the world computes.
        start_factors: Factors that every reset fixes, autoreset too: name -> a value, or one per environment.
        options: Options of the world, where ``world`` names a class.
    """

    def __init__(
        self,
        world: World[Any] | str,
        num_envs: int = 1,
        *,
        max_episode_steps: int | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        output: Literal["numpy", "torch"] = "numpy",
        render_mode: str | None = None,
        device: torch.device | str = "cpu",
        start_factors: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.world = resolve_world(world, device, options)
        self.num_envs = num_envs
        self.max_episode_steps = max_episode_steps
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.output = output
        self.render_mode = render_mode
        self.metadata = {"render_modes": ["rgb_array"], "render_fps": 8, "autoreset_mode": self.autoreset_mode}
        self.single_observation_space = self.world.observation_space
        self.single_action_space = self.world.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.factors: tuple[Factor, ...] = self.world.factors
        self.start_factors: dict[str, Any] = dict(start_factors or {})
        self._rng: Streams | None = None
        self._state: Any = None
        self._elapsed = torch.zeros(num_envs, dtype=torch.int64, device=self.world.device)
        self._everyone = torch.arange(num_envs, device=self.world.device)
        self._ended = torch.zeros(num_envs, dtype=torch.bool, device=self.world.device)

    @property
    def action_names(self) -> tuple[str, ...]:
        """A name for each discrete action."""
        return self.world.action_names

    @property
    def object_names(self) -> tuple[str, ...]:
        """The objects that `get_masks` marks."""
        return self.world.object_names

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start episodes.

        Args:
            seed: One integer (environment i takes ``seed + i``), or one per environment; None goes on as it is.
            options: ``"factors"``: name -> a value, or one per environment. ``"reset_mask"``: bool ``(num_envs,)``,
                to reset only these environments.
        """
        given = dict(options or {})
        rows = self._rows_of(given.pop("reset_mask", None))
        self._seed(seed, rows)
        self._start(rows, given)
        return self.observe(), self._info(self._state, rows)

    def _rows_of(self, mask: Any) -> Tensor:
        if mask is None:
            return self._everyone
        chosen = torch.as_tensor(mask, device=self.world.device)
        if chosen.shape != (self.num_envs,) or chosen.dtype != torch.bool or not bool(chosen.any()):
            raise ValueError(
                f"options['reset_mask'] must be bool of shape ({self.num_envs},) with at least one True, not {mask}"
            )
        if self._state is None:
            raise gymnasium.error.ResetNeeded("the first reset must not have a reset_mask")
        return chosen.nonzero()[:, 0]

    def _seed(self, seed: int | Sequence[int | None] | None, rows: Tensor) -> None:
        if isinstance(seed, (int, np.integer)):
            super().reset(seed=int(seed))
            seed = [int(seed) + i for i in range(self.num_envs)]
        if seed is not None and len(seed) != self.num_envs:
            raise ValueError(f"seed must be one integer or {self.num_envs}, not {len(seed)}")
        if self._rng is None:
            self._rng = Streams(self.np_random.integers(SEED_BOUND, size=self.num_envs).tolist(), self.world.device)
        if seed is not None:
            chosen = [i for i in rows.tolist() if seed[i] is not None]
            self._rng.put(
                torch.tensor(chosen, dtype=torch.int64, device=self.world.device),
                Streams([s for s in (seed[i] for i in chosen) if s is not None], self.world.device),
            )

    def _start(self, rows: Tensor, options: dict[str, Any]) -> None:
        """Put fresh states into these rows."""
        assert self._rng is not None
        given = self.start_factors | options.get("factors", {})
        wanted = {name: np.asarray(value) for name, value in given.items()}
        for name, value in wanted.items():
            if value.shape not in ((), (self.num_envs,)):
                raise ValueError(f"factor {name!r} takes one value or {self.num_envs}, not shape {value.shape}")
        picked = {name: value[rows.cpu().numpy()] if value.ndim else value for name, value in wanted.items()}
        options = {**options, "factors": picked}
        streams = self._rng.take(rows)
        fresh = self.world.reset(len(rows), streams, options)
        self._rng.put(rows, streams)
        self._state = fresh if self._state is None else put(self._state, rows, fresh)
        self._elapsed = self._elapsed.index_fill(0, rows, 0)
        self._ended = self._ended.index_fill(0, rows, False)

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """One step of every environment; an impossible action raises `ValueError` and changes nothing."""
        self._require_state()
        checked = self.world.check_actions(actions, self.num_envs)
        if self.autoreset_mode is AutoresetMode.DISABLED and bool(self._ended.any()):
            ended = self._ended.nonzero()[:, 0].tolist()
            raise gymnasium.error.ResetNeeded(
                f"environments {ended} have ended; reset them with options={{'reset_mask': ...}}"
            )
        waiting = self._ended
        reward, terminated = self._advance(~waiting, checked)
        truncated = torch.zeros_like(terminated)
        if self.max_episode_steps is not None:
            truncated = (self._elapsed >= self.max_episode_steps) & ~waiting
        self._ended = terminated | truncated
        info = self._autoreset(waiting)
        return self.observe(), self._out(reward.double()), self._out(terminated), self._out(truncated), info

    def _advance(self, live: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Step the live rows, with reward 0 for the others: those are to be reset, and draw nothing here."""
        assert self._rng is not None
        before = self._rng.counters
        self._state, reward, terminated = self.world.step(self._state, actions, self._rng)
        self._elapsed = self._elapsed + 1
        if not bool(live.all()):
            self._rng.counters = torch.where(live, self._rng.counters, before)
            reward, terminated = reward * live, terminated & live
        return reward, terminated

    def _autoreset(self, waiting: Tensor) -> dict[str, Any]:
        """Begin the episodes that are due; the step's ``info``."""
        if self.autoreset_mode is AutoresetMode.NEXT_STEP and bool(waiting.any()):
            self._start(waiting.nonzero()[:, 0], {})
        ended = self._ended
        if self.autoreset_mode is not AutoresetMode.SAME_STEP or not bool(ended.any()):
            return self._info(self._state, self._everyone)
        rows = ended.nonzero()[:, 0]
        last = take(self._state, rows)

        def final(part: Tensor) -> Tensor:
            return torch.zeros((self.num_envs, *part.shape[1:]), dtype=part.dtype, device=part.device).index_copy_(
                0, rows, part
            )

        ending = {
            "final_obs": self._out(each(self.world.observe(last), final)),
            "_final_obs": self._out(ended),
            "final_info": self._info(last, rows),
            "_final_info": self._out(ended),
        }
        self._start(rows, {})
        return self._info(self._state, self._everyone) | ending

    def _info(self, state: Any, rows: Tensor) -> dict[str, Any]:
        """The world's info in Gymnasium's batched form: ``key`` and ``_key``, which marks the rows that have it."""
        found: dict[str, Any] = {}
        for key, value in self.world.get_info(state).items():
            if isinstance(value, Tensor):
                if len(value) < self.num_envs:
                    whole = torch.zeros((self.num_envs, *value.shape[1:]), dtype=value.dtype, device=value.device)
                    value = whole.index_copy(0, rows, value)
                found[key] = self._out(value)
            else:
                found[key] = np.full(self.num_envs, value)
            found[f"_{key}"] = self._out(torch.zeros_like(self._ended).index_fill(0, rows, True))
        return found

    def render(self) -> Any:
        """One picture per environment, uint8 ``(H, W, 3)`` each; None unless ``render_mode`` is ``"rgb_array"``."""
        self._require_state()
        return tuple(to_numpy(self.world.render(self._state))) if self.render_mode == "rgb_array" else None

    def observe(self) -> Any:
        """Observations of the present states."""
        self._require_state()
        return self._out(self.world.observe(self._state))

    def get_factors(self) -> Any:
        """Values of all factors: float32 ``(num_envs, K)``."""
        self._require_state()
        return self._out(self.world.get_factors(self._state))

    def get_masks(self) -> Any:
        """Where each of ``object_names`` is in the pictures: bool ``(num_envs, M, H, W)``."""
        self._require_state()
        return self._out(self.world.get_masks(self._state))

    def set_factors(self, values: Any) -> None:
        """Go to states with these values, ``(num_envs, K)``, and count the episodes' steps from there.

        Raises:
            ValueError: Values that a factor can't take, or another number of rows; nothing is changed then.
        """
        if len(values) != self.num_envs:
            raise ValueError(f"factor values must have {self.num_envs} rows, not {len(values)}")
        if self._state is None:
            self.reset()
        self._state = self.world.set_factors(torch.as_tensor(values))
        self._elapsed = torch.zeros_like(self._elapsed)
        self._ended = torch.zeros_like(self._ended)

    def state_dict(self) -> dict[str, Any]:
        """Everything that decides what comes next, as tensors: restoring it gives the same future."""
        self._require_state()
        assert self._rng is not None
        parts = dict(enumerate(self._state))
        return {"state": parts, "rng": self._rng.state_dict(), "elapsed": self._elapsed, "ended": self._ended}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Go on exactly where `state_dict` was taken; `ValueError` if that was another world, or another number."""
        if self._state is None:
            self.reset(seed=0)
        assert self._rng is not None
        device = self.world.device
        self._state = restored(self._state, saved["state"])
        self._rng.load_state_dict(saved["rng"])
        self._elapsed, self._ended = saved["elapsed"].to(device), saved["ended"].to(device)

    def _out(self, found: Any) -> Any:
        return found if self.output == "torch" else each(found, to_numpy)

    def _require_state(self) -> None:
        if self._state is None:
            raise gymnasium.error.ResetNeeded("call reset() before this")
