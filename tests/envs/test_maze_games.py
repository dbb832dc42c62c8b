"""The maze's games: what each pays and costs, when it is done, that it can be done, and the best way to do it."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unbraid import lookup
from unbraid.envs import Curriculum, Streams
from unbraid.envs.maze import Maze, words_of
from unbraid.envs.maze.expert import Expert
from unbraid.envs.maze.places import REGIONS

from .test_maze import at, play, value

GAMES = lookup.names("envs.maze.games")
ALONE = [game for game in GAMES if game not in ("explore", "rooms", "combat")]
WIDE = ("....", "....")


def told(world: Maze, state: Any) -> list[str]:
    lines = world.sentences.instruction(state)[0].tolist()
    return [words_of(line) for line in lines if any(line)]


def test_single_goal_pays_once_and_water_costs() -> None:
    world = Maze(layout=(".~..",), game="single_goal")
    _, rewards, ends = play(world, at(world, goal_x=3), "right", "right", "right")
    assert (rewards, ends) == ([-0.3, -0.1, 0.9], [False, False, True])


def test_multi_goals_must_be_visited_in_order() -> None:
    world = Maze(layout=WIDE, game="multi_goals", goals=3, active=2)
    start = at(world, goal0_x=1, goal1_x=2, goal2_x=3, task0=3, task1=1)
    assert told(world, start) == ["visit goal2", "then visit goal0"]
    state, rewards, ends = play(world, start, "right", "right", "right", "left", "left")
    assert rewards == [-0.3, -0.3, -0.1, -0.3, 0.9] and ends == [False] * 4 + [True]
    assert [value(world, state, f"goal{g}.visited") for g in range(3)] == [1, 0, 1]


def test_standing_on_a_wrong_goal_costs_once() -> None:
    world = Maze(layout=WIDE, game="multi_goals", goals=2, active=1, stop=True)
    start = at(world, agent_x=2, goal0_x=1, goal1_x=3, task=2)
    assert play(world, start, "left", "stop", "up")[1] == [-0.3, -0.1, -0.1]


def test_goals_can_be_told_by_their_places() -> None:
    world = Maze(layout=WIDE, game="multi_goals_absolute", goals=2, active=2)
    assert told(world, at(world, goal0_x=1, goal1_x=2, goal1_y=1, task0=2, task1=1)) == [
        "visit x2 y1",
        "then visit x1 y0",
    ]
    assert told(world, at(world, goal0_x=1, goal1_x=2, goal1_y=1, task0=1, task1=0)) == ["visit x1 y0"]


def test_the_switch_decides_which_goal_counts() -> None:
    world = Maze(layout=WIDE, game="conditional_goals", goals=2)
    start = at(world, goal0_x=1, goal1_x=2, switch_y=1, task0=1, task1=0)
    assert told(world, start) == ["if colour0 go to goal1", "if colour1 go to goal0"]
    assert play(world, start, "right", "right")[1:] == ([-0.3, 0.9], [False, True])
    assert play(world, start, "down", "toggle", "up", "right")[1:] == ([-0.1, -0.1, -0.1, 0.9], [False] * 3 + [True])


def test_excluded_goals_cost() -> None:
    world = Maze(layout=WIDE, game="exclusion", goals=3, active=1)
    start = at(world, goal0_x=1, goal1_x=2, goal2_x=3, task1=1)
    assert told(world, start) == ["avoid goal1"]
    assert play(world, start, "right", "right", "right")[1:] == ([-0.1, -0.6, 0.9], [False, False, True])


def test_all_switches_to_one_colour() -> None:
    world = Maze(layout=WIDE, game="switches", switches=2, colours=3)
    start = at(world, switch0_x=0, switch1_x=1, switch1_colour=2)
    _, rewards, ends = play(world, start, "toggle", "right", "toggle", "toggle")
    assert (rewards, ends) == ([-0.1, -0.1, -0.1, 0.9], [False, False, False, True])


def test_the_door_is_shut_until_the_switch_has_its_colour() -> None:
    world = Maze(game="light_key", size=5, blocks=0, water=0, colours=2)
    rng = Streams(range(100))
    state = world.reset(100, rng)
    assert not state.open.any() and (state.colour[:, 0] != state.task[:, 0]).all()
    assert (world.places.at(state.door, state.terrain >= 2)).all(), "the door is in the wall"
    near = world.places.reachable(state)
    behind = (~world.places.at(state.goal, near)[:, 0]).nonzero()[0]
    part = type(state)(*(field[behind] for field in state))
    expert = Expert(world, part)
    opened, steps = False, 0
    while True:
        action = expert.action(part)
        part, _, done = world.step(part, action, rng)
        opened |= bool(part.open.any())
        steps += 1
        if done:
            break
    assert opened and steps < 25


def test_toggling_on_shuts_the_door_again() -> None:
    world = Maze(game="light_key", size=5, blocks=0, colours=2)
    state = world.reset(1, Streams([3]))
    state = state._replace(agent=state.switch.clone())
    once, _, _ = play(world, state, "toggle")
    twice, _, _ = play(world, once, "toggle")
    assert (value(world, once, "door.open"), value(world, twice, "door.open")) == (1, 0)


def test_goto_tells_the_place_and_hides_the_goal_unless_visible() -> None:
    world = Maze(layout=WIDE, game="goto", visible=0.3)
    state = world.reset(4000, Streams(range(4000)))
    assert state.shown.float().mean().item() == pytest.approx(0.3, abs=0.03)
    hidden = at(world, goal_x=2, goal_y=1)
    assert told(world, hidden) == ["go to x2 y1"]
    assert torch.equal(world.observe(hidden), world.observe(at(world, goal_x=3, goal_y=1)))
    assert not torch.equal(world.observe(hidden), world.observe(at(world, goal_x=2, goal_y=1, goal_shown=1)))
    assert play(world, hidden, "right", "right", "down")[2] == [False, False, True]


def test_goto_hidden_names_a_goal_of_its_list() -> None:
    world = Maze(layout=WIDE, game="goto_hidden", goals=2)
    start = at(world, goal0_x=1, goal1_x=2, task=1)
    assert told(world, start) == ["go to goal1", "goal0 at x1 y0", "goal1 at x2 y0"]
    assert play(world, start, "right", "right")[1] == [-0.3, 0.9]


def test_cardinal_targets_lie_within_every_map() -> None:
    world = Maze(game="goto_cardinal", size=(3, 9), blocks=(0, 0.2))
    state = world.reset(500, Streams(range(500)))
    height, width = world.places.sides(state.terrain)
    for r, name in enumerate(REGIONS):
        tiles = world.places.region(state, torch.full((500,), r))
        x, y = (tiles * axis for axis in (world.places.x, world.places.y))
        assert tiles.any(1).all() and (x.amax(1) < width[:, 0]).all() and (y.amax(1) < height[:, 0]).all()
        if name == "bottom right":
            assert torch.equal(x.amax(1), width[:, 0] - 1) and torch.equal(y.amax(1), height[:, 0] - 1)
            assert (tiles.sum(1) == 1).all()
    assert play(world, at(world, agent_x=1, agent_y=1, difficulty=0, task=4), "left", "up")[2] == [False, True]


def test_goto_switch_wants_a_colour() -> None:
    world = Maze(layout=WIDE, game="goto_switch", switches=2, colours=4)
    start = at(world, switch0_x=1, switch0_colour=1, switch1_x=2, switch1_colour=3, task=3)
    assert told(world, start) == ["go to switch colour3"] and "toggle" not in world.action_names
    assert play(world, start, "right", "right")[2] == [False, True]


def test_push_block_wants_the_box_on_the_switch_of_the_colour() -> None:
    world = Maze(layout=WIDE, game="push_block", decoys=1, colours=2)
    start = at(world, box_x=1, switch0_x=2, switch0_colour=0, switch1_x=3, switch1_colour=1, task=1)
    assert told(world, start) == ["push box to switch colour1"]
    assert play(world, start, "push right", "push right")[1:] == ([-0.1, 0.9], [False, True])


def test_push_block_cardinal_wants_it_at_an_edge() -> None:
    world = Maze(layout=("....",) * 4, game="push_block_cardinal")
    start = at(world, agent_x=1, agent_y=1, box_x=1, box_y=2, task=3)
    assert told(world, start) == ["push box to bottom"]
    assert play(world, start, "push down")[1:] == ([0.9], [True])


def test_a_box_blocks_the_door_until_it_is_pushed_away() -> None:
    world = Maze(game="blocked_door", size=5, blocks=0)
    state = world.reset(200, Streams(range(200)))
    assert torch.equal(state.box, state.door) and state.open.all()
    across = ~world.places.at(state.goal, world.places.reachable(state))[:, 0]
    assert 0.1 < across.float().mean() < 0.9, "the goal is on either side"
    assert torch.isfinite(Expert(world, state).value(state)).all()


class TestCombat:
    """Shots, cooldowns and the enemies' turns, in a corridor."""

    @staticmethod
    def world(**options: Any) -> Maze:
        return Maze(**{"layout": ("........",), "game": "combat", "miss": 0, "noise": 0, "stop": True, **options})

    def test_a_shot_takes_health_and_needs_range_and_cooldown(self) -> None:
        world = self.world(speed=0, health=2, cooldown=2, shot_range=3)
        near = at(world, agent_x=0, agent_health=2, enemy_x=3, enemy_health=2)
        state, rewards, ends = play(world, near, "shoot 1", "shoot 1", "shoot 1")
        assert value(world, state, "enemy.health") == 1 and not any(ends), "the second and third came too early"
        state, rewards, ends = play(world, state, "shoot 1")
        assert (rewards, ends) == ([0.9], [True])
        assert (value(world, state, "enemy.x"), value(world, state, "enemy.health")) == (0, 0)
        far = at(world, agent_x=0, agent_health=2, enemy_x=4, enemy_health=2)
        assert value(world, play(world, far, "shoot 1")[0], "enemy.health") == 2

    def test_enemies_come_nearer_and_shoot_and_all_agents_dead_is_a_loss(self) -> None:
        world = self.world(health=1, shot_range=2, cooldown=0)
        start = at(world, agent_x=0, agent_health=1, enemy_x=4, enemy_health=1)
        state, rewards, ends = play(world, start, "stop", "stop", "stop")
        assert rewards == [-0.1, -0.1, -1.1] and ends == [False, False, True]
        assert value(world, state, "enemy.x") == 2 and value(world, state, "agent.health") == 0
        assert world.get_info(state)["is_success"].tolist() == [False]

    def test_misses_are_as_frequent_as_stated(self) -> None:
        world = self.world(speed=0, miss=0.3, health=1)
        n = 5000
        one = at(world, agent_x=0, agent_health=1, enemy_x=1, enemy_health=1)
        many = type(one)(*(field.repeat_interleave(n, 0) for field in one))
        shot = torch.full((n,), world.action_names.index("shoot 1"))
        _, _, done = world.step(many, shot, Streams(range(n)))
        assert done.float().mean().item() == pytest.approx(0.7, abs=0.02)

    def test_the_dead_neither_move_nor_shoot(self) -> None:
        world = self.world(agents=2, speed=0, health=1)
        state = at(world, agent0_health=0, agent1_x=5, agent1_health=1, enemy_x=6, enemy_health=1)
        names = world.action_names
        action = torch.tensor([[names.index("shoot 1"), names.index("left")]])
        state, _, done = world.step(state, action, Streams([0]))
        assert not done and value(world, state, "agent1.x") == 4 and value(world, state, "agent0.health") == 0


@pytest.mark.parametrize("game", ALONE)
def test_every_maze_can_be_done_and_the_expert_earns_what_it_says(game: str) -> None:
    world = Maze(game=game, size=(4, 6), blocks=(0, 0.2), water=(0, 0.2))
    n, rng = 40, Streams(range(40))
    state = world.reset(n, rng)
    expert = Expert(world, state)
    promised = expert.value(state)
    assert torch.isfinite(promised).all() and not world.is_done(state).any()
    earned, going = torch.zeros(n, dtype=torch.float64), torch.ones(n, dtype=torch.bool)
    for _ in range(80):
        state, reward, done = world.step(state, expert.action(state), rng)
        earned += reward * going
        going &= ~done
    assert not going.any()
    assert torch.allclose(earned, promised, atol=1e-5)


@pytest.mark.parametrize("game", ALONE)
def test_no_random_play_beats_the_expert(game: str) -> None:
    world = Maze(game=game, size=4, blocks=0.05)
    rng = Streams(range(200))
    state = world.reset(200, rng)
    best = Expert(world, state).value(state)
    earned, going = torch.zeros(200, dtype=torch.float64), torch.ones(200, dtype=torch.bool)
    draws = np.random.default_rng(0)
    for _ in range(40):
        state, reward, done = world.step(
            state, torch.from_numpy(draws.integers(len(world.action_names), size=200)), rng
        )
        earned += reward * going
        going &= ~done
    finished = ~going
    assert finished.any() and (earned[finished] <= best[finished] + 1e-5).all()


@pytest.mark.parametrize("game", ALONE)
@settings(max_examples=3)
@given(seed=st.integers(0, 10**6))
def test_solvable_means_that_the_expert_finds_a_way(game: str, seed: int) -> None:
    """And that there is none where it says no, but for games that it asks more of: all goals or switches in reach."""
    world = Maze(game=game, size=4, blocks=0.3)
    state, _ = world.spawn.attempt(30, {}, Streams(range(seed, seed + 30)))
    complete = torch.ones(30, dtype=torch.bool)
    for item in ("agent", "goal", "box", "door"):
        complete &= (getattr(state, item) >= 0).all(1)
    state = type(state)(*(field[complete] for field in state))
    if not len(state.agent):
        return
    said = world.games[0].solvable(world.places, state)
    found = torch.isfinite(Expert(world, state).value(state)) | world.is_done(state)
    assert (found | ~said).all()
    if game not in ("multi_goals", "multi_goals_absolute", "conditional_goals", "switches"):
        assert torch.equal(said, found)


def test_the_best_return_on_open_ground_is_the_distance() -> None:
    world = Maze(layout=("......",) * 6, game="single_goal")
    state = world.reset(60, Streams(range(60)))
    far = world.places.distances(state.agent[:, 0], world.places.free(state)).gather(1, state.goal)[:, 0]
    assert torch.allclose(Expert(world, state).value(state), 1 - 0.1 * far.double(), atol=1e-5)


@pytest.mark.parametrize(
    ("options", "text"),
    [({"game": "combat"}, "no enemies"), ({"game": "explore"}, "with a task"), ({"npcs": 1, "game": "goto"}, "no npcs"),
     ({"game": "switches", "switches": 9, "colours": 10}, "too many for an expert")],
)  # fmt: skip
def test_an_expert_says_what_it_cannot_do(options: dict[str, Any], text: str) -> None:
    world = Maze(**options)
    with pytest.raises(ValueError, match=text):
        Expert(world, world.reset(1, Streams([0])))


def test_a_mixture_plays_every_game_by_its_own_rules() -> None:
    world = Maze(game="mixture", size=6)
    state = world.reset(400, Streams(range(400)))
    assert state.game.unique().tolist() == list(range(len(ALONE)))
    for g, game in enumerate(world.settings.games):
        alone = Maze(game=game, size=6)
        lines = {words_of(line) for line in world.sentences.instruction(state)[(state.game == g)][:, 0].tolist()}
        verbs = {
            words_of(line) for line in alone.sentences.instruction(alone.reset(60, Streams(range(60))))[:, 0].tolist()
        }
        assert {line.split()[0] for line in lines} == {line.split()[0] for line in verbs}


def test_exploring_pays_and_costs_nothing_beside_a_game_too() -> None:
    world = Maze(game=("explore", "single_goal"), layout=("......",) * 6)
    rng = Streams(range(100))
    state = world.reset(100, rng)
    _, reward, done = world.step(state, torch.zeros(100, dtype=torch.int64), rng)
    explores = state.game == 0
    assert explores.any() and (~explores).any()
    assert (reward[explores] == 0).all() and not done[explores].any() and (reward[~explores] != 0).all()


def test_the_curriculum_gets_harder_with_success_and_easier_with_failure() -> None:
    def run(good: bool) -> tuple[float, list[float]]:
        env = gymnasium.make_vec(
            "unbraid/MazeSingleGoal-v0",
            16,
            autoreset_mode="SameStep",
            output="torch",
            max_episode_steps=1 if not good else 30,
        )
        curriculum = Curriculum(env, difficulty=0.5, window=40)
        curriculum.reset(seed=0)
        seen = []
        for _ in range(120):
            world, state = env.unwrapped.world, env.unwrapped._state
            action = Expert(world, state).action(state) if good else torch.zeros(16, dtype=torch.int64)
            *_, info = curriculum.step(action)
            seen.append(info["difficulty"])
        sides = (env.unwrapped._state.terrain < 3).sum(1).sqrt()
        return float(sides.max()), seen

    (_, better), (small, worse) = run(True), run(False)
    assert better[-1] > 0.5 and sorted(better) == better
    assert worse[-1] == 0 and sorted(worse, reverse=True) == worse and small == 5
    with pytest.raises(ValueError, match="difficulty must be of 0"):
        Curriculum(gymnasium.make_vec("unbraid/MazeSingleGoal-v0", 2), difficulty=2)
    with pytest.raises(ValueError, match="no factor 'difficulty'"):
        Curriculum(gymnasium.make_vec("unbraid/Maze-v0", 2))
