"""A `Factored` environment that isn't a torch program, run in several copies behind the native batch's interface."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from torch import Tensor

from .core import Factor


class FactoredVector(gymnasium.vector.VectorWrapper):
    """Copies of a plain `Factored` environment: tensors out, autoreset ``SAME_STEP``, batched factors.

    Args:
        spec: The registered environment.
        num_envs: How many copies.
        device: Where observations are wanted.
        options: Options of the environment.
    """

    def __init__(
        self,
        spec: gymnasium.envs.registration.EnvSpec,
        num_envs: int,
        device: torch.device | str,
        options: dict[str, Any],
    ) -> None:
        makers = [lambda: gymnasium.make(spec, **options)] * num_envs
        self.copies = SyncVectorEnv(makers, autoreset_mode=AutoresetMode.SAME_STEP)
        super().__init__(self.copies)
        self.device = torch.device(device)
        self.factors: tuple[Factor, ...] = self.copies.get_attr("factors")[0]
        self.action_names: tuple[str, ...] = getattr(self.copies.envs[0].unwrapped, "action_names", ())

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[Tensor, dict[str, Any]]:
        """Start episodes; ``options["factors"]`` fixes factors right after: name -> a value, or one per copy."""
        others = dict(options or {})
        fixed = others.pop("factors", {})
        observation, info = self.copies.reset(seed=seed, options=others or None)
        if not fixed:
            return self._tensor(observation), info
        values, names = self.get_factors(), [factor.name for factor in self.factors]
        for name, value in fixed.items():
            if name not in names:
                raise ValueError(f"unknown reset option {name!r}: options['factors'] takes {', '.join(names)}")
            values[:, names.index(name)] = torch.as_tensor(value, device=self.device)
        self.set_factors(values)
        return self.observe(), info

    def step(self, actions: Any) -> tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Any]]:
        """One step of every copy."""
        observation, reward, terminated, truncated, info = self.copies.step(np.asarray(torch.as_tensor(actions).cpu()))
        if "final_obs" in info:
            ended = info["_final_obs"]
            final = np.zeros_like(observation)
            final[ended] = np.stack(list(info["final_obs"][ended]))
            info = {**info, "final_obs": self._tensor(final), "_final_obs": self._tensor(ended)}
        return self._tensor(observation), self._tensor(reward), self._tensor(terminated), self._tensor(truncated), info

    def observe(self) -> Tensor:
        """Observations of the present states."""
        return self._tensor(np.stack(self.copies.call("observe")))

    def get_factors(self) -> Tensor:
        """Values of all factors: float32 ``(num_envs, K)``."""
        return self._tensor(np.stack(self.copies.call("get_factors")))

    def set_factors(self, values: Any) -> None:
        """Go to states with these values, ``(num_envs, K)``."""
        for env, row in zip(self.copies.envs, np.asarray(torch.as_tensor(values).cpu()), strict=True):
            env.get_wrapper_attr("set_factors")(row)

    def _tensor(self, array: Any) -> Tensor:
        return torch.as_tensor(np.asarray(array), device=self.device)
