"""An environment that exists already, given factors: three functions of it are all that is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from .core import Factor

CLOSE = 1e-5  # of a factor's range: what is written and then read back may differ by so much, as simulators round


class FactoredEnv(gymnasium.Env[Any, Any]):
    """Any Gymnasium environment as a `Factored` one: its own dynamics and rewards, with factors to read and to set.

    The three functions get the bare environment (``env.unwrapped``), so that they reach its attributes directly. What
    else decides its future (a step counter, a flag) is ``write``'s to set. Leave a time limit to the registration of
    the new id: one inside would go on counting through interventions.

    Args:
        env: The environment. Its own observation isn't used.
        factors: Its ground-truth variables.
        read: ``read(env)`` gives their values, ``(K,)``, in their units.
        write: ``write(env, values)`` puts the environment into a state with these values, float32 ``(K,)``. They are
            checked before and lie exactly on their factors' grids; values that don't go together are ``write``'s to
            refuse, with a `ValueError` that names the factor.
        look: ``look(env)`` gives the observation; for a learner an image, uint8 ``(H, W, C)``. See `rendered`.
        observation_space: Of ``look``'s observations; None: read off one of them, after a reset.
        action_names: A name for each discrete action, for people.

    Raises:
        ValueError: Not one name for each action.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        factors: Sequence[Factor],
        read: Callable[[Any], ArrayLike],
        write: Callable[[Any, NDArray[np.float32]], object],
        look: Callable[[Any], Any],
        observation_space: spaces.Space[Any] | None = None,
        action_names: Sequence[str] = (),
    ) -> None:
        self.env = env
        self.factors: tuple[Factor, ...] = tuple(factors)
        self.action_names = tuple(action_names)
        modes = [mode for mode in env.metadata.get("render_modes", ()) if mode == "rgb_array"]
        self.metadata = {**env.metadata, "render_modes": modes}
        self.render_mode = env.render_mode
        self.action_space = env.action_space
        self._read, self._write, self._look = read, write, look
        self._begun = False
        actions = getattr(env.action_space, "n", 0)
        if action_names and len(self.action_names) != actions:
            raise ValueError(f"action_names must name each of {actions} discrete actions, not {self.action_names}")
        self.observation_space = observation_space or space_of(self.reset()[0])

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode.

        Args:
            seed: Of the environment.
            options: ``"factors"``: name -> value, set right after the environment's own reset, which gets all other
                options.

        Raises:
            ValueError: An unknown factor or a value it can't take; nothing is changed then.
        """
        others = dict(options or {})
        fixed = self._check_fixed(others.pop("factors", {}))
        super().reset(seed=seed)
        info = self.env.reset(seed=seed, options=others or None)[1]
        self._begun = True
        if fixed:
            values = self.get_factors()
            values[list(fixed)] = list(fixed.values())
            self.set_factors(values)
        return self.observe(), info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One step of the environment, seen through ``look``."""
        self._require_episode()
        _, reward, terminated, truncated, info = self.env.step(action)
        return self.observe(), float(reward), bool(terminated), bool(truncated), info

    def render(self) -> Any:
        """What the environment renders."""
        return self.env.render()

    def close(self) -> None:
        """Close the environment."""
        self.env.close()

    def observe(self) -> Any:
        """The observation of the present state."""
        self._require_episode()
        return self._look(self.env.unwrapped)

    def get_factors(self) -> NDArray[np.float32]:
        """Values of all factors: float32 ``(K,)``."""
        self._require_episode()
        values = np.array(self._read(self.env.unwrapped), dtype=np.float32)
        if values.shape != (len(self.factors),):
            raise ValueError(f"read must give {len(self.factors)} numbers, one a factor, not shape {values.shape}")
        return values

    def set_factors(self, values: ArrayLike) -> None:
        """Go to a state with these values, ``(K,)``, in a new episode if none has begun.

        Raises:
            ValueError: Impossible values, or what is read afterwards isn't what was written; as after any error of
                ``write``, the values of before are written back. If even that fails, the next use needs a reset.
        """
        asked = self._check(values)
        if not self._begun:
            self.reset()
        before = self.get_factors()
        try:
            self._write(self.env.unwrapped, asked.copy())
            self._require_agreement(asked)
        except BaseException:
            self._begun = False
            with suppress(Exception):
                self._write(self.env.unwrapped, before)
                self._begun = True
                self._require_agreement(before)
            raise

    def _require_agreement(self, asked: NDArray[np.float32]) -> None:
        """Raise `ValueError` unless the environment reads as it was written."""
        for factor, want, have in zip(self.factors, asked, self.get_factors(), strict=True):
            span = factor.high - factor.low
            off = abs(float(have) - float(want))
            if factor.kind == "cyclic" and factor.size is None:
                off = min(off, abs(span - off))
            if not off <= CLOSE * span:
                raise ValueError(
                    f"factor {factor.name!r} was set to {want:g} and then reads {have:g}: "
                    "either write and read don't agree, or the environment has no such state"
                )

    def _check(self, values: ArrayLike) -> NDArray[np.float32]:
        given = np.asarray(values, dtype=np.float32)
        if given.shape != (len(self.factors),):
            raise ValueError(f"factor values must have shape ({len(self.factors)},), not {given.shape}")
        return np.array([on_grid(*pair) for pair in zip(self.factors, given, strict=True)], dtype=np.float32)

    def _check_fixed(self, wanted: Mapping[str, Any]) -> dict[int, float]:
        """Reset's ``options["factors"]`` by the factors' places."""
        places = {factor.name: k for k, factor in enumerate(self.factors)}
        for name in wanted:
            if name not in places:
                raise ValueError(f"unknown reset option {name!r}: options['factors'] takes {', '.join(places)}")
        return {places[name]: on_grid(self.factors[places[name]], value) for name, value in wanted.items()}

    def _require_episode(self) -> None:
        if not self._begun:
            raise gymnasium.error.ResetNeeded("call reset() before this")


def on_grid(factor: Factor, value: ArrayLike) -> float:
    """The value that a factor takes nearest to ``value``; `ValueError` unless that is one it can take."""
    tensor = torch.as_tensor(np.asarray(value), dtype=torch.float32)
    if tensor.ndim:
        raise ValueError(f"factor {factor.name!r} takes one value, not shape {tuple(tensor.shape)}")
    factor.check(tensor[None])
    if factor.size is None or factor.size == 1:
        return float(tensor)
    step = (factor.high - factor.low) / (factor.size - 1)
    return factor.low + round((float(tensor) - factor.low) / step) * step


def space_of(observation: Any) -> spaces.Space[Any]:
    """The space that an observation is of: a Box of its shape and type (uint8: 0 .. 255), or a Dict of such."""
    if isinstance(observation, Mapping):
        return spaces.Dict({name: space_of(part) for name, part in observation.items()})
    array = np.asarray(observation)
    if np.issubdtype(array.dtype, np.integer):
        whole = np.iinfo(array.dtype)
        return spaces.Box(whole.min, whole.max, array.shape, array.dtype.type)
    if np.issubdtype(array.dtype, np.floating):
        return spaces.Box(-np.inf, np.inf, array.shape, array.dtype.type)
    raise ValueError(f"look gave {array.dtype} of shape {array.shape}: give numbers, or state the observation_space")


def rendered(height: int, width: int, channels: int = 3) -> Callable[[Any], NDArray[np.uint8]]:
    """A ``look`` for an environment that renders, made with ``render_mode="rgb_array"``: its picture, made smaller.

    Args:
        height: In pixels.
        width: In pixels; each is the mean of the picture's pixels that fall into it.
        channels: 3 for colour, 1 for grey.

    Returns:
        A function from the environment to uint8 ``(height, width, channels)``.
    """
    if channels not in (1, 3) or min(height, width) < 1:
        raise ValueError(f"rendered takes positive sizes and 1 or 3 channels, not {height}, {width}, {channels}")

    def look(env: Any) -> NDArray[np.uint8]:
        from PIL import Image

        mode = env.render_mode
        if mode != "rgb_array":
            raise ValueError(f"rendered needs an environment made with render_mode='rgb_array', not {mode!r}")
        picture = Image.fromarray(env.render()).convert("RGB" if channels == 3 else "L")
        small = picture.resize((width, height), Image.Resampling.BOX)
        return np.array(small, dtype=np.uint8).reshape(height, width, channels)

    return look
