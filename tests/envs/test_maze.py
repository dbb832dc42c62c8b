"""The maze: moves, walls, levels, levels' difficulty, views, and options that make no sense."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from unbraid import lookup
from unbraid.envs import Streams
from unbraid.envs.maze import VOCABULARY, Maze, words_of
from unbraid.envs.maze.state import BLOCK, OUTSIDE

SMALL = ("..#", "...", "#..")
LAYOUT = gymnasium.spec("unbraid/Maze-v0").kwargs["layout"]


def at(world: Maze, **values: float) -> Any:
    """One state with these factors, as in ``agent_x=1``; all others are 0, or the lowest."""
    named = {name.replace("_", "."): value for name, value in values.items()}
    unknown = set(named) - {factor.name for factor in world.factors}
    assert not unknown, unknown
    return world.set_factors(torch.tensor([[named.get(factor.name, factor.low) for factor in world.factors]]))


def value(world: Maze, state: Any, name: str) -> float:
    """A factor of the first row."""
    names = [factor.name for factor in world.factors]
    return float(world.get_factors(state)[0, names.index(name)])


def play(world: Maze, state: Any, *actions: str) -> tuple[Any, list[float], list[bool]]:
    """Actions by name, one after another: the last state, rewards and ends."""
    rewards, ends = [], []
    for action in actions:
        state, reward, done = world.step(state, torch.tensor([world.action_names.index(action)]), Streams([0]))
        rewards.append(round(float(reward), 5))
        ends.append(bool(done))
    return state, rewards, ends


@pytest.mark.parametrize(
    ("action", "start", "end"),
    [("left", (1, 1), (0, 1)), ("right", (1, 1), (2, 1)), ("up", (1, 1), (1, 0)), ("down", (1, 1), (1, 2)),
     ("right", (1, 0), (1, 0)), ("left", (0, 1), (0, 1)), ("up", (0, 0), (0, 0)), ("down", (0, 1), (0, 1)),
     ("down", (2, 2), (2, 2))],
)  # fmt: skip
def test_moves_walls_and_edges(action: str, start: tuple[int, int], end: tuple[int, int]) -> None:
    world = Maze(layout=SMALL)
    state, reward, done = play(world, at(world, agent_x=start[0], agent_y=start[1]), action)
    assert (value(world, state, "agent.x"), value(world, state, "agent.y")) == end
    assert (reward, done) == ([0.0], [False])


def test_actions_by_name_redundant_combined_and_in_sequence() -> None:
    world = Maze(layout=("...",) * 3, actions=("up", "up", "down+left"))
    assert world.action_names == ("up", "up", "down+left")
    state, _, _ = play(world, at(world, agent_x=2, agent_y=0), "down+left")
    assert (value(world, state, "agent.x"), value(world, state, "agent.y")) == (1, 1)
    macro = gymnasium.make("unbraid/MazeMacro-v0").unwrapped
    assert macro.action_space.n == 6**3
    assert macro.action_names[0] == "left+left+left"


def test_a_sequence_stops_where_the_episode_ends() -> None:
    world = Maze(layout=("....",), game="single_goal", macro_steps=3)
    state, rewards, ends = play(world, at(world, agent_x=0, goal_x=2), "right+right+right")
    assert (value(world, state, "agent.x"), rewards, ends) == (2, [0.8], [True])


def test_agents_with_shorter_sequences_wait_for_the_others() -> None:
    world = Maze(layout=("....",) * 4, agents=2, actions=("right", "down+left"))
    start = at(world, agent0_x=1, agent0_y=0, agent1_x=1, agent1_y=2)
    first_long, _, _ = world.step(start, torch.tensor([[1, 0]]), Streams([0]))
    first_short, _, _ = world.step(start, torch.tensor([[0, 1]]), Streams([0]))
    assert world.get_factors(first_long)[0].tolist() == [0, 1, 2, 2]
    assert world.get_factors(first_short)[0].tolist() == [2, 0, 0, 3]


def test_boxes_are_pushed_but_not_into_walls_or_each_other() -> None:
    world = Maze(layout=("....", "...."), game="push_block")
    start = at(world, agent_x=0, agent_y=0, box_x=1, box_y=0, switch_x=3, switch_y=1)
    moved, _, _ = play(world, start, "right")
    assert value(world, moved, "agent.x") == 0, "walking does not push"
    pushed, _, _ = play(world, start, "push right")
    assert (value(world, pushed, "agent.x"), value(world, pushed, "box.x")) == (1, 2)
    stuck, _, _ = play(world, pushed, "push right", "push right", "push right")
    assert (value(world, stuck, "agent.x"), value(world, stuck, "box.x")) == (2, 3)
    away, _, _ = play(world, start, "push left", "push down")
    assert torch.equal(world.get_factors(away), world.get_factors(start)), "there is no box to push"


def test_agents_block_each_other_and_act_in_turn() -> None:
    world = Maze(layout=("...",), agents=2)
    state = at(world, agent0_x=0, agent1_x=1)
    left, right = (world.action_names.index(name) for name in ("left", "right"))
    both, _, _ = world.step(state, torch.tensor([[right, right]]), Streams([0]))
    assert world.get_factors(both)[0].tolist() == [0, 0, 2, 0], (
        "the first finds its way blocked, then the second leaves"
    )
    swapped, _, _ = world.step(both, torch.tensor([[right, left]]), Streams([0]))
    assert world.get_factors(swapped)[0].tolist() == [1, 0, 2, 0]


def test_breadcrumbs_stay_and_show() -> None:
    world = Maze(layout=("...",), breadcrumbs=True)
    start = at(world, agent_x=1)
    state, _, _ = play(world, start, "breadcrumb", "right")
    names = [factor.name for factor in world.factors]
    assert [value(world, state, f"breadcrumb{k}") for k in range(3)] == [0, 1, 0], names
    assert not torch.equal(world.observe(state), world.observe(at(world, agent_x=2)))


def test_others_wander_everywhere_but_through_walls() -> None:
    world = Maze(layout=LAYOUT, npcs=3)
    rng = Streams(range(200))
    state = world.reset(200, rng)
    seen = set()
    for _ in range(60):
        state, _, _ = world.step(state, torch.zeros(200, dtype=torch.int64), rng)
        seen |= set(state.npc.flatten().tolist())
    assert seen == {k for k, tile in enumerate("".join(LAYOUT)) if tile == "."}


def test_everything_starts_on_a_floor_tile_of_its_own_and_all_tiles_come_up() -> None:
    world = Maze(layout=SMALL, game="conditional_goals", goals=2)
    state = world.reset(3000, Streams(range(3000)))
    places = torch.cat([state.agent, state.goal, state.switch], 1)
    walls = torch.tensor([tile == "#" for tile in "".join(SMALL)])
    assert not walls[places].any()
    assert (places.sort(1).values.diff(dim=1) > 0).all()
    assert torch.bincount(state.goal[:, 0], minlength=9)[~walls].min() > 3000 / 7 * 0.8


@pytest.mark.parametrize(
    ("values", "text"),
    [({"agent_x": 2, "goal0_x": 1, "goal1_y": 1}, r"'agent.x', 'agent.y' can't be \(2, 0\).*a wall is there"),
     ({"goal0_y": 2, "goal1_x": 1}, r"'goal0.x', 'goal0.y' can't be \(0, 2\).*a wall"),
     ({"goal0_x": 1, "goal1_x": 1}, r"'goal1.x', 'goal1.y' can't be \(1, 0\).*another goal"),
     ({"goal0_x": 1, "switch_x": 1, "goal1_y": 1}, r"'switch.x', 'switch.y'.*another goal or switch")],
)  # fmt: skip
def test_impossible_places_are_named(values: dict[str, float], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        at(Maze(layout=SMALL, game="conditional_goals", goals=2), **values)


def test_two_boxes_cannot_be_on_one_tile_nor_an_agent_in_a_closed_door() -> None:
    with pytest.raises(ValueError, match=r"'box.x', 'box.y' can't be \(1, 0\).*another agent or box"):
        at(Maze(layout=("...",), game="push_block_cardinal"), agent_x=1, box_x=1)
    world = Maze(game="light_key", size=5, blocks=0)
    state = world.reset(1, Streams([0]))
    values = world.get_factors(state)
    names = [factor.name for factor in world.factors]
    for axis in "xy":
        values[0, names.index(f"agent.{axis}")] = values[0, names.index(f"door.{axis}")]
    with pytest.raises(ValueError, match=r"'agent.x', 'agent.y'.*a wall is there"):
        world.set_factors(values)
    values[0, names.index("door.open")] = 1
    assert world.get_factors(world.set_factors(values)).tolist() == values.tolist()


def test_what_a_level_does_not_have_cannot_be_set() -> None:
    world = Maze(game="multi_goals", goals=(2, 6), size=6)
    state = world.reset(50, Streams(range(50)))
    values = world.get_factors(state)[(state.goal[:, 5] < 0).nonzero()[:1, 0]]
    names = [factor.name for factor in world.factors]
    values[0, names.index("goal5.x")] = 1
    with pytest.raises(ValueError, match=r"factor 'goal5.x' must be 0: there is none"):
        world.set_factors(values)


@pytest.mark.parametrize(
    ("options", "text"),
    [({"layout": ["..", "."]}, "all of one length"), ({"layout": ["ab"]}, "rows of"), ({"layout": []}, "rows of"),
     ({"image_size": 4}, "less than a pixel a tile"), ({"size": 40}, r"size must be a whole number of 2 \.\. 32"),
     ({"blocks": (0, 0.9)}, r"blocks must be a number of 0 \.\. 0\.5"), ({"size": 4.5}, "whole number"),
     ({"game": "chess"}, "game must name one of blocked_door"), ({"observation": "smell"}, "observation must name"),
     ({"colours": 1}, r"colours must be a whole number of 2 \.\. 10"), ({"actions": ("fly",)}, "fly"),
     ({"game": "switches", "switches": 1}, "at least 2"), ({"agents": 0}, "agents must be"),
     ({"observation": ("grid", "grid")}, "each once"), ({"layout": "...."}, "lists of strings"), ({"actions": ()}, "lists of"),
     ({"size": (True, 8)}, "whole number"), ({"game": "goto", "decoys": 2}, "decoys is for push_block, not for goto"),
     ({"game": "single_goal", "enemies": 3}, "enemies is for combat")],
)  # fmt: skip
def test_impossible_options_are_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Maze(**options)


@pytest.mark.parametrize(("option", "value", "text"), [("stop", "no", "true or false"), ("agents", 1.5, "a whole number"),
                                                        ("image_size", True, "a whole number")])  # fmt: skip
def test_options_of_another_type_are_refused(option: str, value: object, text: str) -> None:
    with pytest.raises(ValueError, match=rf"option {option} of Maze must be {text}, not"):
        gymnasium.make("unbraid/Maze-v0", **{option: value})


@pytest.mark.parametrize(
    ("options", "text"),
    [({"game": "combat", "size": 2, "enemies": 5, "blocks": 0}, "lower enemies, or raise size"),
     ({"layout": ["###", "###"]}, "give a layout with more floor"),
     ({"game": "switches", "size": 2, "switches": 5, "blocks": 0.1}, "lower switches or blocks, or raise size")],
)  # fmt: skip
def test_what_to_relax_is_what_was_asked_for(options: dict[str, Any], text: str) -> None:
    world = Maze(**options)
    with pytest.raises(ValueError, match=text):
        world.reset(1, Streams([0]))


def test_a_maze_without_room_says_what_to_relax_instead_of_hanging() -> None:
    world = Maze(game="multi_goals", size=2, goals=6, blocks=0)
    with pytest.raises(ValueError, match=r"no solvable maze found in 300 attempts; lower goals, or raise size"):
        world.reset(1, Streams([0]))
    with pytest.raises(ValueError, match=r"fix other values than agent\.x=1, agent\.y=1"):
        gymnasium.make("unbraid/MazeGoal-v0").reset(seed=0, options={"factors": {"agent.x": 1, "agent.y": 1}})


def test_a_level_is_its_number_and_difficulty_goes_from_easiest_to_hardest() -> None:
    world = Maze(game="single_goal", size=(4, 9), blocks=(0, 0.2), levels=50, first_level=100)
    rng = Streams(range(400))
    state = world.reset(400, rng)
    assert (state.level.min(), state.level.max()) == (100, 149)
    terrain_of: dict[int, bytes] = {}
    for level, terrain in zip(state.level.tolist(), state.terrain.numpy(), strict=True):
        assert terrain_of.setdefault(level, terrain.tobytes()) == terrain.tobytes()
    sides = (state.terrain != OUTSIDE).sum(1).sqrt()
    assert (sides.min(), sides.max()) == (4, 9)
    easy = world.reset(50, Streams(range(50)), {"factors": {"difficulty": 0}})
    assert ((easy.terrain != OUTSIDE).sum(1) == 16).all() and not (easy.terrain == BLOCK).any()


@settings(max_examples=10)
@given(seed=st.integers(0, 10**6))
def test_terrain_has_the_stated_density_and_border(seed: int) -> None:
    world = Maze(size=10, blocks=0.2, water=0.1, boundary=True, corners=True)
    terrain = world.reset(5, Streams(range(seed, seed + 5))).terrain.view(5, 10, 10)
    ring = torch.ones(10, 10, dtype=torch.bool)
    ring[1:-1, 1:-1] = False
    assert (terrain[:, ring] == BLOCK).all()
    assert ((terrain[:, ~ring] == BLOCK).sum(1) == 20).all() and ((terrain == 1).flatten(1).sum(1) == 10).all()


def test_pixels_are_the_tiles() -> None:
    world = Maze(layout=LAYOUT)
    image = world.observe(at(world, agent_x=3, agent_y=4))[0].numpy().astype(int)
    orange, floor, red = (236, 140, 30), (242, 240, 235), (204, 30, 40)
    for y, row in enumerate(LAYOUT):
        for x, tile in enumerate(row):
            middle = tuple(image[8 * y + 4, 8 * x + 4])
            assert middle == (red if (x, y) == (3, 4) else orange if tile == "#" else floor)


def test_negatives_show_the_same_mazes() -> None:
    seen, negative = (Maze(negative=flag) for flag in (False, True))
    states = [world.reset(3, Streams(range(3))) for world in (seen, negative)]
    assert torch.equal(seen.get_factors(states[0]), negative.get_factors(states[1]))
    assert torch.equal(255 - seen.observe(states[0]), negative.observe(states[1]))


@pytest.mark.parametrize("size", [8, 20, 64, 100])
def test_any_image_size_is_filled_from_the_top_left(size: int) -> None:
    world = Maze(layout=LAYOUT, image_size=size)
    image = world.observe(world.reset(2, Streams([0, 1])))
    tile = size // 8
    assert image.shape == (2, size, size, 3)
    assert (image[:, 8 * tile :] == 0).all() and (image[:, :, 8 * tile :] == 0).all()
    assert (image[:, : 8 * tile, : 8 * tile] > 0).all()


def test_grids_hold_the_words_of_each_tile() -> None:
    world = Maze(layout=SMALL, game="conditional_goals", goals=2, observation=("grid", "indices", "egocentric"), view=1)
    state = at(world, agent_x=1, agent_y=1, goal0_x=1, goal1_y=1, switch_x=1, switch_y=2, switch_colour=1)
    seen = world.observe(state)
    assert isinstance(seen, dict)
    words = world.grids.words

    def of(cell: Tensor) -> set[str]:
        return {words[k] for k in cell.nonzero()[:, 0].tolist()}

    grid, near = seen["grid"][0], seen["egocentric"][0]
    assert (of(grid[0, 2]), of(grid[1, 1]), of(grid[0, 0])) == ({"block"}, {"agent"}, set())
    assert of(grid[0, 1]) == {"goal", "goal0"} and of(grid[2, 1]) == {"switch", "colour1"}
    assert torch.equal(near, grid), "the map's middle sees the whole 3x3 map"
    for y in range(3):
        for x in range(3):
            listed = {words[k - 1] for k in seen["indices"][0, y, x].tolist() if k}
            assert listed == of(grid[y, x])
    corner = world.observe(at(world, agent_x=0, agent_y=0, goal0_x=1, goal1_y=1, switch_x=1, switch_y=2))
    assert isinstance(corner, dict)
    view = corner["egocentric"][0]
    assert of(view[0, 0]) == of(view[0, 2]) == of(view[2, 0]) == {"outside"}
    assert of(view[1, 1]) == {"agent"} and of(view[1, 2]) == {"goal", "goal0"}


@pytest.mark.parametrize("game", [*lookup.names("envs.maze.games"), "mixture"])
def test_word_numbers_leave_no_word_of_a_tile_out(game: str) -> None:
    """Also where an agent is in an open door, and what is placed by hand lies on water."""
    crowd = {"agents": 3, "enemies": 4} if game == "combat" else {}
    world = Maze(game=game, size=5, observation=("grid", "indices"), water=0.2, **crowd)
    n, rng = 60, Streams(range(60))
    state, draws = world.reset(n, rng), np.random.default_rng(0)
    state = state._replace(terrain=torch.where(state.terrain == 0, 1, state.terrain).to(torch.uint8))
    if state.door.shape[1]:
        there = (state.door[:, :1] >= 0) & ~(state.box == state.door[:, :1]).any(1, keepdim=True)
        state = state._replace(agent=torch.where(there, state.door[:, :1], state.agent), open=state.door >= 0)
    for _ in range(15):
        seen = world.observe(state)
        assert isinstance(seen, dict)
        assert torch.equal((seen["indices"] > 0).sum(-1), seen["grid"].sum(-1))
        actions = draws.integers(len(world.action_names), size=(n, *world.action_space.shape))
        state, _, _ = world.step(state, torch.from_numpy(actions), rng)


def test_every_agent_has_a_view_of_its_own() -> None:
    world = Maze(layout=("...",), agents=2, observation="egocentric", view=1)
    views = world.observe(at(world, agent0_x=0, agent1_x=2))
    outside = world.grids.words.index("outside")
    assert isinstance(views, Tensor) and views.shape == (1, 2, 3, 3, len(world.grids.words))
    assert views[0, :, 1, :, outside].tolist() == [[1, 0, 0], [0, 0, 1]]


def test_sentences_say_where_everything_is_and_what_to_do() -> None:
    world = Maze(layout=SMALL, game="goto", visible=1, observation=("sentences", "relative_sentences", "instruction"))
    seen = world.observe(at(world, agent_x=1, agent_y=1, goal_x=1, goal_y=2, goal_shown=1))
    assert isinstance(seen, dict)
    lines = {name: [words_of(line) for line in part[0].tolist()] for name, part in seen.items()}
    assert lines["instruction"] == ["go to x1 y2"]
    found = ["go to x1 y2", "x2 y0 block", "x1 y1 agent", "x0 y2 block", "x1 y2 goal goal0"]
    assert [line for line in lines["sentences"] if line] == found
    assert lines["sentences"][len(found) :] == [""] * (len(lines["sentences"]) - len(found)), "padding comes last"
    assert lines["relative_sentences"][:3] == ["go to x+0 y+1", "x+1 y-1 block", "x+0 y+0 agent"]
    assert world.observation_space["sentences"].high.max() == len(VOCABULARY) - 1


def test_a_player_is_told_in_words() -> None:
    env = gymnasium.make("unbraid/MazeMultiGoals-v0").unwrapped
    env.reset(seed=1)
    assert env.describe() == "visit goal1"
    maze = gymnasium.make("unbraid/Maze-v0").unwrapped
    maze.reset(seed=0)
    assert maze.describe() == ""


def test_a_single_view_or_a_dict_of_them() -> None:
    env = gymnasium.make_vec("unbraid/MazeGoto-v0", 3, observation=["pixels", "instruction"])
    seen, _ = env.reset(seed=0)
    assert env.observation_space.contains(seen) and set(seen) == {"pixels", "instruction"}
    last = env.step(np.zeros(3, dtype=int))[0]
    assert env.observation_space.contains(last)


def test_distances_are_a_metric_that_steps_obey() -> None:
    world = Maze(layout=LAYOUT)
    free = torch.tensor([tile == "." for tile in "".join(LAYOUT)])
    starts = free.nonzero()[:, 0]
    far = world.places.distances(starts, free.expand(len(starts), -1))[:, starts]
    assert (far.diagonal() == 0).all() and torch.equal(far, far.T) and (far >= 0).all()
    assert ((far[:, :, None] + far[None]).amin(1) >= far).all()
    state, rng = world.reset(20, Streams(range(20))), np.random.default_rng(0)
    start = world.get_factors(state)
    for taken in range(1, 12):
        state, _, _ = world.step(state, torch.from_numpy(rng.integers(4, size=20)), Streams(range(20)))
        assert (world.shortest_path(start, world.get_factors(state)) <= taken).all()


def test_distance_around_a_wall() -> None:
    world = Maze(layout=["...", ".#.", "..."])
    assert world.shortest_path(torch.tensor([[0.0, 1.0]]), torch.tensor([[2.0, 1.0]])).item() == 4
