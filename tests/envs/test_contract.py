"""What every registered world owes; ids are enumerated, so a new world is tested by being registered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st
from stable_baselines3.common.env_checker import check_env as sb3_check_env

import unbraid.envs
from unbraid.envs import Factored, Streams, WorldVectorEnv

IDS = sorted(id for id, spec in gymnasium.registry.items() if "unbraid." in str(spec.entry_point))
EACH = pytest.mark.parametrize("id", IDS)
SEEDS = st.integers(0, 2**40)


def vector(id: str, n: int, **options: Any) -> WorldVectorEnv:
    return gymnasium.make_vec(id, n, **options)  # type: ignore[return-value]


def random_actions(env: WorldVectorEnv, rng: np.random.Generator) -> Any:
    return rng.integers(env.single_action_space.n, size=env.num_envs)


def test_there_are_worlds() -> None:
    assert "unbraid/Maze-v0" in IDS
    assert unbraid.envs.find_spec("unbraid.envs:unbraid/Maze-v0").id == "unbraid/Maze-v0"


@EACH
@pytest.mark.filterwarnings("ignore:.*is different from the unwrapped version.*")
def test_gymnasiums_and_sb3s_checkers_pass(id: str) -> None:
    env = gymnasium.make(id, render_mode="rgb_array").unwrapped
    check_env(env)
    sb3_check_env(env)


@EACH
def test_it_is_factored_single_and_batched(id: str) -> None:
    assert isinstance(gymnasium.make(id).unwrapped, Factored)
    assert isinstance(vector(id, 2), Factored)


@EACH
@given(seed=SEEDS)
def test_set_factors_then_get_factors_gives_the_values_and_the_pixels_back(id: str, seed: int) -> None:
    env = vector(id, 16, output="torch")
    images = env.reset(seed=seed)[0].clone()
    values = env.get_factors()
    env.reset(seed=seed + 1)
    env.set_factors(values)
    assert torch.equal(env.get_factors(), values)
    assert torch.equal(env.observe(), images)


@EACH
@settings(max_examples=15)
@given(seed=SEEDS)
def test_equal_factors_mean_equal_pixels(id: str, seed: int) -> None:
    env = vector(id, 256)
    images = env.reset(seed=seed)[0]
    pixels_of: dict[bytes, bytes] = {}
    for image, values in zip(images, env.get_factors(), strict=True):
        assert pixels_of.setdefault(values.tobytes(), image.tobytes()) == image.tobytes()
    assert len(set(pixels_of.values())) > 1


@EACH
@settings(max_examples=10)
@given(seed=SEEDS)
def test_a_batch_equals_single_worlds_step_by_step(id: str, seed: int) -> None:
    n = 3
    batch = vector(id, n, autoreset_mode="Disabled")
    singles = [gymnasium.make(id).unwrapped for _ in range(n)]
    images = batch.reset(seed=seed)[0]
    for i, env in enumerate(singles):
        assert np.array_equal(env.reset(seed=seed + i)[0], images[i])
    rng = np.random.default_rng(seed)
    for _ in range(12):
        actions = random_actions(batch, rng)
        images, rewards, terminated, truncated, _ = batch.step(actions)
        for i, env in enumerate(singles):
            image, reward, ended, _, _ = env.step(actions[i])
            assert np.array_equal(image, images[i])
            assert (reward, ended) == (rewards[i], terminated[i])
        if (terminated | truncated).any():
            images, _ = batch.reset(options={"reset_mask": terminated | truncated})
            for i in np.flatnonzero(terminated | truncated):
                assert np.array_equal(singles[i].reset()[0], images[i])


@EACH
def test_same_seed_same_bytes_other_seed_other_bytes(id: str) -> None:
    def bytes_of(seed: int) -> bytes:
        env, rng = vector(id, 8), np.random.default_rng(0)
        seen = [env.reset(seed=seed)[0].tobytes()]
        seen += [env.step(random_actions(env, rng))[0].tobytes() for _ in range(30)]
        return b"".join(seen)

    assert bytes_of(3) == bytes_of(3)
    assert bytes_of(3) != bytes_of(4)


@EACH
def test_step_leaves_the_state_that_it_was_given(id: str) -> None:
    world = vector(id, 1).world
    rng = Streams(range(32))
    state = world.reset(32, rng)
    before = [part.clone() for part in state]
    for action in range(int(world.action_space.n)):
        world.step(state, torch.full((32,), action), rng)
    assert all(torch.equal(a, b) for a, b in zip(state, before, strict=True))


@EACH
def test_what_cannot_be_controlled_is_not_changed_and_what_can_be_is(id: str) -> None:
    env = vector(id, 64, autoreset_mode="Disabled", max_episode_steps=None)
    env.reset(seed=0)
    first, rng = env.get_factors(), np.random.default_rng(0)
    changed = np.zeros(len(env.factors), dtype=bool)
    for _ in range(60):
        _, _, terminated, _, _ = env.step(random_actions(env, rng))
        changed |= (env.get_factors() != first).any(0)
        if terminated.any():
            env.reset(
                options={"reset_mask": terminated, "factors": {f.name: first[:, k] for k, f in enumerate(env.factors)}}
            )
    assert changed.tolist() == [factor.controllable for factor in env.factors]


@EACH
@pytest.mark.parametrize("bad", [np.nan, -1.0, 1e9, 0.5])
def test_impossible_factor_values_name_the_factor_and_its_range(id: str, bad: float) -> None:
    env = vector(id, 2)
    env.reset(seed=0)
    before = env.get_factors()
    for k, factor in enumerate(env.factors):
        values = before.copy()
        values[1, k] = bad
        with pytest.raises(ValueError, match=f"'{factor.name}'.*{factor.low:g} to {factor.high:g}"):
            env.set_factors(values)
    assert np.array_equal(env.get_factors(), before)


@EACH
@pytest.mark.parametrize("bad", [np.nan, -1, 99, 0.5])
def test_impossible_actions_raise_before_anything_changes(id: str, bad: float) -> None:
    env = vector(id, 3)
    env.reset(seed=0)
    before = env.observe()
    with pytest.raises(ValueError, match="action"):
        env.step(np.array([0, bad, 0]))
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        env.step(np.array([0, 0]))
    assert np.array_equal(env.observe(), before)


@EACH
def test_an_intervention_on_an_ended_episode_is_where_it_goes_on(id: str) -> None:
    env = vector(id, 2, max_episode_steps=1)
    env.reset(seed=0)
    values = env.get_factors()
    env.step(np.array([0, 0]))
    env.set_factors(values)
    assert env.step(np.array([1, 1]))[3].tolist() == [True, True]
    with pytest.raises(ValueError, match="must have 2 rows, not 1"):
        env.set_factors(values[:1])


@EACH
def test_options_start_an_episode_from_given_factors(id: str) -> None:
    env = vector(id, 4)
    for k, factor in enumerate(env.factors):
        values = np.full(4, factor.high)
        env.reset(seed=1, options={"factors": {factor.name: values}})
        assert (env.get_factors()[:, k] == factor.high).all()
    with pytest.raises(ValueError, match="unknown reset option 'nonsense'"):
        env.reset(options={"factors": {"nonsense": 1}})


@EACH
def test_a_saved_batch_goes_on_as_it_would_have(id: str) -> None:
    env, rng = vector(id, 8), np.random.default_rng(0)
    env.reset(seed=5)
    for _ in range(10):
        env.step(random_actions(env, rng))
    saved, rng_state = env.state_dict(), rng.bit_generator.state

    def future(env: WorldVectorEnv, rng: np.random.Generator) -> list[bytes]:
        return [env.step(random_actions(env, rng))[0].tobytes() for _ in range(120)]

    expected = future(env, rng)
    other = vector(id, 8)
    other.load_state_dict(saved)
    rng.bit_generator.state = rng_state
    assert future(other, rng) == expected


@pytest.fixture(params=["NextStep", "SameStep", "Disabled"])
def pair(request: pytest.FixtureRequest) -> Callable[[str], tuple[Any, Any]]:
    """The native batch and Gymnasium's own SyncVectorEnv of the same worlds, in one autoreset mode."""

    def make(id: str) -> tuple[Any, Any]:
        mode = gymnasium.vector.AutoresetMode(request.param)
        native = vector(id, 4, autoreset_mode=mode, max_episode_steps=9)
        makers = [lambda: gymnasium.make(id, max_episode_steps=9)] * 4
        return native, gymnasium.vector.SyncVectorEnv(makers, autoreset_mode=mode)

    return make


@EACH
def test_every_autoreset_mode_does_what_gymnasiums_sync_vector_env_does(id: str, pair: Any) -> None:
    native, reference = pair(id)
    assert np.array_equal(native.reset(seed=11)[0], reference.reset(seed=11)[0])
    rng = np.random.default_rng(0)
    ends = 0
    for _ in range(40):
        actions = random_actions(native, rng)
        ours, theirs = native.step(actions), reference.step(actions)
        for a, b in zip(ours[:4], theirs[:4], strict=True):
            assert np.array_equal(a, b)
        assert ("final_obs" in ours[4]) == ("final_obs" in theirs[4])
        if "final_obs" in ours[4]:
            assert np.array_equal(ours[4]["_final_obs"], theirs[4]["_final_obs"])
            for i in np.flatnonzero(ours[4]["_final_obs"]):
                assert np.array_equal(ours[4]["final_obs"][i], theirs[4]["final_obs"][i])
        done = ours[2] | ours[3]
        ends += int(done.sum())
        if native.autoreset_mode is gymnasium.vector.AutoresetMode.DISABLED and done.any():
            resets = [env.reset(options={"reset_mask": done.copy()})[0] for env in (native, reference)]
            assert np.array_equal(*resets)
    assert ends >= 8
