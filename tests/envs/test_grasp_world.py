"""The grasping environments: Gymnasium's contract, factors to read and to set, rewards that mean what they say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from scipy.spatial.transform import Rotation

import unbraid.envs
from unbraid.envs import Factored, make_factored, make_single
from unbraid.envs.grasp.antipodal import antipodal
from unbraid.envs.grasp.world import DOWN, MOVE, TURN, Grasp, _values_of
from unbraid.errors import InputError

IDS = ("unbraid/Grasp-v0", "unbraid/GraspSteps-v0")


@pytest.fixture(scope="module")
def env() -> Iterator[Grasp]:
    made = Grasp(objects="cup00", observation="state")
    yield made
    made.close()


def names(env: Grasp) -> list[str]:
    return [factor.name for factor in env.factors]


def scaled(env: Grasp, values: Any) -> Any:
    """An action of six factors of a pose."""
    bounds = np.array([[factor.low, factor.high] for factor in env.factors[-6:]])
    return 2 * (np.asarray(values) - bounds[:, 0]) / (bounds[:, 1] - bounds[:, 0]) - 1


@pytest.mark.filterwarnings("ignore:.*Box observation space")
@pytest.mark.parametrize("id", IDS)
@pytest.mark.parametrize("observation", ["rgb", "rgbd", "state"])
def test_gymnasiums_contract(id: str, observation: str) -> None:
    env = gymnasium.make(id, observation=observation, render_mode="rgb_array")
    check_env(env.unwrapped)
    env.reset()
    assert isinstance(env.unwrapped, Factored) and env.render().shape == (256, 256, 3)  # type: ignore[union-attr]
    env.close()


def test_the_same_seed_is_the_same_episode() -> None:
    def course(seed: int) -> list[Any]:
        env = gymnasium.make("unbraid/GraspSteps-v0", objects="train")
        seen, rng = [env.reset(seed=seed)[0]], np.random.default_rng(0)
        for k in range(5):
            action = rng.uniform(-1, 1, 7).astype(np.float32)
            action[6] = -1 if k < 4 else 1
            seen.append(env.step(action)[0])
        env.close()
        return [one.tolist() for one in seen]

    assert course(3) == course(3) != course(4)


def test_factors_are_read_as_they_were_set(env: Grasp) -> None:
    env.reset(seed=0)
    values = env.get_factors()
    values[names(env).index("object.x")], values[names(env).index("gripper.yaw")] = 0.02, 1.0
    values[names(env).index("camera.elevation")] = 0.9
    env.set_factors(values)
    assert np.abs(env.get_factors() - values).max() < 1e-5
    env.set_factors(env.get_factors())
    assert np.abs(env.get_factors() - values).max() < 1e-5


def test_fresh_shapes_have_their_parameters_as_factors() -> None:
    env = make_single("unbraid/Grasp-v0").unwrapped
    env.reset(seed=1, options={"factors": {"object.category": 4, "object.width": 0.25}})
    found = dict(zip(names(env), env.get_factors().tolist(), strict=True))
    assert found["object.category"] == 4 and found["object.width"] == 0.25
    assert {"object.curve", "camera.azimuth", "gripper.roll"} <= set(found)
    first = env.observe()
    env.set_factors(list({**found, "object.height": 1 - found["object.height"]}.values()))
    assert not np.array_equal(env.observe(), first)
    env.close()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("object.z", -0.04, "factor 'object.z' can't be -0.04 m: the object is in the table there"),
        ("gripper.z", 0.02, "factor 'gripper.z' can't be 0.02 m: the gripper is in something there"),
        ("gripper.x", 3.0, "factor 'gripper.x' can't be 3"),
        ("camera.elevation", np.nan, "factor 'camera.elevation' can't be nan"),
    ],
)
def test_impossible_values_name_their_factor_and_change_nothing(
    env: Grasp, name: str, value: float, words: str
) -> None:
    env.reset(seed=0)
    before = env.get_factors()
    values = before.copy()
    values[names(env).index(name)] = value
    with pytest.raises(ValueError, match=words):
        env.set_factors(values)
    assert np.allclose(env.get_factors(), before, atol=1e-6)


def test_a_grasp_that_works_is_rewarded(env: Grasp) -> None:
    rewards = []
    for seed in range(4):
        env.reset(seed=seed)
        shown = antipodal(env.things[0].solid, 1, np.random.default_rng(seed)).after(env.scene.object_pose)
        action = scaled(env, _values_of(shown.row(0), DOWN))
        _, reward, terminated, _, info = env.step(action)
        assert terminated and info["is_success"] == (info["result"] == "held") == bool(reward)
        rewards.append(reward)
    assert np.mean(rewards) >= 0.5
    env.reset(seed=0)
    _, reward, _, _, info = env.step(np.zeros(6))
    assert reward == 0 and info["result"] in ("missed", "collided")
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(np.zeros(6))


@pytest.mark.parametrize("action", [np.zeros(5), np.full(6, 2.0), np.full(6, np.nan)])
def test_actions_that_are_none_are_refused(env: Grasp, action: Any) -> None:
    env.reset(seed=0)
    with pytest.raises(ValueError, match="action must be 6 numbers from -1 to 1"):
        env.step(action)


def test_moves_are_rewarded_for_coming_nearer_and_end_by_closing() -> None:
    env = Grasp(objects="bottle00", observation="state", moves=True)
    env.reset(seed=0)
    start, total = env._nearness(), 0.0
    above = np.array([0, 0, env.things[0].solid.bounds[1, 2] - 0.02])
    for _ in range(10):
        body = env.scene.object_pose.position - env.scene.gripper_pose.position
        action = np.zeros(7)
        action[:3], action[6] = np.clip((body + above) * [1, -1, -1] / 0.03, -1, 1), -1  # it points down
        seen, reward, terminated, _, _ = env.step(action)
        total += reward
        assert not terminated and seen.shape == (18,)
    assert total == pytest.approx(5 * (env._nearness() - start), abs=1e-4)
    _, reward, terminated, _, info = env.step(np.array([0, 0, 0, 0, 0, 0, 1.0]))
    assert terminated and info["result"] == "held" and reward == 1
    env.close()


def test_the_way_to_a_grasp_is_linear_in_what_is_seen() -> None:
    env = Grasp(objects="cup00", observation="state", moves=True)
    env.reset(seed=3)
    grasps = antipodal(env.things[0].solid, 5, np.random.default_rng(0))
    for _ in range(3):
        seen, *_ = env.step(np.array([0.3, -0.2, 0.5, 0.4, -0.6, 0.8, -1]))
        wanted, hand = grasps.after(env.scene.object_pose), env.scene.gripper_pose
        told = 0.1 * seen[:3] + grasps.position @ seen[3:12].reshape(3, 3)
        np.testing.assert_allclose(told, hand.inside(wanted.position), atol=1e-6)
        np.testing.assert_allclose(seen[12:15], hand.inside(hand.position[None] + [0, 0, 1])[0], atol=1e-6)
        assert seen[15] == pytest.approx(10 * hand.position[2]) and seen[16] == pytest.approx(0.8, abs=0.01)
    assert seen[17] == pytest.approx(17 / 20)
    env.close()


@pytest.mark.parametrize("name", ["bottle00", "bowl01", "cup02", "plate07", "mug01", "sugarbowl07", "teapot05"])
def test_a_walk_straight_to_the_grasp_that_is_rewarded_holds(name: str) -> None:
    env, held = Grasp(objects=name, observation="state", moves=True), []
    for seed in range(4):
        env.reset(seed=seed)
        over, total = False, 0.0
        while not over:
            aim, here = env.aim, env.scene.gripper_pose
            assert aim is not None
            turn = Rotation.from_quat(here.rotation).inv() * Rotation.from_quat(aim.rotation)
            moves = np.concatenate([here.inside(aim.position[None])[0] / MOVE, turn.as_rotvec() / TURN]).clip(-1, 1)
            _, reward, over, _, info = env.step([*moves, -1])
            total += reward
        held.append(info["is_success"])
        assert total > 0.5 + held[-1]
    assert sum(held) >= 3
    env.close()


def test_moves_stay_above_the_table() -> None:
    env = Grasp(objects="plate00", observation="state", moves=True)
    env.reset(seed=0)
    for _ in range(19):
        *_, terminated, _, info = env.step(np.array([1.0, 0, 1, 0.05, 0, 0, -1]))
        assert not terminated
    assert np.isfinite(env.get_factors()).all() and 0 < env.scene.gripper_pose.position[2] < 0.1
    *_, terminated, _, info = env.step(np.array([0, 0, 0, 0, 0, 0, -1.0]))
    assert terminated and info["result"] in ("missed", "dropped")  # the last move closes
    env.close()


def test_what_the_gripper_sees_and_where_the_object_is(env: Grasp) -> None:
    env.reset(seed=0, options={"factors": {"object.x": 0.0, "object.y": 0.0}})
    view = env.look_along(32)
    assert view.object_mask.any() and view.depth.shape == (32, 32)
    grid = env.occupancy()
    assert grid.shape == (32, 32, 32) and grid[:, :, 0].any() and not grid[0].any()


def test_many_run_behind_the_batch_interface() -> None:
    batch = make_factored("unbraid.envs:unbraid/Grasp-v0", 2, objects="cup", size=32)
    images = batch.reset(seed=0)[0]
    assert tuple(images.shape) == (2, 32, 32, 3) and tuple(batch.get_factors().shape) == (2, len(batch.factors))
    batch.close()


def test_wrong_options_are_one_line() -> None:
    with pytest.raises(InputError, match="unknown observation 'smell'"):
        make_single("unbraid/Grasp-v0", observation="smell")
    with pytest.raises(InputError, match="unknown object 'spoon'"):
        make_single("unbraid/Grasp-v0", objects="spoon")


def test_reset_takes_known_factors_alone(env: Grasp) -> None:
    with pytest.raises(ValueError, match=r"unknown reset option 'object\.colour': options\['factors'\] takes object\."):
        env.reset(options={"factors": {"object.colour": 1}})


def test_ids_are_registered() -> None:
    assert all(unbraid.envs.find_spec(id).id == id for id in IDS)
