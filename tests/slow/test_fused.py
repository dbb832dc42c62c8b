"""Steps compiled into one program give the same numbers."""

from __future__ import annotations

import shutil

import gymnasium
import pytest
import torch

import unbraid.envs  # noqa: F401 (registers the ids)
from unbraid.envs import Rollout

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler on a CPU"),
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),  # torch's own, while it compiles
]


@pytest.mark.parametrize("id", ["unbraid/Maze-v0", "unbraid/PlanarPendulum-v0", "unbraid/Sprites-v0"])
def test_a_fused_rollout_is_the_same_bit_for_bit(id: str) -> None:
    world = gymnasium.make_vec(id, 1).unwrapped.world  # type: ignore[attr-defined]
    plain, fused = Rollout(world, 16, seed=3), Rollout(world, 16, seed=3, fused=True)
    for _ in range(5):
        one, other = plain.step(), fused.step()
        assert isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor)
        assert torch.equal(one, other)
    assert all(torch.equal(a, b) for a, b in zip(plain.state, fused.state, strict=True))
