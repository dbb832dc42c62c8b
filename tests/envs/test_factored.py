"""Environments that exist already, wrapped: a rail of our own, Gymnasium's cart and pole, MiniGrid's empty room."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.envs.classic_control import CartPoleEnv
from gymnasium.utils.env_checker import check_env
from hypothesis import given
from hypothesis import strategies as st
from minigrid.core.world_object import Goal
from minigrid.envs import EmptyEnv
from stable_baselines3.common.env_checker import check_env as sb3_check_env

from unbraid.envs import Factor, Factored, FactoredEnv, make_factored, rendered
from unbraid.envs.factored import space_of

PLACE = Factor("lamp.place", "ordinal", 0, 7, 8, "", True)
LEVEL = Factor("lamp.level", "continuous", 0.5, 1.0, 6, "", False)
HEADING = Factor("lamp.heading", "cyclic", 0, 6, None, "", False)


class Rail(gymnasium.Env[Any, Any]):
    """A lamp that moves right by itself; place 5 and level 1 don't go together."""

    observation_space = spaces.Box(0, 1, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self) -> None:
        self.options: Any = None
        self.place, self.level, self.heading = 0, 0.5, 0.0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.options = options
        self.place, self.level = int(self.np_random.integers(5)), 0.5
        return np.zeros(1, np.float32), {"new": True}

    def step(self, action: int) -> Any:
        self.place += action
        return np.zeros(1, np.float32), 2, self.place > 6, False, {"went": action}


def read(env: Rail) -> Any:
    return env.place, env.level, env.heading


def write(env: Rail, values: Any) -> None:
    env.place = int(values[0])
    if values[1] == 1 and env.place == 5:
        raise ValueError("factor 'lamp.level' can't be 1 at place 5")
    env.level, env.heading = values[1], values[2] % 6


def look(env: Rail) -> Any:
    return np.full((4, 4, 1), env.place, np.uint8)


def rail(**changed: Any) -> FactoredEnv:
    """The rail with factors; a keyword replaces one of the wrapper's arguments."""
    given = {"factors": (PLACE, LEVEL, HEADING), "read": read, "write": write, "look": look}
    return FactoredEnv(Rail(), **{**given, **changed})


def cart_pole(render_mode: str = "rgb_array") -> FactoredEnv:
    def put(env: CartPoleEnv, values: Any) -> None:
        env.state, env.steps_beyond_terminated = np.array(values, np.float64), None

    factors = [Factor(name, "continuous", -5, 5, None, "", True) for name in ("x", "speed", "angle", "spin")]
    cart = CartPoleEnv(render_mode=render_mode)
    return FactoredEnv(cart, factors, lambda env: env.state, put, rendered(40, 60, 1), None, ("left", "right"))


def empty_room(render_mode: str = "rgb_array") -> FactoredEnv:
    """MiniGrid's, with the goal where we want it."""

    def where(env: EmptyEnv) -> tuple[int, int]:
        return next((x, y) for x in range(8) for y in range(8) if isinstance(env.grid.get(x, y), Goal))

    def put(env: EmptyEnv, values: Any) -> None:
        x, y, env.agent_dir, *goal = (int(value) for value in values)
        if [x, y] == goal:
            raise ValueError(f"factor 'goal.x' can't be {goal[0]} where the agent is; move one of them")
        env.grid.set(*where(env), None)
        env.put_obj(Goal(), *goal)
        env.agent_pos = (x, y)

    places = [Factor(name, "ordinal", 1, 6, 6, "tile", True) for name in ("agent.x", "agent.y")]
    places += [Factor("agent.direction", "cyclic", 0, 3, 4, "", True)]
    places += [Factor(name, "ordinal", 1, 6, 6, "tile", False) for name in ("goal.x", "goal.y")]
    room = EmptyEnv(size=8, agent_start_pos=None, render_mode=render_mode)
    return FactoredEnv(
        room,
        places,
        lambda env: (*env.agent_pos, env.agent_dir, *where(env)),
        put,
        lambda env: env.get_frame(highlight=False, tile_size=8),
    )


gymnasium.register("Test/CartPole-v0", entry_point=cart_pole, max_episode_steps=3)
gymnasium.register("Test/EmptyRoom-v0", entry_point=empty_room, max_episode_steps=5)
EACH = pytest.mark.parametrize("id", ["Test/CartPole-v0", "Test/EmptyRoom-v0"])


@EACH
def test_the_checkers_pass_and_it_is_factored(id: str) -> None:
    env = gymnasium.make(id)
    assert isinstance(env.unwrapped, Factored)
    check_env(env.unwrapped)
    sb3_check_env(env.unwrapped)


@EACH
def test_factors_set_on_another_environment_give_the_same_pixels_and_the_same_future(id: str) -> None:
    first, second = gymnasium.make(id).unwrapped, gymnasium.make(id).unwrapped
    first.reset(seed=0)
    first.step(1)
    second.set_factors(first.get_factors())
    second.set_factors(second.get_factors())
    assert np.array_equal(first.get_factors(), second.get_factors())
    assert np.array_equal(first.observe(), second.observe())
    for action in (1, 0, 1):
        assert np.array_equal(first.step(action)[0], second.step(action)[0])
    assert np.allclose(first.get_factors(), second.get_factors(), atol=1e-6)


@EACH
def test_copies_side_by_side_are_cut_off_by_the_registered_limit(id: str) -> None:
    batch = make_factored(id, 3)
    images, _ = batch.reset(seed=4)
    values = batch.get_factors()
    assert images.dtype == torch.uint8 and images.shape[0] == 3
    assert values.shape == (3, len(batch.factors))
    limit = gymnasium.spec(id).max_episode_steps
    ended = [bool(batch.step([0, 0, 0])[3].all()) for _ in range(limit)]
    assert ended == [False] * (limit - 1) + [True]
    batch.reset(seed=4)
    assert torch.equal(batch.get_factors(), values)
    batch.set_factors(values.flip(0))
    assert torch.equal(batch.observe(), images.flip(0))


def test_a_cart_s_picture_is_made_smaller() -> None:
    env = cart_pole()
    assert env.observation_space == spaces.Box(0, 255, (40, 60, 1), np.uint8)
    env.set_factors([0, 0, 0, 0])
    image = env.observe()[:, :, 0]
    assert image[0, 0] == 255 and image[:, 30].min() < 100
    assert env.render().shape == (400, 600, 3)
    env.set_factors([2.4, 0, 0, 0])
    assert env.observe()[:, 59].min() < 100 and env.observe()[20:, 30].min() > 100


def test_a_room_refuses_what_does_not_go_together() -> None:
    env = empty_room()
    env.reset(seed=0, options={"factors": {"agent.x": 2, "agent.y": 3, "goal.x": 4}})
    assert env.get_factors()[[0, 1, 3, 4]].tolist() == [2, 3, 4, 6]
    before, seen = env.get_factors(), env.observe()
    with pytest.raises(ValueError, match=r"'goal.x' can't be 5 where the agent is"):
        env.set_factors([5, 5, 0, 5, 5])
    assert np.array_equal(env.get_factors(), before) and np.array_equal(env.observe(), seen)


def test_steps_and_resets_go_through() -> None:
    env = rail(action_names=("stay", "go"))
    image, info = env.reset(seed=3, options={"weather": "fine", "factors": {"lamp.place": 6, "lamp.level": 0.7}})
    assert env.env.options == {"weather": "fine"} and info == {"new": True}
    assert image.shape == (4, 4, 1) and (image == 6).all()
    assert env.get_factors().tolist() == [6, pytest.approx(0.7), 0]
    image, reward, terminated, truncated, info = env.step(1)
    assert (int(image.max()), reward, terminated, truncated, info) == (7, 2.0, True, False, {"went": 1})
    assert env.action_names == ("stay", "go")
    starts = [env.reset(seed=9)[0].max() for _ in range(3)]
    assert len(set(starts)) == 1 and env.env.options is None
    assert len({int(env.reset()[0].max()) for _ in range(30)}) == 5


@given(place=st.integers(0, 7), level=st.integers(0, 5), wobble=st.floats(-9e-5, 9e-5))
def test_values_are_written_as_they_lie_on_the_grid(place: int, level: int, wobble: float) -> None:
    env = rail(write=lambda env, values: setattr(env, "written", values.copy()) or write(env, values))
    if (place, level) != (5, 5):
        env.set_factors([place + wobble if 0 < place < 7 else place, 0.5 + 0.1 * level, 1.25])
        assert env.env.written.tolist() == [place, pytest.approx(0.5 + 0.1 * level), 1.25]
        assert env.env.written.dtype == np.float32


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([8, 0.5, 0], r"'lamp.place' can't be 8: it takes 8 values from 0 to 7"),
        ([0.5, 0.5, 0], r"'lamp.place' can't be 0.5"),
        ([0, 0.55, 0], r"'lamp.level' can't be 0.55: it takes 6 values from 0.5 to 1"),
        ([0, 0.5, np.nan], r"'lamp.heading' can't be nan: it takes 0 .. 6"),
        ([0, 0.5], r"must have shape \(3,\), not \(2,\)"),
        ([[0, 0.5, 0]], r"must have shape \(3,\), not \(1, 3\)"),
        ([5, 1, 0], r"'lamp.level' can't be 1 at place 5"),
    ],
)
def test_impossible_values_are_named_and_change_nothing(values: Any, message: str) -> None:
    env = rail()
    env.reset(seed=1)
    before = env.get_factors()
    with pytest.raises(ValueError, match=message):
        env.set_factors(values)
    assert np.array_equal(env.get_factors(), before)


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ({"lamp.plaice": 1}, r"unknown reset option 'lamp.plaice': options\['factors'\] takes lamp.place, lamp.level"),
        ({"lamp.place": 9}, r"'lamp.place' can't be 9"),
        ({"lamp.place": [1, 2]}, r"'lamp.place' takes one value, not shape \(2,\)"),
    ],
)
def test_a_reset_with_impossible_factors_changes_nothing(factors: Any, message: str) -> None:
    env = rail()
    env.reset(seed=1)
    env.env.place = 3
    with pytest.raises(ValueError, match=message):
        env.reset(options={"factors": factors})
    assert env.get_factors()[0] == 3


def test_values_that_do_not_read_as_they_were_written_are_named_and_undone() -> None:
    env = rail(write=lambda env, values: setattr(env, "place", min(int(values[0]), 4)))
    env.reset(seed=1, options={"factors": {"lamp.place": 2}})
    with pytest.raises(ValueError, match=r"'lamp.place' was set to 6 and then reads 4: either write and read"):
        env.set_factors([6, 0.5, 0])
    assert env.get_factors()[0] == 2


def test_both_ends_of_a_cycle_are_one_value() -> None:
    env = rail()
    env.set_factors([0, 0.5, 6])
    assert env.get_factors()[2] == 0


def test_where_nothing_can_be_written_back_a_reset_is_needed() -> None:
    def break_down(env: Rail, values: Any) -> None:
        env.place = 4
        raise RuntimeError("out of memory")

    env = rail(write=break_down)
    env.reset(seed=0)
    with pytest.raises(RuntimeError, match="out of memory"):
        env.set_factors([1, 0.5, 0])
    for use in (env.observe, env.get_factors, lambda: env.step(0)):
        with pytest.raises(gymnasium.error.ResetNeeded):
            use()
    env.reset()
    assert env.get_factors()[0] < 5


def test_functions_that_cannot_be_right_are_refused() -> None:
    with pytest.raises(ValueError, match=r"action_names must name each of 2 discrete actions, not \('go',\)"):
        rail(action_names=("go",))
    env = rail(read=lambda env: env.place)
    env.reset()
    with pytest.raises(ValueError, match=r"read must give 3 numbers, one a factor, not shape \(\)"):
        env.get_factors()
    with pytest.raises(ValueError, match=r"look gave <U4 of shape \(\): give numbers, or state the observation_space"):
        rail(look=lambda env: "dark")
    with pytest.raises(ValueError, match="render_mode='rgb_array', not None"):
        rail(look=rendered(8, 8))
    with pytest.raises(ValueError, match="1 or 3 channels, not 8, 8, 2"):
        rendered(8, 8, 2)


def test_spaces_are_read_off_or_as_stated() -> None:
    space = space_of({"image": np.zeros((2, 3), np.uint8), "speed": np.float32(1)})
    assert space == spaces.Dict(
        image=spaces.Box(0, 255, (2, 3), np.uint8), speed=spaces.Box(-np.inf, np.inf, (), np.float32)
    )
    stated = spaces.Box(0, 9, (4, 4, 1), np.uint8)
    env = rail(observation_space=stated)
    assert env.observation_space is stated
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.observe()
