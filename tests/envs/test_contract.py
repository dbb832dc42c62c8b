"""What every registered world owes; ids are enumerated, so a new world is tested by being registered."""

from __future__ import annotations

import contextlib
import inspect
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st
from stable_baselines3.common.env_checker import check_env as sb3_check_env

import unbraid.envs
from unbraid.envs import Factor, Factored, Streams, WorldVectorEnv
from unbraid.envs.registration import world_class

IDS = sorted(id for id, spec in gymnasium.registry.items() if spec.entry_point == "unbraid.envs.single:WorldEnv")
NEEDS_DATA = {"unbraid/SpritesCharacters-v0": "lpc-sprites"}


def unless_data_is_missing(id: str) -> Any:
    """The id, to be skipped where the folder that it needs isn't there."""
    folder = NEEDS_DATA.get(id, "")
    missing = bool(folder) and not Path(os.environ.get("UNBRAID_DATA", ""), folder).is_dir()
    return pytest.param(id, marks=pytest.mark.skipif(missing, reason=f"set UNBRAID_DATA to where {folder} is"))


EACH = pytest.mark.parametrize("id", [unless_data_is_missing(id) for id in IDS])
SEEDS = st.integers(0, 2**40)


def vector(id: str, n: int, **options: Any) -> WorldVectorEnv:
    return gymnasium.make_vec(id, n, **options)  # type: ignore[return-value]


def random_actions(env: WorldVectorEnv, rng: np.random.Generator) -> Any:
    space = env.single_action_space
    if isinstance(space, spaces.Box):
        return rng.uniform(space.low, space.high, (env.num_envs, *space.shape)).astype(np.float32)
    high = space.n if isinstance(space, spaces.Discrete) else space.nvec
    return rng.integers(high, size=(env.num_envs, *space.shape))


def same(a: Any, b: Any) -> bool:
    """Whether two observations, arrays or dicts of arrays, are equal."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return bool(np.array_equal(a, b))


def bytes_of(observation: Any) -> bytes:
    parts = observation.values() if isinstance(observation, dict) else [observation]
    return b"".join(np.ascontiguousarray(part).tobytes() for part in parts)


def row(observation: Any, i: int) -> Any:
    return {key: part[i] for key, part in observation.items()} if isinstance(observation, dict) else observation[i]


def pick(first: Any, second: Any, rows: Any) -> Any:
    return np.where(np.reshape(rows, (-1, *[1] * (np.ndim(first) - 1))), first, second)


def test_there_are_worlds() -> None:
    assert "unbraid/Maze-v0" in IDS
    assert unbraid.envs.find_spec("unbraid.envs:unbraid/Maze-v0").id == "unbraid/Maze-v0"


@EACH
def test_every_option_is_documented(id: str) -> None:
    kind = world_class(gymnasium.spec(id).kwargs["world"])
    assert (kind.__doc__ or "").strip() and (sys.modules[kind.__module__].__doc__ or "").strip()
    told = inspect.getdoc(kind.options_class()) or ""
    for option in kind.option_names():
        assert re.search(rf"^    {option}: \S", told, re.M), f"{kind.__name__} says nothing of {option}"


@EACH
@pytest.mark.filterwarnings("ignore:.*is different from the unwrapped version.*")
@pytest.mark.filterwarnings("ignore:.*symmetric and normalized.*")
def test_gymnasiums_and_sb3s_checkers_pass(id: str) -> None:
    env = gymnasium.make(id, render_mode="rgb_array").unwrapped
    check_env(env)
    sb3_check_env(env)


@EACH
def test_it_is_factored_single_and_batched(id: str) -> None:
    assert isinstance(gymnasium.make(id).unwrapped, Factored)
    assert isinstance(vector(id, 2), Factored)


@EACH
@settings(max_examples=2)
@given(seed=SEEDS)
def test_set_factors_then_get_factors_gives_the_values_and_the_pixels_back(id: str, seed: int) -> None:
    env = vector(id, 16)
    seen = env.reset(seed=seed)[0]
    values = env.get_factors()
    env.reset(seed=seed + 1)
    env.set_factors(values)
    assert np.array_equal(env.get_factors(), values)
    assert same(env.observe(), seen)


@EACH
def test_what_steps_lead_to_can_be_set_too(id: str) -> None:
    env, rng = vector(id, 16), np.random.default_rng(0)
    env.reset(seed=1)
    for _ in range(25):
        seen = env.step(random_actions(env, rng))[0]
    values = env.get_factors()
    env.reset(seed=2)
    env.set_factors(values)
    assert np.array_equal(env.get_factors(), values)
    assert same(env.observe(), seen)


@EACH
@settings(max_examples=2)
@given(seed=SEEDS)
def test_equal_factors_mean_equal_pixels(id: str, seed: int) -> None:
    env = vector(id, 64)
    seen = env.reset(seed=seed)[0]
    pixels_of: dict[bytes, bytes] = {}
    for i, values in enumerate(env.get_factors()):
        pixels = bytes_of(row(seen, i))
        assert pixels_of.setdefault(values.tobytes(), pixels) == pixels
    assert len(set(pixels_of.values())) > 1


@EACH
@settings(max_examples=2)
@given(seed=SEEDS)
def test_a_batch_equals_single_worlds_step_by_step(id: str, seed: int) -> None:
    n = 3
    batch = vector(id, n, autoreset_mode="Disabled")
    singles = [gymnasium.make(id).unwrapped for _ in range(n)]
    seen = batch.reset(seed=seed)[0]
    for i, env in enumerate(singles):
        assert same(env.reset(seed=seed + i)[0], row(seen, i))
    rng = np.random.default_rng(seed)
    for _ in range(8):
        actions = random_actions(batch, rng)
        seen, rewards, terminated, truncated, _ = batch.step(actions)
        for i, env in enumerate(singles):
            observation, reward, ended, _, _ = env.step(actions[i])
            assert same(observation, row(seen, i))
            assert (reward, ended) == (rewards[i], terminated[i])
        if (terminated | truncated).any():
            seen, _ = batch.reset(options={"reset_mask": terminated | truncated})
            for i in np.flatnonzero(terminated | truncated):
                assert same(singles[i].reset()[0], row(seen, i))


@EACH
def test_same_seed_same_bytes_other_seed_other_bytes(id: str) -> None:
    def course(seed: int) -> list[bytes]:
        env, rng = vector(id, 8), np.random.default_rng(0)
        seen = [bytes_of(env.reset(seed=seed)[0])]
        return seen + [bytes_of(env.step(random_actions(env, rng))[0]) for _ in range(10)]

    assert course(3) == course(3)
    assert course(3) != course(4)


@EACH
def test_step_leaves_the_state_that_it_was_given(id: str) -> None:
    env = vector(id, 32)
    world, rng = env.world, Streams(range(32))
    state = world.reset(32, rng)
    before = [part.clone() for part in state]
    draws = np.random.default_rng(0)
    for _ in range(8):
        world.step(state, torch.from_numpy(random_actions(env, draws)), rng)
    assert all(torch.equal(a, b) for a, b in zip(state, before, strict=True))


@EACH
def test_a_factor_is_controllable_if_and_only_if_other_actions_lead_to_other_values(id: str) -> None:
    half = 64
    env = vector(id, 2 * half, autoreset_mode="Disabled", max_episode_steps=None)
    seeds, rng = [*range(half)] * 2, np.random.default_rng(0)
    env.reset(seed=seeds)
    expected = np.array([factor.controllable for factor in env.factors])
    differed = np.zeros_like(expected)
    for t in range(1500):
        _, _, terminated, _, _ = env.step(random_actions(env, rng))
        values = env.get_factors()
        differed |= (values[:half] != values[half:]).any(0)
        if t > 20 and differed[expected].all():
            break
        ended = terminated[:half] | terminated[half:] | (t % 80 == 79)
        if ended.any():
            env.reset(seed=[seed + 1000 * (t + 1) for seed in seeds], options={"reset_mask": np.tile(ended, 2)})
    names = {factor.name for factor, other in zip(env.factors, differed, strict=True) if other}
    assert names == {factor.name for factor in env.factors if factor.controllable}


def impossible(factor: Factor) -> list[float]:
    between = factor.low + 0.5 * (factor.high - factor.low) / (factor.size - 1) if (factor.size or 0) > 1 else np.nan
    return [np.nan, factor.low - 1, factor.high + 1, 1e9, between]


@EACH
def test_impossible_factor_values_name_the_factor_and_its_range(id: str) -> None:
    env = vector(id, 2)
    env.reset(seed=0)
    before = env.get_factors()
    for k, factor in enumerate(env.factors):
        for bad in impossible(factor):
            values = before.copy()
            values[1, k] = bad
            with pytest.raises(ValueError, match=rf"'{re.escape(factor.name)}'.*{factor.low:g} .*{factor.high:g}"):
                env.set_factors(values)
    assert np.array_equal(env.get_factors(), before)


@EACH
@pytest.mark.parametrize("bad", [np.nan, -1e3, 1e3, 0.5])
def test_impossible_actions_raise_before_anything_changes(id: str, bad: float) -> None:
    env = vector(id, 3)
    env.reset(seed=0)
    before, saved = env.observe(), env.state_dict()
    actions = random_actions(env, np.random.default_rng(0)).astype(np.float64)
    actions[1] = bad
    if bad != 0.5 or not isinstance(env.single_action_space, spaces.Box):
        with pytest.raises(ValueError, match="action"):
            env.step(actions)
    with pytest.raises(ValueError, match=r"shape \(3,"):
        env.step(actions[:2])
    assert same(env.observe(), before)
    after = env.state_dict()
    assert all(torch.equal(saved["state"][i], after["state"][i]) for i in saved["state"])


@EACH
def test_an_intervention_on_an_ended_episode_is_where_it_goes_on(id: str) -> None:
    env = vector(id, 2, max_episode_steps=1)
    env.reset(seed=0)
    values, actions = env.get_factors(), random_actions(env, np.random.default_rng(0))
    env.step(actions)
    env.set_factors(values)
    assert env.step(actions)[3].tolist() == [True, True]
    with pytest.raises(ValueError, match="must have 2 rows, not 1"):
        env.set_factors(values[:1])


@EACH
def test_options_start_an_episode_from_given_factors(id: str) -> None:
    env = vector(id, 4)
    env.reset(seed=1)
    wanted = env.get_factors()
    for k, factor in list(enumerate(env.factors))[:: 1 + len(env.factors) // 8]:
        env.reset(seed=2, options={"factors": {factor.name: wanted[:, k]}})
        assert np.array_equal(env.get_factors()[:, k], wanted[:, k])
    env.start_factors = {factor.name: wanted[:, k] for k, factor in enumerate(env.factors)}
    env.reset(seed=3)
    assert np.array_equal(env.get_factors(), wanted)
    one = env.factors[0].name
    fixed = gymnasium.make(id, start_factors={one: wanted[0, 0]})
    assert isinstance(fixed.unwrapped, Factored)
    for options in (None, {"factors": {}}):
        fixed.reset(seed=3, options=options)
        assert fixed.unwrapped.get_factors()[0] == wanted[0, 0]
    env.start_factors = {}
    with pytest.raises(ValueError, match=r"takes one value or 4, not shape \(3,\)"):
        env.reset(options={"factors": {env.factors[0].name: wanted[:3, 0]}})
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
        return [bytes_of(env.step(random_actions(env, rng))[0]) for _ in range(40)]

    expected = future(env, rng)
    other = vector(id, 8)
    other.load_state_dict(saved)
    rng.bit_generator.state = rng_state
    assert future(other, rng) == expected


@EACH
def test_a_saved_single_environment_goes_on_as_it_would_have(id: str) -> None:
    env = gymnasium.make(id).unwrapped
    env.reset(seed=3)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(20)]
    saved = env.state_dict()
    expected = [bytes_of(env.step(action)[0]) for action in actions]
    other = gymnasium.make(id).unwrapped
    other.load_state_dict(saved)
    assert [bytes_of(other.step(action)[0]) for action in actions] == expected


@EACH
def test_the_state_of_other_worlds_or_batches_is_refused(id: str) -> None:
    batch, single = vector(id, 2), gymnasium.make(id).unwrapped
    batch.reset(seed=0)
    single.reset(seed=0)
    before = batch.get_factors()
    other = vector("unbraid/DigitsMoving-v0" if id != "unbraid/DigitsMoving-v0" else "unbraid/Maze-v0", 2)
    other.reset(seed=0)
    with pytest.raises(ValueError, match="another number of environments"):
        batch.load_state_dict(single.state_dict() | {"elapsed": torch.zeros(1), "ended": torch.zeros(1)})
    for env in (batch, single):
        with pytest.raises(ValueError, match="of another world"):
            env.load_state_dict(other.state_dict())
    assert np.array_equal(batch.get_factors(), before)


@EACH
def test_masks_hold_every_pixel_that_their_object_changes(id: str) -> None:
    """Two states that differ in one object's factors alone look the same outside of that object's masks."""
    n = 20
    env = vector(id, n, render_mode="rgb_array")
    assert env.object_names, "a world names its objects"
    env.reset(seed=0)
    first = env.get_factors()
    env.reset(seed=1)
    other = env.get_factors()

    def look(values: Any) -> tuple[Any, Any]:
        env.set_factors(values)
        return np.stack(env.render()), env.get_masks()

    image, masks = look(first)
    assert masks.shape == (n, len(env.object_names), *image.shape[1:3]) and masks.dtype == bool
    for m, name in enumerate(env.object_names):
        own = np.array([factor.name.startswith(f"{name}.") for factor in env.factors])
        states = first.copy()
        for i in range(n):
            with contextlib.suppress(ValueError):  # another object may be in the way
                env.set_factors(np.tile(np.where(own, other[i], first[i]), (n, 1)))
                states[i, own] = other[i, own]
        changed_image, changed_masks = look(states)
        touched = masks[:, m] | changed_masks[:, m]
        assert (image == changed_image).all(-1)[~touched].all(), name
        if own.any():
            assert masks[:, m].any(), name


@EACH
def test_info_in_a_batch_is_what_single_environments_say(id: str) -> None:
    batch, single = vector(id, 2), gymnasium.make(id).unwrapped
    told, alone = batch.reset(seed=4)[1], single.reset(seed=4)[1]
    assert {key for key in told if not key.startswith("_")} == set(alone)
    for key, value in alone.items():
        assert told[key][0] == value and told[f"_{key}"].all()


@pytest.fixture(params=["NextStep", "SameStep", "Disabled"])
def pair(request: pytest.FixtureRequest) -> Callable[[str], tuple[Any, Any]]:
    """The native batch and Gymnasium's own SyncVectorEnv of the same worlds, in one autoreset mode."""

    def make(id: str) -> tuple[Any, Any]:
        mode = gymnasium.vector.AutoresetMode(request.param)
        native = vector(id, 3, autoreset_mode=mode, max_episode_steps=4)
        makers = [lambda: gymnasium.make(id, max_episode_steps=4)] * 3
        return native, gymnasium.vector.SyncVectorEnv(makers, autoreset_mode=mode)

    return make


@EACH
def test_every_autoreset_mode_does_what_gymnasiums_sync_vector_env_does(id: str, pair: Any) -> None:
    native, reference = pair(id)
    assert same(native.reset(seed=11)[0], reference.reset(seed=11)[0])
    rng = np.random.default_rng(0)
    ends = 0
    for _ in range(12):
        actions = random_actions(native, rng)
        ours, theirs = native.step(actions), reference.step(actions)
        for a, b in zip(ours[:4], theirs[:4], strict=True):
            assert same(a, b)
        assert ("final_obs" in ours[4]) == ("final_obs" in theirs[4])
        if "final_obs" in ours[4]:
            assert np.array_equal(ours[4]["_final_obs"], theirs[4]["_final_obs"])
            for i in np.flatnonzero(ours[4]["_final_obs"]):
                assert same(row(ours[4]["final_obs"], i), theirs[4]["final_obs"][i])
                for key in theirs[4]["final_info"]:
                    assert ours[4]["final_info"][key][i] == theirs[4]["final_info"][key][i]
        done = ours[2] | ours[3]
        ends += int(done.sum())
        if native.autoreset_mode is gymnasium.vector.AutoresetMode.DISABLED and done.any():
            resets = [env.reset(options={"reset_mask": done.copy()})[0] for env in (native, reference)]
            assert same(*resets)
    assert ends >= 6
