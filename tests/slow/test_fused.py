"""Steps compiled into one program give the same numbers; where the world computes in floats, up to rounding."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

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


@pytest.mark.parametrize("id", ["unbraid/Maze-v0", "unbraid/MazeDistractor-v0", "unbraid/Sprites-v0"])
def test_a_fused_rollout_is_the_same_bit_for_bit(id: str) -> None:
    plain, fused = _pair(id)
    for one, other in _turns(plain, fused):
        assert torch.equal(one, other)
    assert all(torch.equal(a, b) for a, b in zip(plain.state, fused.state, strict=True))


def test_where_sines_are_taken_a_fused_rollout_is_the_same_up_to_rounding() -> None:
    plain, fused = _pair("unbraid/PlanarPendulum-v0")
    for one, other in _turns(plain, fused):  # a pixel may be rounded to the next level of grey
        assert (one.int() - other.int()).abs().max() <= 1
        assert (one != other).float().mean() < 1e-3
    for a, b in zip(plain.state, fused.state, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


def _pair(id: str) -> tuple[Rollout, Rollout]:
    world = gymnasium.make_vec(id, 1).unwrapped.world  # type: ignore[attr-defined]
    return Rollout(world, 16, seed=3), Rollout(world, 16, seed=3, fused=True)


def _turns(plain: Rollout, fused: Rollout) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    for _ in range(5):
        one, other = plain.step(), fused.step()
        assert isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor)
        yield one, other
