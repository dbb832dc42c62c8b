"""The ICF agent: its loss by hand, its planner on a code that is already perfect."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium
import pytest
import torch
from torch import Tensor, nn

from unbraid.agents import icf
from unbraid.agents._foresight import Foresight, Look
from unbraid.agents._walks import RareFirst
from unbraid.agents.icf.losses import (
    additive,
    dependence,
    entropy,
    excess,
    expected_selectivity,
    selectivity,
    stillness,
)
from unbraid.agents.icf.plan import action_effects, reach
from unbraid.envs import make_factored
from unbraid.errors import InputError
from unbraid.representation.data import RandomWalk, Transitions, random_actions
from unbraid.representation.networks import ImageShape

MAZE = "unbraid/Maze-v0"


def agent(env: str = MAZE, **settings: Any) -> icf.ICF:
    config = icf.Config(**settings)
    return icf.build(config, make_factored(env, 2), torch.Generator().manual_seed(0))


def test_selectivity_by_hand() -> None:
    change = torch.tensor([[3.0, -1.0], [0.0, 0.0], [0.0, 2.0]])
    expected = [[0.75, -0.25, -0.75, 0.25], [0, 0, 0, 0], [0, 1, 0, -1]]
    assert torch.allclose(selectivity(change, 0.0).nan_to_num(0), torch.tensor(expected))
    assert selectivity(change, 1.0)[0].tolist() == pytest.approx([0.6, -0.2, -0.6, 0.2])


def test_expected_selectivity_by_hand() -> None:
    """One latent, two actions drawn equally often: up moves it by +1, down by -1."""
    probabilities = torch.tensor([[[0.9, 0.1], [0.2, 0.8]]]).expand(2, -1, -1)
    action, change = torch.tensor([0, 1]), torch.tensor([[1.0], [-1.0]])
    found = expected_selectivity(probabilities, action, change, 0.0)
    rising, falling = 0.9 - 0.1, 0.8 - 0.2
    assert found.item() == pytest.approx((rising + falling) / 2)


def test_the_importance_weighted_estimate_is_the_exact_expectation() -> None:
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.softmax(torch.randn(1, 4, 3, generator=generator), -1)
    change = torch.randn(3, 2, generator=generator)
    estimate = expected_selectivity(probabilities.expand(3, -1, -1), torch.arange(3), change, 1e-3)
    exact = (probabilities[0] * selectivity(change, 1e-3).T).sum(1).mean()
    assert estimate.item() == pytest.approx(exact.item(), abs=1e-6)


def test_entropy_by_hand_and_where_a_probability_rounds_to_zero() -> None:
    logs = torch.log_softmax(torch.tensor([[0.0, 0.0], [200.0, -200.0]], requires_grad=True), -1)
    found = entropy(logs)
    assert found.item() == pytest.approx(math.log(2) / 2)
    assert torch.autograd.grad(found, logs)[0].isfinite().all()


def test_additive_by_hand() -> None:
    """Of three actions the first was taken in both, of one the second: 1.5 each would be the mean."""
    counts = torch.tensor([[2.0, 1.0], [0.0, 3.0]])
    perfect = torch.tensor([[0.5, -0.5], [-1.5, 1.5]])
    assert additive(perfect, counts).item() == 0
    assert additive(0 * perfect, counts).item() == pytest.approx((0.5 / 3 + 4.5 / 3) / 2)
    assert additive(perfect[:, :1], counts, torch.tensor([[1.0, -1.0]])).item() == 0
    drawn = torch.randint(0, 5, (4000, 20), generator=torch.Generator().manual_seed(0))
    random = nn.functional.one_hot(drawn, 5).sum(1).float()
    assert additive(torch.zeros(4000, 5), random).item() == pytest.approx(1 - 1 / 5, abs=0.02)


def test_dependence_by_hand() -> None:
    """Two latents that are one another's negative, one that is of use to neither, and one that hardly varies.

    Products are -1 in all of eight environments, or 1 in half of them and -1 in the others; squares don't vary.
    """
    first, other = torch.tensor([1.0, -1, 1, -1]), torch.tensor([1.0, 1, -1, -1])
    codes = torch.stack([100 * first, 5 - 100 * first, 100 * other], 1).repeat(3, 2, 1)
    assert dependence(codes).item() == pytest.approx((2 * 1 - 4 / 7) / 6, abs=1e-4)
    assert abs(dependence(torch.stack([100 * first, 1e-4 * first], 1).repeat(1, 2, 1)).item()) < 1e-4
    assert dependence(torch.zeros(2, 4, 2)).item() == 0


def test_sum_and_difference_of_two_switches_are_not_correlated_but_dependent() -> None:
    switches = torch.cartesian_prod(torch.tensor([-5.0, 5]), torch.tensor([-5.0, 5])).repeat(1, 500, 1)
    mixed = torch.stack([switches.sum(2), switches[..., 0] - switches[..., 1]], 2)
    assert dependence(switches).item() == pytest.approx(0, abs=2e-3)
    assert dependence(mixed).item() == pytest.approx((1 / (1 + 0.3**2)) ** 2, abs=2e-3)


def test_dependence_of_small_batches_has_hardly_a_bias_however_rarely_codes_are_far_out() -> None:
    """Its mean is 0 for independent latents; that of squared correlations of latents alone is 1 / B, .031 here."""
    generator = torch.Generator().manual_seed(0)
    for rarely in (0.0, 0.8):
        drawn = torch.randn(2000, 1, 32, 3, generator=generator)
        drawn = drawn * (torch.rand(drawn.shape, generator=generator) > rarely)
        assert abs(float(torch.stack([dependence(codes) for codes in drawn]).mean())) < 0.005


def test_changes_that_add_up_part_two_things_that_selectivity_alone_does_not() -> None:
    """A code of two counters tells how often each action was taken better than one of their sum, with any readout."""
    counts = torch.randint(0, 9, (64, 4), generator=torch.Generator().manual_seed(0)).float()
    ways = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    centred = counts - counts.mean(1, keepdim=True)

    def best(change: Tensor) -> float:
        readout = torch.linalg.lstsq(change, centred, driver="gelsd").solution
        return additive(change, counts, readout).item()

    both = counts @ ways
    assert best(both) < 0.8 * best(both.sum(1, keepdim=True))


def test_stillness_by_hand() -> None:
    """Standard deviations 1, .25 and 0: nothing lacks of the first, half of the second and all of the third."""
    change = torch.tensor([[1.0, 0.25, 3], [-1, -0.25, 3]], requires_grad=True)
    found = stillness(change)
    assert found.item() == pytest.approx((0 + 0.5**2 + 1) / 3)
    found.backward()
    assert change.grad is not None and change.grad.isfinite().all() and change.grad[0, 1] < 0 < change.grad[1, 1]


def test_gradient_by_finite_differences() -> None:
    logits = torch.randn(3, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    change = torch.randn(3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)

    def value(logits: Tensor, change: Tensor) -> Tensor:
        return expected_selectivity(logits.softmax(-1), torch.tensor([0, 2, 1]), change, 1e-3)

    assert torch.autograd.gradcheck(value, (logits, change))


def inputs(learner: icf.ICF, n: int, step: int = 0) -> Any:
    batch = icf.data(learner.config, make_factored(MAZE, n), 0).draw()
    return learner.prepare(batch, step, torch.Generator())


def test_excess_by_hand() -> None:
    change = torch.tensor([[0.0, 0.0], [0.6, -0.8], [0.0, 2.0], [0.3, 0.4]], requires_grad=True)
    found = excess(change)
    assert found.item() == pytest.approx((0 + 0 + 1 + 0) / 4, abs=1e-6)
    assert torch.autograd.grad(found, change)[0].isfinite().all()


def test_the_loss_is_its_terms() -> None:
    learner = agent(
        temperature=0.3, shrinkage=0.5, additivity=2.0, excess=3.0, warm_up=0.5, steps=100, independence=4.0,
        liveness=0.7,
    )  # fmt: skip
    terms = learner(inputs(learner, 8, step=25))
    expected = terms["reconstruction"] - 0.5 * terms["selectivity"] - 0.3 * terms["entropy"]
    expected = expected + terms["foresight, lets"] + terms["foresight, moves"] + terms["foresight, place"]
    assert terms["additivity"] > 0
    expected = expected + 4 * terms["dependence"] + 0.7 * terms["stillness"]
    expected = expected + 2 * terms["additivity"] + 3 * terms["excess"] + 0.5 * terms["squared code"]
    assert terms["loss"].item() == pytest.approx(expected.item())
    assert terms["entropy"].item() == pytest.approx(math.log(4))  # policies begin uniform


@pytest.mark.parametrize(("step", "warmth"), [(0, 0), (15, 0.5), (30, 1), (99, 1)])
def test_selectivity_warms_up(step: int, warmth: float) -> None:
    assert inputs(agent(steps=100, warm_up=0.3), 2, step).warmth == pytest.approx(warmth)
    assert inputs(agent(steps=100, warm_up=0), 2, max(step, 1)).warmth == 1


def test_foresight_waits_for_a_code() -> None:
    learner = agent(steps=100)
    early, late = (learner(inputs(learner, 4, step)) for step in (19, 20))
    names = [name for name in early if name.startswith("foresight")]
    assert len(names) == 3 and all(early[name] == 0 for name in names) and late["foresight, lets"] > 0


@pytest.mark.parametrize("term", ["reconstruction", "entropy"])
def test_drawing_and_policies_do_not_shape_the_code(term: str) -> None:
    learner = agent(additivity=1.0)
    with torch.no_grad():  # uniform policies have no preference to pass on: give them one
        learner.policy_head[-1].bias += torch.randn(16, generator=torch.Generator().manual_seed(0))
    batch = inputs(learner, 4)
    learner(batch)[term].backward()
    assert not any(part.grad is not None and part.grad.any() for part in learner.encoder.parameters())
    for shaping in ("selectivity", "additivity"):
        gradients = torch.autograd.grad(learner(batch)[shaping], list(learner.encoder.parameters()))
        assert any(part.abs().sum() > 0 for part in gradients)


def test_an_autoencoder_shapes_the_code_by_its_weight_and_its_decoder_in_full() -> None:
    found = []
    for weight in (0.25, 1.0):
        learner = agent(autoencoder=weight)
        learner(inputs(learner, 4))["reconstruction"].backward()
        found.append([next(part.parameters()).grad for part in (learner.encoder, learner.decoder)])
    assert torch.allclose(found[0][0] * 4, found[1][0], rtol=1e-4) and found[1][0].abs().sum() > 0
    assert torch.allclose(found[0][1], found[1][1])


@pytest.mark.parametrize("setting", ["latents", "steps", "batch_size", "learning_rate", "epsilon"])
def test_settings_that_cannot_be_are_refused(setting: str) -> None:
    with pytest.raises(InputError, match=f"{setting} must be above 0, not 0"):
        icf.Config(**{setting: 0})


def test_weights_below_zero_are_refused() -> None:
    with pytest.raises(InputError, match="additivity must be at least 0, not -1"):
        icf.Config(additivity=-1)
    with pytest.raises(InputError, match="independence is of different latents"):
        icf.Config(independence=1, latents=1)
    with pytest.raises(InputError, match="warm_up must be from 0 to 1"):
        icf.Config(warm_up=2)


class Knowing(nn.Module):
    """An encoder that reads the agent's place off the pixels: the code is (x, -2 y), exactly."""

    def forward(self, x: Tensor) -> Tensor:
        red = ((x[:, 0] > 0.6) & (x[:, 1] < 0.3)).float()
        weight = red / red.sum((1, 2), keepdim=True)
        axis = (torch.arange(64) - 3.5) / 8
        return torch.stack([(weight.sum(1) * axis).sum(1), -2 * (weight.sum(2) * axis).sum(1)], 1)


@pytest.fixture
def knowing() -> icf.ICF:
    learner = agent()
    learner.encoder = Knowing()  # type: ignore[assignment]
    return learner


def test_action_effects_are_read_off_transitions(knowing: icf.ICF) -> None:
    effects = action_effects(knowing, RandomWalk(make_factored(MAZE, 32), 0))
    assert torch.allclose(effects, torch.tensor([[-1.0, 0], [1, 0], [0, 2], [0, -2]]), atol=1e-3)


def test_a_perfect_code_reaches_every_goal_nearly_as_fast_as_can_be(knowing: icf.ICF) -> None:
    numbers, trip = icf.plan(knowing, MAZE, episodes=200, seed=0, search=False)
    assert numbers["success"] == 1
    assert 1 <= numbers["steps_ratio"] < 1.2
    assert trip.stopped.all() and len(trip.images) == trip.steps.max() + 1
    at_goal = torch.stack([trip.images[-1].flatten(1), trip.goals.flatten(1)])
    assert torch.equal(*at_goal)


class Foreseeing(Foresight):
    """It knows the maze of `Knowing`'s codes."""

    def __init__(self) -> None:
        super().__init__(ImageShape(64, 64, 3), 2, 4)
        layout = gymnasium.spec(MAZE).kwargs["layout"]
        self.free = {(x, y) for y, row in enumerate(layout) for x, tile in enumerate(row) if tile == "."}

    def moves(self, codes: Tensor) -> Tensor:
        return torch.tensor([[-1.0, 0], [1, 0], [0, 2], [0, -2]]).expand(*codes.shape[:-1], 4, 2)

    def lets(self, seen: Look, codes: Tensor) -> Tensor:
        places = (codes / torch.tensor([1.0, -2.0])).round().flatten(0, -2).tolist()
        ways = ((-1, 0), (1, 0), (0, -1), (0, 1))
        free = [[(x + dx, y + dy) in self.free for dx, dy in ways] for x, y in places]
        return torch.where(torch.tensor(free), 9.0, -9.0).view(*codes.shape[:-1], 4)


def test_perfect_foresight_takes_shortest_ways(knowing: icf.ICF) -> None:
    knowing.foresight = Foreseeing()
    numbers, _ = icf.plan(knowing, MAZE, episodes=100, seed=0)
    assert numbers["success"] == numbers["reachable"] == 1 and numbers["steps_ratio"] == 1


def test_goals_behind_a_wall_are_counted() -> None:
    numbers, _ = icf.plan(agent(), MAZE, 400, 0, max_steps=1, layout=("..#..",) * 5)
    assert numbers["reachable"] == pytest.approx(0.5, abs=0.1) and numbers["success"] < 0.5


def test_perfect_foresight_foretells_where_actions_lead(knowing: icf.ICF) -> None:
    untold = icf.foretell(knowing, MAZE, seed=0, walks=100)
    knowing.foresight = Foreseeing()
    found = icf.foretell(knowing, MAZE, seed=0, walks=100)
    assert found["prediction_right"] == [1.0] * 10 and max(found["prediction_error"]) < 0.01
    assert untold["prediction_still"] == found["prediction_still"]
    assert 0.1 < found["prediction_still"][0] < 0.6  # moves that walls and edges bar
    assert max(untold["prediction_right"]) < 0.9


def test_what_is_foretold_counts_in_tiles(knowing: icf.ICF) -> None:
    """Foreseen to stand still, the agent is right where it stood still; a code that tells nothing is hardly ever."""

    class Still(Foreseeing):
        def moves(self, codes: Tensor) -> Tensor:
            return torch.zeros(*codes.shape[:-1], 4, 2)

    knowing.foresight = Still()
    still = icf.foretell(knowing, MAZE, seed=0, walks=100)
    assert still["prediction_right"] == still["prediction_still"]
    assert 0.5 < still["prediction_error"][0] < 1
    blind = agent()
    with torch.no_grad():
        for part in blind.encoder.parameters():
            part.zero_()
    assert max(icf.foretell(blind, MAZE, seed=0, walks=100)["prediction_right"]) < 0.2


def test_codes_are_foretold_around_walls(knowing: icf.ICF) -> None:
    """Up and down from everywhere: where neither is barred the code comes back, else it is one step (of 2) off."""
    knowing.foresight = Foreseeing()
    env = make_factored(MAZE, 50)
    image = env.reset(seed=3)[0]
    codes = icf.predict(knowing, image, torch.tensor([[2, 3]]).expand(50, 2))
    assert codes.shape == (50, 3, 2) and torch.equal(codes[:, 0], knowing.encode(image))
    for at, action in ((1, 2), (2, 3)):
        image = env.step(torch.full((50,), action))[0]
        assert torch.allclose(codes[:, at], knowing.encode(image), atol=1e-3)
    assert set((codes[:, 2] - codes[:, 0]).abs().sum(1).round().tolist()) == {0.0, 2.0}


class Uneven(Knowing):
    """The same places, their distances growing from the middle outwards, as selectivity leaves them free to."""

    def forward(self, x: Tensor) -> Tensor:
        code = super().forward(x) - torch.tensor([3.5, -7.0])
        return code.sign() * code.abs() ** 1.5


def test_uneven_steps_do_not_trap_the_walk(knowing: icf.ICF) -> None:
    knowing.encoder = Uneven()  # type: ignore[assignment]
    numbers, _ = icf.plan(knowing, MAZE, episodes=500, seed=1, search=False)
    assert numbers["success"] == 1
    assert numbers["steps_ratio"] < 1.25


def test_an_untrained_code_does_not(knowing: icf.ICF) -> None:
    assert icf.plan(agent(), MAZE, episodes=50, seed=0)[0]["success"] < 0.5


def test_episodes_that_end_on_the_way_are_not_successes(knowing: icf.ICF) -> None:
    """Goal tiles end the episode: a walk over one is lost, and must not be counted from the next episode's start."""
    env = make_factored("unbraid/MazeGoal-v0", 64)
    env.reset(seed=0)
    values = env.get_factors()
    values[:, :2], values[:, 2], values[:, 3] = torch.tensor([0.0, 0.0]), 1, 0
    env.set_factors(torch.where(torch.arange(4) < 2, torch.tensor([3.0, 0, 0, 0]), values))
    goals = env.observe()
    env.set_factors(values)
    trip = reach(knowing, env, goals, torch.tensor([[-1.0, 0], [1, 0], [0, 2], [0, -2]]), 1)
    assert not trip.stopped.any()


def test_evaluation_is_exact_on_a_perfect_code(knowing: icf.ICF) -> None:
    numbers = icf.evaluate(knowing, MAZE, seed=0, states=2000)
    layout = gymnasium.spec(MAZE).kwargs["layout"]
    free = {(x, y) for y, row in enumerate(layout) for x, tile in enumerate(row) if tile == "."}
    moves = [(x + dx, y + dy) in free for x, y in free for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1))]
    assert numbers["selectivity_ceiling"] == pytest.approx(sum(moves) / len(moves), abs=0.02)
    assert torch.tensor(numbers["policy"]).sum(1).tolist() == pytest.approx([1] * 4)
    assert numbers["actions"] == ["left", "right", "up", "down"]
    assert abs(numbers["selectivity"]) < 0.1  # its policies are still uniform
    assert torch.tensor(numbers["effect"]).shape == (4, 2)
    assert numbers["agreement"] == pytest.approx(1)  # the code knows every effect apart
    assert numbers["axes_deg"][0][1] == pytest.approx(90, abs=0.01)
    assert (numbers["modes"], numbers["modes_found"]) == (4, 0)
    assert numbers["information"] < 0.01 < 1.2 < numbers["information_ceiling"] < math.log(4)


def test_rollouts_show_every_policy_from_one_start() -> None:
    images = icf.rollouts(agent(), MAZE, seed=0, steps=3)
    assert images.shape == (4, 4, 64, 64, 3)
    assert (images[0] == images[0, :1]).all()


def test_random_actions_cover_the_space() -> None:
    from gymnasium import spaces

    generator = torch.Generator().manual_seed(0)
    assert random_actions(spaces.Discrete(3, start=2), 200, generator).unique().tolist() == [2, 3, 4]
    box = random_actions(spaces.Box(-2, 1, (2,)), 500, generator)
    assert box.shape == (500, 2) and box.min() < -1.8 and 0.8 < box.max() <= 1
    team = random_actions(spaces.MultiDiscrete([2, 3], start=[0, 5]), 200, generator)
    assert [column.unique().tolist() for column in team.T] == [[0, 1], [5, 6, 7]]
    with pytest.raises(InputError, match="bounded Box"):
        random_actions(spaces.Box(0, float("inf"), (1,)), 1, generator)


def test_random_walks_see_the_last_image_of_an_episode() -> None:
    env = make_factored("unbraid/Maze-v0", 4, max_episode_steps=3)
    walk = RandomWalk(env, 0)
    for step in range(9):
        batch = walk.draw()
        moved = (batch.image != batch.next_image).flatten(1).sum(1)
        assert (moved <= 2 * 8 * 8 * 3).all()
        assert torch.equal(batch.next_image, walk.image) == (step % 3 != 2)


def test_rare_outcomes_come_first() -> None:
    """Nine in ten change one byte and one in ten two: of rows drawn with replacement that would be 1.73 to 1."""
    image = torch.zeros(100, 2, 2, 1, dtype=torch.uint8)
    after = image.clone()
    after[:, 0, 0] = 1
    after[90:, 1, 1] = 1
    place = torch.arange(100)
    walk = SimpleNamespace(draw=lambda: Transitions(image, place, after, image), generator=torch.Generator())
    rows = [RareFirst(walk, 8).draw() for _ in range(500)]
    assert all(len(set(one.action.tolist())) == 8 and torch.equal(one.next_image, after[one.action]) for one in rows)
    rare = torch.stack([one.action >= 90 for one in rows]).double().mean()
    assert 0.3 < rare < 0.36


def test_a_pool_trains_on_its_batch_and_goes_on_where_it_stopped() -> None:
    config = icf.Config(pool=3, batch_size=4)
    env = make_factored(MAZE, config.environments)
    assert env.num_envs == 12
    drawn = icf.data(config, env, 0)
    saved = copy.deepcopy(drawn.state_dict())
    first = drawn.draw()
    assert first.image.shape[0] == first.action.shape[0] == 4
    drawn.draw()
    drawn.load_state_dict(saved)
    assert all(torch.equal(one, other) for one, other in zip(first, drawn.draw(), strict=True))


def test_two_agents_train_as_one_program(tmp_path: Path, cli: Any) -> None:
    few = ("--steps", 2, "--batch-size", 4, "--pool", 2, "--device", "cpu", "--ensemble", 2)
    cli("train", "icf", *few, "--out", tmp_path / "both")
    assert all((tmp_path / "both" / f"seed-{seed}" / "model.safetensors").exists() for seed in (0, 1))


def test_foresight_has_all_guesses_learn_however_far_one_is_trusted() -> None:
    foresight = agent().foresight
    with torch.no_grad():
        foresight.trust[3] = 20.0
    x, code = torch.rand(5, 3, 64, 64), torch.randn(5, 2)
    foresight(x, code, code, torch.zeros(5, dtype=torch.int64), torch.ones(5, 2))["place"].backward()
    learnt = foresight.code_of_middle.grad
    assert learnt is not None and (learnt.abs().sum((1, 2)) > 1e-3).all()


def test_it_trains_end_to_end(tmp_path: Path, cli: Any) -> None:
    done = cli("train", "icf", "--steps", 4, "--batch-size", 4, "--out", tmp_path / "run", "--device", "cpu", "--json")
    assert done.status == 0, done.err
