"""Others who wander about a maze: whatever agents do, and seen wherever they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from unbraid.envs import Streams
from unbraid.envs.maze import Maze, words_of

from .test_maze import LAYOUT, at

GREY, RED, BROWN, FLOOR = (140, 140, 150), (204, 30, 40), (120, 80, 50), (242, 240, 235)
BOXED = {"layout": ("......",) * 6, "game": "push_block", "npcs": 1}


def course(world: Maze, n: int, seed: int, steps: int = 40) -> tuple[Any, Tensor]:
    """First states of ``n`` mazes, and where others are, ``(steps, n, npcs)``, under the random actions of a seed."""
    rng, draws = Streams(range(n)), np.random.default_rng(seed)
    state = first = world.reset(n, rng)
    found = []
    for _ in range(steps):
        actions = draws.integers(len(world.action_names), size=(n, *(world.action_space.shape or ())))
        state, _, _ = world.step(state, torch.from_numpy(actions), rng)
        found.append(state.npc)
    return first, torch.stack(found)


def colours(world: Maze, state: Any, x: int, y: int) -> set[tuple[int, ...]]:
    """What a tile of the first picture shows."""
    side = world.settings.image_size // world.settings.longest
    image = world.render(state)[0, side * y : side * (y + 1), side * x : side * (x + 1)]
    return {tuple(pixel) for pixel in image.reshape(-1, 3).tolist()}


@pytest.mark.parametrize(
    "options",
    [{"npcs": 3}, {"game": "light_key", "npcs": 1, "size": 5}, {"game": "push_block", "npcs": 1, "size": 5},
     {"game": "mixture", "npcs": 2, "size": 6}, {"game": "combat", "npcs": 2, "agents": 2},
     {"npcs": 1, "actions": ("left", "down+left", "up+right+up")},
     {"game": "single_goal", "size": 4, "npcs": 1, "macro_steps": 3, "stop": True}],
)  # fmt: skip
def test_where_they_wander_does_not_depend_on_what_agents_do(options: dict[str, Any]) -> None:
    world, n = Maze(**options), 50
    (first, one), (same, other) = course(world, n, seed=1), course(world, n, seed=2)
    assert torch.equal(first.agent, same.agent) and torch.equal(one, other)


def test_every_way_is_taken_as_often_and_only_blocks_bar_it() -> None:
    world = Maze(layout=LAYOUT, npcs=1)
    _, paths = course(world, 1000, seed=0)
    here, there = paths[:-1, :, 0], paths[1:, :, 0]
    free = torch.tensor([tile == "." for tile in "".join(LAYOUT)])
    for tile in (0, 27, 18):  # a corner, one with floor all around, one beside a block
        ends = torch.bincount(there[here == tile], minlength=64).double()
        leads = world.places.reach[:, tile]
        expected = torch.bincount(torch.where(free[leads], leads, tile), minlength=64) / 5
        assert (ends / ends.sum() - expected).abs().max() < 0.05


def test_they_show_on_everybodys_tile_and_hide_nobody() -> None:
    world = Maze(**BOXED, image_size=60)
    away = {"switch_x": 1, "switch_y": 3, "box_x": 4, "box_y": 5, "agent_x": 2, "agent_y": 4}
    assert colours(world, at(world, **away, npc_x=3, npc_y=2), 3, 2) >= {GREY, FLOOR}
    for x, y, who in ((2, 4, RED), (4, 5, BROWN)):
        shared = at(world, **away, npc_x=x, npc_y=y)
        assert colours(world, shared, x, y) >= {GREY, who} and GREY not in colours(world, shared, 3, 2)
        mask = world.get_masks(shared)[0, world.object_names.index("npc")]
        assert mask[10 * y : 10 * y + 10, 10 * x : 10 * x + 10].sum() == mask.sum() > 8


@pytest.mark.parametrize("side", [6, 8, 16])
def test_they_show_on_small_tiles_too(side: int) -> None:
    world = Maze(**BOXED, image_size=6 * side)
    away = {"switch_x": 1, "switch_y": 3, "box_x": 4, "box_y": 5, "agent_x": 2, "agent_y": 4}
    for x, y in ((3, 2), (2, 4), (4, 5), (1, 3)):
        assert GREY in colours(world, at(world, **away, npc_x=x, npc_y=y), x, y)


def test_words_and_grids_tell_of_them() -> None:
    world = Maze(**BOXED, observation=("sentences", "grid"))
    seen = world.observe(at(world, agent_x=2, agent_y=4, npc_x=2, npc_y=4, box_x=4, box_y=5, switch_x=1, switch_y=3))
    assert isinstance(seen, dict)
    assert "x2 y4 agent npc" in {words_of(line) for line in seen["sentences"][0].tolist()}
    assert seen["grid"][0, 4, 2, world.grids.words.index("npc")] == 1


@pytest.mark.parametrize("npcs", [-1, 6, 1.5])
def test_an_impossible_number_of_them_is_refused(npcs: float) -> None:
    with pytest.raises(ValueError, match=rf"npcs must be a whole number of 0 \.\. 5, not {npcs}"):
        Maze(npcs=npcs)
