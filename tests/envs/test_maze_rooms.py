"""Rooms with a box, a switch and a door, with somebody who wanders among them; and walking that pushes."""

from __future__ import annotations

from typing import Any

import gymnasium
import pytest
import torch

from unbraid.envs import Rollout, Streams
from unbraid.envs.maze import Maze
from unbraid.envs.maze.expert import Expert

from .test_maze import at, play, value
from .test_maze_others import GREY, colours, course

ROOMS = {name: option for name, option in gymnasium.spec("unbraid/MazeDistractor-v0").kwargs.items() if name != "world"}


@pytest.mark.parametrize(
    "options",
    [ROOMS, {"game": "rooms", "npcs": 2, "size": 6}, {"game": "push_block", "npcs": 1, "size": 5, "pushing": True}],
)
def test_where_others_wander_does_not_depend_on_boxes_switches_and_doors(options: dict[str, Any]) -> None:
    world, n = Maze(**options), 50
    (first, one), (same, other) = course(world, n, seed=1), course(world, n, seed=2)
    assert torch.equal(first.agent, same.agent) and torch.equal(one, other)


def test_others_stay_on_the_floor_of_their_room() -> None:
    world = Maze(**ROOMS)
    first, paths = course(world, 2000, seed=0)
    assert set(paths.unique().tolist()) == {k for k, tile in enumerate("".join(ROOMS["layout"])) if tile == "."}
    near = world.places.connected
    assert near is not None and near[first.npc[:, 0], paths[-1, :, 0]].all(), "doors are walls to them"


def test_the_picture_shows_all_there_is() -> None:
    world = Maze(**ROOMS)
    there = {"agent_x": 2, "agent_y": 4, "npc_x": 3, "npc_y": 6, "box_x": 7, "box_y": 5, "switch_x": 1, "switch_y": 3}
    shut = at(world, **there, door_x=5, door_y=4)
    middles = world.observe(shut)[0, 3:60:6, 3:60:6].tolist()  # type: ignore[index]
    looks = {(2, 4): (204, 30, 40), (3, 6): GREY, (7, 5): (120, 80, 50), (1, 3): (190, 225, 170), (5, 4): (90, 50, 10)}
    for y, row in enumerate(ROOMS["layout"]):
        for x, tile in enumerate(row):
            ground = (242, 240, 235) if tile == "." else (236, 140, 30)
            assert tuple(middles[y][x]) == looks.get((x, y), ground)
    opened = at(world, **there, door_x=5, door_y=4, door_open=1, switch_colour=1)
    assert (242, 240, 235) in colours(world, opened, 5, 4) and (10, 90, 20) in colours(world, opened, 1, 3)
    beside = at(world, **{**there, "npc_x": 2, "npc_y": 4}, door_x=5, door_y=4)
    assert GREY in colours(world, beside, 2, 4), "on the agent, at 64x64"


def test_the_switch_opens_the_door_and_shuts_it_again() -> None:
    world = Maze(layout=("..|..",), game="rooms", pushing=True)
    assert world.action_names == ("left", "right", "up", "down", "toggle")
    start = at(world, agent_x=0, box_x=3, switch_x=1, door_x=2)
    state, rewards, ends = play(world, start, "right", "right", "toggle")
    assert [value(world, state, name) for name in ("agent.x", "switch.colour", "door.open")] == [1, 1, 1]
    through, _, _ = play(world, state, "right", "right")
    assert [value(world, through, name) for name in ("agent.x", "box.x")] == [3, 4]
    again, _, _ = play(world, state, "toggle")
    assert [value(world, again, name) for name in ("switch.colour", "door.open")] == [0, 0]
    assert rewards == [0, 0, 0] and ends == [False] * 3 and world.get_info(state) == {}


def test_a_door_does_not_shut_on_a_box() -> None:
    world = Maze(layout=("..|..", "....."), game="rooms")
    start = at(world, agent_x=0, box_x=2, switch_x=0, door_x=2, door_open=1)
    state, _, _ = play(world, start, "toggle")
    assert [value(world, state, name) for name in ("switch.colour", "door.open")] == [1, 1]
    assert torch.equal(world.get_factors(world.set_factors(world.get_factors(state))), world.get_factors(state))


def test_rooms_beside_a_game_whose_door_has_a_colour() -> None:
    world, n = Maze(game=("rooms", "light_key"), size=6, colours=3, npcs=1), 200
    state = world.reset(n, Streams(range(n)))
    state = state._replace(agent=torch.where(state.door == state.switch, state.agent, state.switch))
    toggle = torch.full((n,), world.action_names.index("toggle"))
    after, _, _ = world.step(state, toggle, Streams(range(n)))
    free, alternates = (after.door >= 0)[:, 0], state.game == 0
    assert torch.equal(after.open[alternates], ~state.open[alternates]) and alternates.any()
    keys = free & ~alternates
    assert torch.equal(after.open[keys], (after.colour == after.task[:, :1])[keys]) and keys.any()


def test_walking_pushes_where_that_is_asked_for() -> None:
    world = Maze(layout=("....", "...."), game="push_block", pushing=True)
    assert world.action_names == ("left", "right", "up", "down")
    start = at(world, agent_x=0, box_x=1, switch_x=3, switch_y=1)
    pushed, _, _ = play(world, start, "right")
    assert [value(world, pushed, name) for name in ("agent.x", "box.x")] == [1, 2]
    stuck, _, _ = play(world, pushed, "right", "right")
    assert [value(world, stuck, name) for name in ("agent.x", "box.x")] == [2, 3]
    aside, _, _ = play(world, start, "down", "right", "up")
    assert [value(world, aside, name) for name in ("agent.x", "agent.y", "box.x")] == [1, 1, 1], "it is at the edge"


def test_an_expert_makes_use_of_walking_that_pushes() -> None:
    world = Maze(game="push_block", size=5, pushing=True)
    state = world.reset(20, Streams(range(20)))
    assert torch.isfinite(Expert(world, state).value(state)).all()


@pytest.mark.parametrize("options", [ROOMS, {"game": "rooms", "size": 6, "npcs": 1, "switches": 2}])
def test_rooms_start_with_everything_in_reach_and_nothing_decided(options: dict[str, Any]) -> None:
    world, n = Maze(**options), 2000
    state = world.reset(n, Streams(range(n)))
    assert world.places.at(state.switch, world.places.reachable(state)).all()
    assert not world.places.at(state.box, state.terrain >= 2).any()
    assert (world.places.pushable(state).flatten(1).any(1)).all() and not world.is_done(state).any()
    for colour in (0, 1):
        opened = state.open[state.colour[:, 0] == colour].float().mean().item()
        assert opened == pytest.approx(0.5, abs=0.2), "colour and door tell nothing of each other"


def test_every_door_that_the_layout_allows_comes_up_and_no_other() -> None:
    world = Maze(**ROOMS)
    state = world.reset(500, Streams(range(500)))
    gaps = [k for k, tile in enumerate("".join(ROOMS["layout"])) if tile == "|"]
    assert state.door.unique().tolist() == gaps
    assert "level" not in {factor.name for factor in world.factors}
    with pytest.raises(ValueError, match=r"'door\.x', 'door\.y' can't be \(5, 3\).*in a layout at '|'"):
        at(world, agent_x=2, agent_y=4, npc_x=2, npc_y=2, box_x=7, box_y=5, switch_x=1, switch_y=3, door_x=5, door_y=3)


def test_games_with_doors_take_layouts_too() -> None:
    world = Maze(layout=("...|...",) * 4, game="light_key")
    state = world.reset(50, Streams(range(50)))
    assert torch.isfinite(Expert(world, state).value(state)).all()
    barred = Maze(layout=("...|...",) * 4, game="blocked_door").reset(50, Streams(range(50)))
    assert torch.equal(barred.box, barred.door)


@pytest.mark.parametrize(
    ("options", "text"),
    [({"layout": ("....",) * 4, "game": "rooms"}, r"layout must have a '\|' where the door of rooms may be, not \['\.\.\.\."),
     ({"layout": ("....",), "game": ("goto", "light_key")}, "the door of light_key"),
     ({"layout": ("D...",)}, r"rows of '\.', '#', '~' and '\|'")],
)  # fmt: skip
def test_impossible_options_are_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Maze(**options)


def test_an_option_of_another_type_is_refused() -> None:
    with pytest.raises(ValueError, match="option pushing of Maze must be true or false, not 1"):
        gymnasium.make("unbraid/MazeDistractor-v0", pushing=1)


def test_random_play_moves_the_box_turns_the_switch_and_goes_through_the_door() -> None:
    """How often in an episode of 100 steps: enough to learn from."""
    world, n = Maze(**ROOMS), 1500
    play_on = Rollout(world, n)
    events = torch.zeros(3)
    for _ in range(100):
        before = play_on.state
        play_on.step()
        now = play_on.state
        enters = (now.agent == now.door) & (before.agent != before.door)
        events += torch.tensor([x.sum() for x in (now.box != before.box, now.colour != before.colour, enters)])
    assert (events / n > torch.tensor([0.5, 0.45, 0.45])).all(), events / n
