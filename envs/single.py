"""One environment of any world, as `gymnasium.Env`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray

from .core import Factor, World, each, restored, to_numpy
from .registration import resolve_world
from .streams import Streams

SEED_BOUND = 2**31


class WorldEnv(gymnasium.Env[Any, Any]):
    """One copy of a world behind Gymnasium's interface; it is also `Factored`.

    Args:
        world: A world, or its class as ``"module:Class"``.
        render_mode: None or ``"rgb_array"``.
        device: Where the world computes; observations are NumPy arrays all the same.
        start_factors: Factors that every reset fixes, unless told otherwise: name -> value.
        options: Options of the world, where ``world`` names a class.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 8}  # noqa: RUF012 (Gymnasium declares it so)

    def __init__(
        self,
        world: World[Any] | str,
        render_mode: str | None = None,
        device: torch.device | str = "cpu",
        start_factors: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.world = resolve_world(world, device, options)
        self.render_mode = render_mode
        self.observation_space = self.world.observation_space
        self.action_space = self.world.action_space
        self.factors: tuple[Factor, ...] = self.world.factors
        self.start_factors: dict[str, Any] = dict(start_factors or {})
        self._rng: Streams | None = None
        self._state: Any = None

    @property
    def action_names(self) -> tuple[str, ...]:
        """A name for each discrete action."""
        return self.world.action_names

    @property
    def object_names(self) -> tuple[str, ...]:
        """The objects that `get_masks` marks."""
        return self.world.object_names

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode; ``options={"factors": {name: value}}`` fixes some of its factors."""
        super().reset(seed=seed)
        if seed is not None or self._rng is None:
            self._rng = Streams([int(self.np_random.integers(SEED_BOUND)) if seed is None else seed], self.world.device)
        given = dict(options or {})
        given["factors"] = self.start_factors | given.get("factors", {})
        self._state = self.world.reset(1, self._rng, given)
        return self.observe(), self._info()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One step; an impossible action raises `ValueError` and changes nothing."""
        state = self._require_state()
        checked = self.world.check_actions(np.asarray(action)[None], 1)
        assert self._rng is not None
        self._state, reward, terminated = self.world.step(state, checked, self._rng)
        return self.observe(), float(reward), bool(terminated), False, self._info()

    def render(self) -> Any:
        """A picture for people, uint8 ``(H, W, 3)``; None unless ``render_mode`` is ``"rgb_array"``."""
        return to_numpy(self.world.render(self._require_state())[0]) if self.render_mode == "rgb_array" else None

    def describe(self) -> str:
        """What the player is told, in words for people; empty where there is nothing to say."""
        return self.world.describe(self._require_state())[0]

    def observe(self) -> Any:
        """The observation of the present state."""
        return each(self.world.observe(self._require_state()), lambda part: to_numpy(part[0]))

    def get_factors(self) -> NDArray[np.float32]:
        """Values of all factors: float32 ``(K,)``."""
        return to_numpy(self.world.get_factors(self._require_state())[0])

    def set_factors(self, values: Any) -> None:
        """Go to a state with these values, ``(K,)``; impossible ones raise `ValueError` and change nothing."""
        self._rng = self._rng or Streams([int(self.np_random.integers(SEED_BOUND))], self.world.device)
        self._state = self.world.set_factors(torch.as_tensor(np.asarray(values)[None]))

    def get_masks(self) -> NDArray[np.bool_]:
        """Where each of ``object_names`` is in the picture: bool ``(M, H, W)``."""
        return to_numpy(self.world.get_masks(self._require_state())[0])

    def state_dict(self) -> dict[str, Any]:
        """Everything that decides what comes next, as tensors: restoring it gives the same future."""
        state = self._require_state()
        assert self._rng is not None
        return {"state": dict(enumerate(state)), "rng": self._rng.state_dict()}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Go on exactly where `state_dict` was taken; `ValueError` if that was another world."""
        if self._state is None:
            self.reset(seed=0)
        assert self._rng is not None
        self._state = restored(self._state, saved["state"])
        self._rng.load_state_dict(saved["rng"])

    def _info(self) -> dict[str, Any]:
        info = self.world.get_info(self._state)
        return {key: value[0].item() if isinstance(value, torch.Tensor) else value for key, value in info.items()}

    def _require_state(self) -> Any:
        if self._state is None:
            raise gymnasium.error.ResetNeeded("call reset() before this")
        return self._state
