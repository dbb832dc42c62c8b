"""Sprites: pictures, moves, colours, scenes, tasks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unbraid.envs import Streams
from unbraid.envs.sprites import Sprites
from unbraid.envs.sprites.patches import Patches
from unbraid.envs.sprites.shapes import FULL, coverage

SCENE: dict[str, Any] = {"sprites": 3, "colour": "palette", "half_size": True}
MIDDLE = 24 / 47


def look(world: Sprites, *values: float) -> Any:
    return world.observe(world.set_factors(torch.tensor([values])))[0].numpy().astype(int)


def act(world: Sprites, values: list[float], *names: str) -> list[float]:
    state = world.set_factors(torch.tensor([values]))
    for name in names:
        action = torch.tensor([world.action_names.index(name)])
        state, _, _ = world.step(state, action, Streams([0]))
    return world.get_factors(state)[0].tolist()


@pytest.mark.parametrize(("scale", "side"), [(0.5, 11), (0.6, 13), (0.7, 15), (0.8, 17), (0.9, 19), (1.0, 21)])
def test_an_upright_square_is_a_square_of_pixels_about_its_place(scale: float, side: int) -> None:
    image = look(Sprites(), 0, scale, 0, 0, 31 / 31)[..., 0]
    expected = np.zeros((64, 64), dtype=int)
    half = side // 2
    expected[47 - half : 48 + half, 16 - half : 17 + half] = 255
    assert np.array_equal(image, expected)


@pytest.mark.parametrize(
    ("shape", "area_px"), [(0, 20.8**2), (1, math.pi * 14 * 8.5), (2, 15.6**2 * (1 + math.pi / 4))]
)
@pytest.mark.parametrize("turn", [0, 3, 10, 21, 38])
def test_antialiased_pixels_add_up_to_the_shapes_area(shape: int, area_px: float, turn: int) -> None:
    total = look(Sprites(antialiased=True), shape, 1, turn * 2 * math.pi / 39, 0, 1).sum() / 255
    assert total == pytest.approx(area_px, rel=0.005)


def test_a_heart_has_two_lobes_on_top_a_notch_between_them_and_a_point_below() -> None:
    image = look(Sprites(), 2, 1, 0, 15 / 31, 15 / 31)[..., 0]  # centred on pixel 31, 31
    rows = np.flatnonzero(image.any(1))
    columns = np.flatnonzero(image.any(0))
    assert np.array_equal(image[:, columns[0] : columns[-1] + 1], image[:, columns[0] : columns[-1] + 1][:, ::-1])
    assert (np.diff(image[rows[0] + 1]) != 0).sum() == 4  # two lobes, apart
    assert (image[rows[-1]] > 0).sum() == 1 and image[rows[-1], 31] == 255
    assert len(columns) > len(rows) * 0.9


def test_turns_are_clockwise_and_a_full_turn_looks_like_none() -> None:
    world = Sprites(antialiased=True)
    quarter = look(world, 2, 1, 10 * 2 * math.pi / 39, 15 / 31, 15 / 31)[..., 0]
    assert np.flatnonzero(quarter.any(0))[0] - 31 < -12  # the point, which was below, is at the left
    assert np.array_equal(look(world, 2, 1, 0, 0, 0), look(world, 2, 1, 2 * math.pi, 0, 0))


@pytest.mark.parametrize("options", [{}, {"half_size": True}, {"antialiased": True}, {"colour": "rgb"}])
def test_a_step_of_position_moves_the_picture_by_one_pixel(options: dict[str, Any]) -> None:
    world = Sprites(**options)
    state = world.reset(40, Streams(range(40)))
    x = world._column["x"]
    sprites = state.sprites.clone()
    sprites[:, 0, x : x + 2] = 7
    moved = sprites.clone()
    moved[:, 0, x] += 9
    moved[:, 0, x + 1] += 3
    before, after = (world.observe(state._replace(sprites=part)) for part in (sprites, moved))
    assert torch.equal(torch.roll(before, (3, 9), (1, 2)), after)


@pytest.mark.parametrize(
    ("action", "start", "end"),
    [("left", [0, 1, 0, 5 / 31, 1], [0, 1, 0, 4 / 31, 1]), ("right", [0, 1, 0, 1, 1], [0, 1, 0, 1, 1]),
     ("up", [0, 1, 0, 0, 0], [0, 1, 0, 0, 0]), ("down", [0, 1, 0, 0, 0], [0, 1, 0, 0, 1 / 31]),
     ("grow", [0, 0.5, 0, 0, 0], [0, 0.6, 0, 0, 0]), ("shrink", [0, 0.5, 0, 0, 0], [0, 0.5, 0, 0, 0]),
     ("next shape", [2, 0.5, 0, 0, 0], [0, 0.5, 0, 0, 0]),
     ("turn", [0, 0.5, 0, 0, 0], [0, 0.5, 2 * math.pi / 39, 0, 0]),
     ("turn", [0, 0.5, 2 * math.pi, 0, 0], [0, 0.5, 2 * math.pi / 39, 0, 0]),
     ("turn back", [0, 0.5, 0, 0, 0], [0, 0.5, 2 * math.pi * 38 / 39, 0, 0])],
)  # fmt: skip
def test_each_action_changes_one_property(action: str, start: list[float], end: list[float]) -> None:
    assert act(Sprites(), start, action) == pytest.approx(end)


def test_colours_and_presence_act_on_the_sprite_that_is_named() -> None:
    world = Sprites(sprites=2, colour="rgb", optional=True)
    start = world.get_factors(world.reset(1, Streams([5]), {"factors": {"sprite1.present": 1, "sprite1.green": 0.5}}))
    end = act(world, start[0].tolist(), "sprite1 green up", "sprite1 show or hide")
    changed = {factor.name: value for factor, a, value in zip(world.factors, start[0], end, strict=True) if a != value}
    assert changed == {"sprite1.present": 0, "sprite1.green": pytest.approx(0.5 + 1 / 30)}
    assert act(Sprites(colour="palette"), [0, 1, 0, 0, 0, 3], "next colour")[-1] == 0


def test_a_stride_of_several_pixels_stops_at_the_edge() -> None:
    world = Sprites(stride=20)
    assert act(world, [0, 1, 0, 0, 0], "right")[3] == pytest.approx(20 / 31)
    assert act(world, [0, 1, 0, 0, 0], "right", "right")[3] == 1


def test_colours_are_the_factors_and_sums_are_clipped() -> None:
    world = Sprites(sprites=2, colour="rgb")
    one = [0, 1, 0, 15 / 31, 15 / 31, 0.5, 0.7, 1.0]
    far = [0, 0.5, 0, 0, 0, 0.5, 0.5, 0.5]
    image = look(world, *one, *far)
    assert image[31, 31].tolist() == [128, 178, 255]
    assert image[16, 16].tolist() == [128, 128, 128]
    both = look(world, *one, *far[:3], *one[3:5], 0.5, 0.5, 0.5)
    assert both[31, 31].tolist() == [255, 255, 255]  # 128 + 128 and more
    assert look(world, *one, *far[:3], *one[3:5], 0.5, 0.5, 0.5)[22, 31].tolist() == [128, 178, 255]


def test_an_absent_sprite_keeps_its_factors_but_does_not_show() -> None:
    world = Sprites(sprites=2, colour="rgb", optional=True)
    values = world.get_factors(world.reset(20, Streams(range(20)), {"factors": {"sprite1.present": 0}}))
    state = world.set_factors(values)
    masks = world.get_masks(state)
    assert not masks[:, 1].any()
    assert torch.equal(masks[:, 0].flatten(1).any(1), values[:, 0] == 1)
    assert torch.equal(world.observe(state).any(-1), masks[:, 0])
    assert torch.equal(world.get_factors(state), values)


def test_masks_overlap_and_are_what_is_drawn() -> None:
    world = Sprites(sprites=3, colour="rgb", antialiased=True)
    state = world.reset(50, Streams(range(50)))
    masks = world.get_masks(state)
    assert torch.equal(masks.any(1), world.observe(state).any(-1))
    assert (masks[:, 0] & masks[:, 1]).any()


@settings(max_examples=8)
@given(seed=st.integers(0, 10**6))
def test_a_fresh_state_draws_every_property_uniformly(seed: int) -> None:
    world = Sprites(sprites=2, colour="palette", optional=True)
    state = world.reset(2000, Streams(range(seed, seed + 2000)))
    for k, held in enumerate(world.properties):
        counts = torch.bincount(state.sprites[:, 0, k], minlength=held.size).double()
        expected = 2000 / held.size
        chi_squared = ((counts - expected) ** 2 / expected).sum()
        assert chi_squared < held.size + 6 * math.sqrt(2 * held.size)  # six standard deviations above the mean
    correlation = torch.corrcoef(state.sprites.flatten(1).double().T)
    assert (correlation - torch.eye(len(correlation))).abs().max() < 0.13


def test_sprites_add_their_coverage_by_hand() -> None:
    shades = torch.zeros((1, 8, 8), dtype=torch.uint8)
    shades[0, 0, :3] = torch.tensor([FULL, FULL // 2, 1])
    patches = Patches(shades, 1, torch.device("cpu"))
    frames = patches.frames(1)
    for corner in ([3, 2], [4, 2]):
        patches.add(frames, torch.tensor([0]), torch.tensor([corner]), torch.tensor([[200]], dtype=torch.uint8))
    row = patches.images(frames)[0, 2, :8, 0].tolist()
    assert row == [0, 0, 0, 200, 255, 103, 3, 0]  # 100 + 200 is clipped, 3 + 100, 3
    assert patches.images(frames).sum() == sum(row)


def test_coverage_counts_sample_points() -> None:
    disc = coverage(("disc",), (0.1,), (0.0,), 8)[0]  # radius 1 px
    assert disc[4, 4] == FULL and disc[4, 3] == disc[4, 5] == disc[3, 4] == disc[5, 4] > 0
    points = [(i + 0.5) ** 2 + (j + 0.5) ** 2 <= 8**2 for i in range(-8, 8) for j in range(-8, 8)]
    assert disc.sum() == sum(points)


GOAL_START = [0, 0.25, 0, MIDDLE, MIDDLE, 0, 0, 0.25, 0, 0, 0, 1, 0, 0.25, 0, 0, 0, 1]


def test_the_goal_pays_the_way_made_and_one_more_at_the_end() -> None:
    world = Sprites(**SCENE, task="goal", stride=4)
    state = world.set_factors(torch.tensor([[*GOAL_START, 34 / 47, MIDDLE]]))  # 10 px to the right, radius 6
    assert world.gap(state).item() == pytest.approx(4 / 47)
    assert not world.get_info(state)["is_success"]
    right = torch.tensor([world.action_names.index("sprite0 right")])
    state, reward, done = world.step(state, right, Streams([0]))
    assert (reward.item(), done.item()) == (pytest.approx(4 / 47 + 1), True)
    assert world.get_info(state)["is_success"]
    away = torch.tensor([world.action_names.index("sprite1 right")])
    assert world.step(state, away, Streams([0]))[1].item() == pytest.approx(1)


def test_only_red_sprites_belong_into_the_goal() -> None:
    world = Sprites(**SCENE, task="goal")
    state = world.set_factors(torch.tensor([[*GOAL_START[:11], 0, *GOAL_START[12:], MIDDLE, MIDDLE]]))
    assert world.gap(state).item() == pytest.approx((math.hypot(24, 24) - 6) / 47)


def test_sorting_measures_the_way_to_each_colours_corner() -> None:
    world = Sprites(**SCENE, task="sort")
    red, green, blue = ([0, 0.25, 0, x / 47, y / 47, c] for x, y, c in ((5, 5, 0), (42, 11, 1), (15, 42, 2)))
    assert world.gap(world.set_factors(torch.tensor([red + green + blue]))).item() == pytest.approx(4 / 47)
    image = look(world, *red, *green, *blue)
    assert image[50, 50].tolist() == [76, 76, 0]  # yellow's place, .3 of its colour


def test_clustering_wants_one_colour_together_and_others_apart() -> None:
    world = Sprites(**SCENE, task="cluster")
    values = [[0, 0.25, 0, x / 47, 0, c] for x, c in ((0, 0), (13, 0), (20, 1))]
    gap = world.gap(world.set_factors(torch.tensor(values).view(1, -1)))
    assert gap.item() == pytest.approx((13 - 10 + 16 - 7) / 47)


@pytest.mark.parametrize("task", ["goal", "sort", "cluster"])
@pytest.mark.parametrize("half_size", [False, True])
def test_no_episode_begins_where_it_would_end(task: str, half_size: bool) -> None:
    world = Sprites(sprites=2, colour="palette", half_size=half_size, task=task)
    state = world.reset(3000, Streams(range(3000)))
    assert (world.gap(state) > 0).all()
    fixed = world.get_factors(state)[0].tolist()
    again = {"factors": {factor.name: value for factor, value in zip(world.factors, fixed, strict=True)}}
    assert world.get_factors(world.reset(1, Streams([9]), again))[0].tolist() == fixed


def test_a_start_that_is_fixed_may_be_done_already() -> None:
    world = Sprites(sprites=1, colour="palette", task="goal")
    done = {"agent.x": 0, "agent.y": 0, "goal.x": 0, "goal.y": 0, "agent.colour": 0}
    state = world.reset(2, Streams([0, 1]), {"factors": done})
    assert world.get_info(state)["is_success"].all()


@pytest.mark.parametrize("task", ["goal", "sort", "cluster"])
def test_a_greedy_player_does_every_task(task: str) -> None:
    """Taking the action after which the gap is least, or any where none helps, gets most of them done."""
    world = Sprites(**SCENE, task=task, stride=4)
    n, moves = 64, len(world.action_names)
    state, rng = world.reset(n, Streams(range(n))), Streams(range(n))
    done, total, start = torch.zeros(n, dtype=torch.bool), torch.zeros(n), world.gap(state)
    for _ in range(60):
        every = type(state)(*(part.repeat_interleave(moves, 0) for part in state))
        tried, _, _ = world.step(every, torch.arange(moves).repeat(n), rng)
        best = world.gap(tried).view(n, moves).argmin(1)
        moved, reward, ended = world.step(state, best, rng)
        total += torch.where(done, 0.0, reward)
        state = type(state)(
            *(torch.where(done.view(-1, *[1] * (a.ndim - 1)), a, b) for a, b in zip(state, moved, strict=True))
        )
        done |= ended
    assert done.float().mean() > 0.6
    assert torch.allclose(total, start - world.gap(state) + done, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "text"),
    [({"sprites": 0}, "sprites must be 1 .. 8, not 0"), ({"sprites": 9}, "not 9"),
     ({"colour": "hue"}, "colour must be one of white, rgb, palette, not 'hue'"),
     ({"stride": 0}, "stride must be 1 .. 31 pixels, not 0"),
     ({"task": "win", "colour": "palette"}, "task must be None or one of goal, sort, cluster, not 'win'"),
     ({"task": "goal"}, "needs colour='palette' and optional=False, not 'white' and False"),
     ({"task": "sort", "colour": "palette", "optional": True}, "not 'palette' and True"),
     ({"task": "cluster", "colour": "palette"}, "needs sprites=2 or more, not 1")],
)  # fmt: skip
def test_impossible_options_are_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Sprites(**options)


def test_a_world_without_a_task_has_no_gap() -> None:
    with pytest.raises(ValueError, match="has no task; make it with task='goal'"):
        Sprites().gap(Sprites().reset(1, Streams([0])))
