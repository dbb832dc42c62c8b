"""The maze: moves, walls, goal, switch, layouts, pictures."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unbraid.envs import Streams
from unbraid.envs.maze import LAYOUT, Maze

SMALL = ("..#", "...", "#..")
LEFT, RIGHT, UP, DOWN, TOGGLE = range(5)


def at(world: Maze, *values: float) -> object:
    return world.set_factors(torch.tensor([values]))


def agent(world: Maze, state: object) -> list[float]:
    return world.get_factors(state)[0, :2].tolist()


@pytest.mark.parametrize(
    ("action", "start", "end"),
    [(LEFT, (1, 1), (0, 1)), (RIGHT, (1, 1), (2, 1)), (UP, (1, 1), (1, 0)), (DOWN, (1, 1), (1, 2)),
     (RIGHT, (1, 0), (1, 0)), (LEFT, (0, 1), (0, 1)), (UP, (0, 0), (0, 0)), (DOWN, (0, 1), (0, 1)), (DOWN, (2, 2), (2, 2))],
)  # fmt: skip
def test_moves_walls_and_edges(action: int, start: tuple[int, int], end: tuple[int, int]) -> None:
    world = Maze(SMALL)
    state, reward, done = world.step(at(world, *start), torch.tensor([action]), Streams([0]))
    assert agent(world, state) == list(end)
    assert (reward.item(), done.item()) == (0, False)


def test_the_goal_pays_once_the_switch_is_on() -> None:
    world = Maze(SMALL, goal=True, switch=True)
    state = at(world, 1, 1, 1, 2, 1, 0, 0)  # agent, goal below it, switch above it, off
    rewards, ends = [], []
    for action in (DOWN, UP, UP, TOGGLE, DOWN, DOWN):
        state, reward, done = world.step(state, torch.tensor([action]), Streams([0]))
        rewards.append(round(reward.item(), 5))
        ends.append(done.item())
    assert rewards == [-0.1] * 5 + [0.9]
    assert ends == [False] * 5 + [True]
    assert world.get_factors(state)[0, -1] == 1


def test_toggling_away_from_the_switch_does_nothing() -> None:
    world = Maze(SMALL, switch=True)
    state, _, _ = world.step(at(world, 0, 0, 1, 1, 0), torch.tensor([TOGGLE]), Streams([0]))
    assert world.get_factors(state).tolist() == [[0, 0, 1, 1, 0]]


def test_nothing_starts_in_a_wall_or_on_another_thing_and_all_tiles_come_up() -> None:
    world = Maze(SMALL, goal=True, switch=True)
    state = world.reset(4000, Streams(range(4000)))
    places = torch.stack([state.agent, state.goal, state.switch], 1)
    assert not world.walls[places].any()
    assert all((places[:, i] != places[:, j]).all() for i, j in [(0, 1), (0, 2), (1, 2)])
    counts = torch.bincount(state.agent, minlength=9)[~world.walls]
    assert counts.min() > 4000 / 7 * 0.85


@pytest.mark.parametrize(
    ("values", "text"),
    [((2, 0, 1, 1, 0, 0, 0), r"'agent.x', 'agent.y' can't be \(2, 0\).*a wall is there"),
     ((0, 0, 0, 2, 0, 1, 0), r"'goal.x', 'goal.y' can't be \(0, 2\).*a wall"),
     ((0, 0, 1, 1, 1, 1, 0), r"'switch.x', 'switch.y'.*the goal is there")],
)  # fmt: skip
def test_impossible_places_are_named(values: tuple[float, ...], text: str) -> None:
    world = Maze(SMALL, goal=True, switch=True)
    with pytest.raises(ValueError, match=text):
        at(world, *values)


@pytest.mark.parametrize(
    ("options", "text"),
    [({"layout": ["..", "."]}, "all of one length"), ({"layout": ["ab"]}, "rows of"), ({"layout": []}, "rows of"),
     ({"layout": [".#"]}, "1 free tiles"), ({"layout": [".#."]}, "can't be reached"),
     ({"image_size": 4}, "less than a pixel a tile")],
)  # fmt: skip
def test_impossible_mazes_are_refused(options: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Maze(**options)  # type: ignore[arg-type]


def test_a_start_that_factors_leave_no_room_for_is_refused() -> None:
    with pytest.raises(ValueError, match="no free tile for the agent"):
        gymnasium.make("unbraid/Maze-v0").reset(seed=0, options={"factors": {"agent.x": 1, "agent.y": 1}})


def test_pixels_are_the_tiles() -> None:
    world = Maze(image_size=64)
    image = world.observe(at(world, 3, 4))[0].numpy().astype(int)
    orange, floor, red = (236, 140, 30), (242, 240, 235), (204, 30, 40)
    for y, row in enumerate(LAYOUT):
        for x, tile in enumerate(row):
            middle = tuple(image[8 * y + 4, 8 * x + 4])
            assert middle == (red if (x, y) == (3, 4) else orange if tile == "#" else floor)


@pytest.mark.parametrize("size", [8, 20, 64, 100])
def test_any_image_size_is_filled_from_the_top_left(size: int) -> None:
    world = Maze(image_size=size)
    image = world.observe(world.reset(2, Streams([0, 1])))
    tile = size // 8
    assert image.shape == (2, size, size, 3)
    assert (image[:, 8 * tile :] == 0).all() and (image[:, :, 8 * tile :] == 0).all()
    assert (image[:, : 8 * tile, : 8 * tile] > 0).all()


@given(seed=st.integers(0, 10**6))
def test_shortest_paths_are_a_metric_that_steps_obey(seed: int) -> None:
    world = Maze()
    free = (~world.walls).nonzero()[:, 0]
    far = world.distances()[free][:, free]
    assert (far.diagonal() == 0).all() and torch.equal(far, far.T)
    assert ((far[:, :, None] + far[None]).amin(1) >= far).all()
    rng = np.random.default_rng(seed)
    state = world.reset(20, Streams(range(seed, seed + 20)))
    start = world.get_factors(state)
    for taken in range(1, 12):
        state, _, _ = world.step(state, torch.from_numpy(rng.integers(4, size=20)), Streams(range(20)))
        assert (world.shortest_path(start, world.get_factors(state)) <= taken).all()


def test_distance_around_a_wall() -> None:
    world = Maze(["...", ".#.", "..."])
    corner = torch.tensor([[0.0, 1.0]])
    assert world.shortest_path(corner, torch.tensor([[2.0, 1.0]])).item() == 4


def test_every_place_looks_different() -> None:
    world = Maze()
    free = (~world.walls).nonzero()[:, 0]
    images = world.observe(world.set_factors(torch.stack([free % 8, free // 8], 1).float()))
    assert len(images.flatten(1).unique(dim=0)) == len(free)
