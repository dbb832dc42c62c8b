"""Planar navigation: moves and collisions, noise, starts, the task, contents, samples."""

from __future__ import annotations

import math

import gymnasium
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from unbraid.envs import Streams
from unbraid.envs.planar import CONTENTS, Planar, PlanarState, pairs, transitions
from unbraid.envs.planar.drawing import GOALS, OBSTACLES


def at(world: Planar, *values: float) -> PlanarState:
    return world.set_factors(torch.tensor([values]))


def moved(world: Planar, start: tuple[float, float], move: tuple[float, float]) -> list[float]:
    state, _, _ = world.step(at(world, *start), torch.tensor([move]), Streams([0]))
    return state.place[0].tolist()


@pytest.mark.parametrize(
    ("start", "move", "end"),
    [((5, 5), (3, -2), (8, 3)),
     ((5, 2), (0, -0.5), (5, 1.5)), ((5, 2), (0, -1), (5, 2)),  # up to the edge; over it
     ((20.5, 9.5), (0, 0.5), (20.5, 9.5)), ((25, 5.5), (-0.5, 0), (24.5, 5.5)), ((25, 5.5), (-0.75, 0), (25, 5.5)),
     ((16, 17), (3, 1), (19, 18)), ((16.5, 16.5), (1.5, -1.5), (16.5, 16.5))],
)  # fmt: skip
def test_a_move_stops_short_of_nothing_and_is_refused_as_a_whole(
    start: tuple[float, float], move: tuple[float, float], end: tuple[float, float]
) -> None:
    assert moved(Planar(), start, move) == list(end)


def test_pccs_protocol_looks_at_the_end_alone_and_clips_to_the_map() -> None:
    around_the_corner = (
        (18.875, 6.0),
        (2.125, 1.125),
    )  # the box leaves the obstacle's centre at once, but passes over it
    world = Planar(protocol="pcc")
    assert moved(world, *around_the_corner) == [21.0, 7.125]
    assert moved(world, (18.875, 6.0), (1.0, 1.0)) == [18.875, 6.0]
    assert moved(world, (5.0, 2.0), (0.0, -3.0)) == [5.0, 1.5]
    with pytest.raises(ValueError, match="overlap"):
        at(Planar(), 18.875, 6.0)


def clearance(places: Tensor) -> Tensor:
    """Smallest distance between the agent's square and an obstacle's disc, less than 0 in it: ``(m,)``."""
    gap = ((places[:, None] - torch.tensor(OBSTACLES, dtype=places.dtype)).abs() - 1.5).clamp_min(0)
    return gap.square().sum(-1).sqrt().amin(1) - 2.5


@given(seed=st.integers(0, 10**6))
def test_a_swept_move_is_refused_exactly_where_the_square_would_overlap_a_disc_on_its_way(seed: int) -> None:
    world, rng = Planar(), Streams(range(seed, seed + 64))
    start = world.reset(64, rng)
    action = 6 * rng.uniform(2) - 3
    end = world.step(start, action, rng)[0].place
    ways = start.place.double()[:, None] + torch.linspace(0, 1, 301).double()[:, None] * action.double()[:, None]
    closest = clearance(ways.flatten(0, 1)).view(64, -1).amin(1)
    closest = torch.minimum(closest, torch.minimum(ways[:, -1] - 1.5, 38.5 - ways[:, -1]).amin(1))
    went = (end == start.place + action).all(1)
    assert went[closest > 1e-4].all() and not went[closest < -1e-2].any()
    assert (went | (end == start.place).all(1)).all()
    assert clearance(end).min() > -1e-5


@pytest.mark.parametrize("protocol", ["swept", "pcc"])
def test_noise_has_its_size_and_never_puts_the_agent_where_it_cannot_be(protocol: str) -> None:
    world, rng = Planar(sigma=2.0, protocol=protocol), Streams(range(500))  # type: ignore[arg-type]
    state = world.reset(500, rng)
    for _ in range(30):
        state, _, _ = world.step(state, 6 * rng.uniform(2) - 3, rng)
        assert torch.equal(world.set_factors(world.get_factors(state)).place, state.place)
    still = at(world, 28, 10)._replace(place=torch.full((500, 2), 28.0))
    away = world.step(still, torch.zeros(500, 2), rng)[0].place - 28
    free = away[(away != 0).any(1)]
    assert len(free) > 400 and 1.6 < free.std() < 2.2 and abs(free.mean()) < 0.5
    assert torch.equal(Planar().step(still, torch.zeros(500, 2), rng)[0].place, still.place)


def test_free_places_are_all_equally_likely() -> None:
    places = Planar().reset(20_000, Streams(range(20_000))).place
    assert clearance(places).min() >= 0 and places.min() >= 1.5 and places.max() <= 38.5
    grid = torch.cartesian_prod(torch.linspace(1.5, 38.5, 371), torch.linspace(1.5, 38.5, 371))
    free = grid[clearance(grid) >= 0]
    for k in (0, 1):
        expected = torch.histc(free[:, k], 6, 1.5, 38.5) / len(free)
        assert torch.allclose(torch.histc(places[:, k], 6, 1.5, 38.5) / 20_000, expected, atol=0.012)


def test_a_start_may_fix_either_coordinate_and_a_task_starts_in_its_corner() -> None:
    world, rng = Planar(), Streams(range(300))
    places = world.reset(300, rng, {"factors": {"agent.row": 20.5}}).place
    assert (places[:, 0] == 20.5).all() and ((places[:, 1] - 20.5).abs() <= 3).all() and places[:, 1].std() > 1
    assert (world.reset(300, rng, {"factors": {"agent.col": 5.5}}).place[:, 1] == 5.5).all()
    start = Planar(goal=True).reset(300, rng)
    assert start.place.min() >= 3 and start.place.max() <= 7 and start.goal.unique().tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match=r"can't be \(20.5, 5.5\).*overlap an obstacle.*take a free place"):
        world.reset(2, Streams([0, 1]), {"factors": {"agent.row": 20.5, "agent.col": [5.5, 20.5]}})


@pytest.mark.parametrize(("corner", "goal"), list(enumerate(GOALS)))
def test_a_step_that_ends_within_two_pixels_of_the_goal_pays_one_and_ends_nothing(
    corner: int, goal: tuple[float, float]
) -> None:
    world = Planar(goal=True)
    inwards = -1 if goal[0] > 20 else 1
    for distance, paid in ((2.0, 1.0), (2.01, 0.0)):
        state = at(world, goal[0] + inwards * distance, goal[1], corner)
        state, reward, ended = world.step(state, torch.zeros(1, 2), Streams([0]))
        assert (reward.item(), ended.item(), world.get_info(state)["is_success"].item()) == (paid, False, bool(paid))
    assert Planar().get_info(at(Planar(), 5, 5)) == {}


WAYPOINTS = torch.tensor([
    [(17.0, 17.0), (24.0, 24.0), (37.0, 37.0)], [(17.0, 18.0), (24.0, 18.0), (37.0, 3.0)], [(3.0, 37.0)] * 3
])  # fmt: skip


def test_waypoints_keep_the_agent_in_the_goal_for_three_quarters_of_the_steps() -> None:
    env = gymnasium.make_vec("unbraid/PlanarGoal-v0", 300, output="torch")
    env.reset(seed=0)
    corner = env.get_factors()[:, 2].long()
    passed, paid = torch.zeros(300, dtype=torch.int64), torch.zeros(300)
    for _ in range(40):
        place = env.get_factors()[:, :2]
        passed = (passed + ((WAYPOINTS[corner, passed] - place).abs().amax(1) < 0.1).long()).clamp_max(2)
        way = WAYPOINTS[corner, passed] - place
        _, reward, _, truncated, info = env.step((way * 3 / way.abs().amax(1, keepdim=True).clamp_min(3)).clamp(-3, 3))
        paid += reward
    assert truncated.all() and info["is_success"].all()
    assert paid.mean().item() / 40 == pytest.approx(0.730, abs=0.005)


def test_pixels_of_a_square_are_the_shares_of_it_that_they_hold() -> None:
    world = Planar()
    image = world.observe(at(world, 4.5, 9.0))[0, :, :, 0]
    assert image[2:7, 6:12].tolist() == [
        [0] * 6, *[[0, 128, 255, 255, 128, 0]] * 3, [0] * 6
    ]  # fmt: skip
    image = world.observe(at(world, 5.0, 9.25))[0, :, :, 0]
    assert image[2:8, 7].tolist() == [0, 32, 64, 64, 32, 0]  # a quarter across, halves at the ends of it
    assert image[20, 5] == image[20, 7] == 255 and image[20, 8] == image[17, 5] == 0


def test_shapes_of_one_size_have_one_brightness() -> None:
    places = Planar().reset(200, Streams(range(200))).place
    names = ("x", "y", "disc")
    world = Planar(content=names)
    empty = world.observe(at(world, 3, 3, 0))[0].float().sum() - 9 * 255
    away = clearance(places) > 2
    for number in range(3):
        state = PlanarState(places, torch.full((200,), number), torch.full((200,), -1))
        light = (world.observe(state).float().flatten(1).sum(1) - empty)[away] / 255
        assert light.mean() == pytest.approx(9, rel=0.05)


def test_contents_differ_in_pixels_and_not_in_dynamics() -> None:
    rng = Streams(range(len(CONTENTS)))
    world = Planar(content=tuple(CONTENTS), sigma=0.5)
    values = torch.tensor([[5.25, 8.5, k] for k in range(len(CONTENTS))])
    state = world.set_factors(values)
    assert len(world.observe(state).flatten(1).unique(dim=0)) == len(CONTENTS)
    same_noise = Streams([0] * len(CONTENTS))
    after = world.step(state, torch.full((len(CONTENTS), 2), 1.5), same_noise)[0]
    assert (after.place == after.place[0]).all() and torch.equal(after.content, state.content)
    assert world.reset(len(CONTENTS), rng).content.shape == (len(CONTENTS),)
    assert [world.factors[-1].name, world.factors[-1].size] == ["content", len(CONTENTS)]


@pytest.mark.parametrize(("content", "channels"), [("x", 1), (("x", "y"), 1), ("red", 3), (["x", "dusk"], 3)])
def test_colour_takes_three_channels(content: str, channels: int) -> None:
    world = Planar(content=content)
    state = world.reset(3, Streams(range(3)))
    assert world.observe(state).shape == (3, *world.observation_space.shape) == (3, 40, 40, channels)
    assert world.render(state).shape == (3, 40, 40, 3)


def test_the_goal_is_marked_for_people_and_where_asked_for() -> None:
    plain, marked = Planar(goal=True), Planar(goal=True, show_goal=True)
    states = plain.set_factors(torch.tensor([[5.0, 5.0, corner] for corner in range(3)]))
    assert (plain.observe(states) == plain.observe(states)[0]).all()
    for world, picture in ((plain, plain.render), (marked, marked.observe)):
        images = picture(states)
        differs = (images != picture(states._replace(goal=torch.full((3,), -1)))).any(-1)
        assert differs.any((1, 2)).all() and not (differs & ~world.get_masks(states)[:, 2]).any()


def test_transitions_are_what_the_world_does() -> None:
    world = Planar()
    found = transitions(world, 100, Streams(range(100)))
    assert found.images.shape == found.next_images.shape == (100, 40, 40, 1)
    state = world.set_factors(found.factors)
    after = world.step(state, world.check_actions(found.actions, 100), Streams(range(100)))[0]
    assert torch.equal(world.observe(state), found.images)
    assert torch.equal(world.observe(after), found.next_images)
    assert torch.equal(world.get_factors(after), found.next_factors)
    assert (found.factors != found.next_factors).any(1).float().mean() > 0.7


def test_pairs_are_one_state_in_two_renderings() -> None:
    first, second = Planar(content="x"), Planar(content="y")
    found = pairs(first, second, 50, Streams(range(50)))
    state = second.set_factors(found.factors)
    assert torch.equal(second.observe(state), found.second) and torch.equal(first.observe(state), found.first)
    assert (found.first != found.second).flatten(1).any(1).all()
    with pytest.raises(ValueError, match="one content each, not x, y"):
        pairs(first, Planar(content=("x", "y")), 1, Streams([0]))


@pytest.mark.parametrize(
    ("options", "text"),
    [({"content": "z"}, "content must be one of x, y, .*not 'z'"), ({"content": ()}, "content must be"),
     ({"content": ("x", "x")}, "several different ones"), ({"protocol": "jump"}, "swept, pcc, not 'jump'"),
     ({"sigma": -1}, r"sigma must be a number of px in 0 .. 10, not -1"), ({"sigma": math.nan}, "sigma")],
)  # fmt: skip
def test_impossible_options_are_refused(options: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Planar(**options)  # type: ignore[arg-type]


def test_an_agent_in_an_obstacle_is_refused_by_the_protocols_own_test() -> None:
    beside = (20.5, 8.5)
    with pytest.raises(ValueError, match=r"'agent.row', 'agent.col' can't be \(20.5, 8.5\).*radius 2.5 px"):
        at(Planar(), *beside)
    world = Planar(protocol="pcc")
    assert world.get_factors(at(world, *beside)).tolist() == [list(beside)]
    with pytest.raises(ValueError, match="would hold the centre of an obstacle"):
        at(world, 20.5, 7.0)
