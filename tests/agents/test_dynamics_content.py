"""Dynamics and content: the bound's terms against closed forms, and what a short training must already find."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from unbraid.agents import dynamics_content as agent
from unbraid.agents._control import _within as _in_range
from unbraid.agents._control import begin, drive, plan_on_truth, problem_of
from unbraid.agents.dynamics_content import chart, terms
from unbraid.agents.dynamics_content.codes import within
from unbraid.agents.dynamics_content.evaluate import _excess
from unbraid.agents.dynamics_content.losses import BOUNDS, _full_divergence
from unbraid.agents.dynamics_content.model import DynamicsContent
from unbraid.agents.dynamics_content.plan import set_names
from unbraid.agents.dynamics_content.settle import Coded, Laying, Places, Rows, Settling, _pushed
from unbraid.agents.dynamics_content.transition import Bounded, Local, Mechanism
from unbraid.agents.planners import automatic
from unbraid.envs import make_factored
from unbraid.errors import InputError, UnknownNameError
from unbraid.experiments import album
from unbraid.experiments.collecting import Asked, collect
from unbraid.experiments.runs import open_run
from unbraid.representation.likelihoods import Bernoulli
from unbraid.representation.networks import ImageShape, initialise, to_floats
from unbraid.representation.recorded import Recalled, Recording, Seen
from unbraid.representation.training import FitOptions, fit

PLANAR, RULES = "unbraid.envs:unbraid/Planar-v0", {"protocol": "pcc"}
OTHER = {"content": "y"}
ACTIONS = spaces.Box(-3, 3, (2,), np.float32)


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=draws(seed))


def learner(sets: int = 2, **settings: Any) -> DynamicsContent:
    return DynamicsContent(ImageShape(40, 40, 1), ACTIONS, sets, agent.Config(**settings), draws())


def batch(pairs: int = 1, images: int = 0) -> Recalled:
    def seen(seed: int, n: int) -> Tensor:
        return torch.randint(256, (n, 40, 40, 1), generator=draws(seed), dtype=torch.uint8)

    both = tuple(Seen(seen(3 + k, 4), seen(5 + k, 4)) for k in range(pairs))
    return Recalled(seen(0, 8), random(8, 2), seen(1, 8), both, tuple(seen(9 + k, 4) for k in range(images)))


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("planar") / "planar.h5"
    collect(Asked(PLANAR, RULES, "transitions", {}, 0), 60, path, "x", progress=False)
    collect(Asked(PLANAR, RULES, "pairs", OTHER, 0), 30, path, "pairs", progress=False)
    return path


def test_divergence_and_negentropy_are_those_of_torch() -> None:
    mu, logvar, mu_prior, logvar_prior = (random(5, 3, seed=k) for k in range(4))
    one, prior = Normal(mu, (0.5 * logvar).exp()), Normal(mu_prior, (0.5 * logvar_prior).exp())
    wanted = kl_divergence(one, prior).sum(1).mean()
    torch.testing.assert_close(terms.divergence(mu, logvar, mu_prior, logvar_prior), wanted)
    torch.testing.assert_close(terms.negentropy(logvar), -one.entropy().sum(1).mean())
    assert float(terms.divergence(mu, logvar, mu, logvar)) == pytest.approx(0, abs=1e-6)


def test_surprise_is_the_density_of_the_next_state() -> None:
    """z' = A z + B u + c of a Gaussian z is Gaussian, of covariance A S A^T: with the stretch it is its density."""
    z_next, mu, logvar, action = random(6, 2), random(6, 2, seed=1), random(6, 2, seed=2), random(6, 1, seed=3)
    local = Local(torch.eye(2) + 0.3 * random(6, 2, 2, seed=4), random(6, 2, 1, seed=5), random(6, 2, seed=6), mu)
    spread = local.a @ torch.diag_embed(logvar.exp()) @ local.a.mT
    wanted = -MultivariateNormal(local.next(mu, action), spread).log_prob(z_next).mean()
    found = terms.surprise(local.back(z_next, action), mu, logvar, local.stretch)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(local.next(local.back(z_next, action), action), z_next, rtol=1e-4, atol=1e-4)


def test_contrast_by_hand() -> None:
    codes, still = torch.tensor([[0.0], [1.0]]), torch.zeros(())
    one = -math.log(1 / (1 + math.exp(-0.5))) - math.log(2)
    assert float(terms.contrast(codes, codes, still)) == pytest.approx(one)
    assert float(terms.contrast(codes, codes, still + 9)) == pytest.approx(-math.log(2))  # the least there is
    assert float(terms.contrast(torch.zeros(2, 1), codes, still - 30)) == pytest.approx(0)


def test_discrepancy_is_of_distributions() -> None:
    one, same, shifted = random(600, 2), random(600, 2, seed=1), random(600, 2, seed=2) + 1
    near, far = (float(terms.discrepancy(one, other)) for other in (same, shifted))
    assert abs(near) < 3e-3 < 0.03 < far


def test_the_full_divergence_is_torchs() -> None:
    mu, root = random(4, 3), random(4, 3, 3, seed=1)
    spread = root @ root.mT + torch.eye(3)
    code = learner(latents=3).describe(torch.rand(4, 1, 40, 40, generator=draws()))
    other = MultivariateNormal(code.mu, torch.diag_embed(code.logvar.exp()))
    wanted = kl_divergence(MultivariateNormal(mu, spread), other).mean()
    torch.testing.assert_close(_full_divergence(mu, spread, code), wanted, rtol=1e-4, atol=1e-4)


def test_a_perfect_decoder_of_grey_pixels_has_no_loss_left() -> None:
    x = torch.rand(3, 1, 4, 4, generator=draws()).clamp(0.01, 0.99)
    assert _excess(x, x.logit()) == pytest.approx(0, abs=1e-4)
    assert _excess(x, x.logit() + 1) > 0.5


def test_the_loss_is_the_weighted_sum_of_its_terms() -> None:
    one = learner(layout=0.2, warm_up=0.5, steps=100)
    inputs = one.prepare(batch(), 45, draws())
    assert inputs.warmth == pytest.approx(0.5)
    weights = {"contrast": 5.0, "flatness": 5.0, "squared code": 0.01, "same state, set 1": 1.0}
    weights |= {"content": 1.0, "content, set 1": 1.0}
    weighed(one, inputs, weights, default=0.5)
    laid_out = one.prepare(batch(), 19, draws())
    weighed(one, laid_out, {**weights, "flatness": 10.0, "blur": 1.0}, default=float("nan"))


def test_infomax_stays_flat_throughout() -> None:
    one = learner(bound="infomax", sets=1, layout=0.2, warm_up=0.5, steps=100, information=3.0)
    torch.nn.init.normal_(one.transition.bend[-1].weight, generator=draws())
    weights = {"information": 3.0, "flatness": 0.1, "squared code": 0.01}
    for step in (0, 99):
        weighed(one, one.prepare(batch(), step, draws()), weights, default=float("nan"))


def test_infomax_paints_the_present_frame_if_asked_to() -> None:
    settings = {"bound": "infomax", "frames": 2, "latents": 4, "network": "conv", "paint": 0.5, "painted": 5}
    one = DynamicsContent(ImageShape(40, 40, 2), ACTIONS, 1, agent.Config(**settings), draws())
    images = torch.randint(0, 256, (2, 8, 40, 40, 2), dtype=torch.uint8, generator=draws())
    rows = Recalled(images[0], random(8, 2), images[1], (), ())
    found = one(inputs := one.prepare(rows, 0, draws()))
    place = one.describe(to_floats(images[1])).mu[:, :2]
    blurred = place[:5] + 0.1 * place.std(0) * inputs.noise[0, :5, :2]
    painted = one.paint(blurred, blurred[:, :0])
    assert painted.shape == (5, 1, 40, 40)
    wanted = Bernoulli().distortion(to_floats(images[1])[:5, 1:], painted)
    torch.testing.assert_close(found["reconstruction"], wanted)
    weighed(one, inputs, {"information": 2.0, "flatness": 0.1, "squared code": 0.01, "reconstruction": 0.5}, default=0)


def test_dynamics_settle_once_codes_stay_as_they_are(recording: Path) -> None:
    one = learner(bound="infomax", sets=2, settle=150)
    rows = Recording(recording, 8, 0)
    z, after = (one.encode(rows.transitions[name]) for name in ("image", "next_image"))
    first = one.transition
    agent.settle(one, rows, 0, progress=False)
    assert one.transition is not first and torch.equal(one.encode(rows.transitions["image"]), z)
    told = [
        float(terms.information(dynamics(z).next(z, one.scaled(rows.transitions["action"])), after).detach())
        for dynamics in (first, one.transition)
    ]
    assert told[1] < told[0] - 1
    again = learner(bound="infomax", sets=2, settle=150)
    agent.settle(again, rows, 0, progress=False)
    assert torch.equal(again.transition.push, one.transition.push)
    kept = learner(settle=150)
    before = kept.transition
    agent.settle(kept, rows, 0, progress=False)
    assert kept.transition is before  # of other bounds


def test_what_has_settled_keeps_codes(tmp_path: Path) -> None:
    pole = tmp_path / "pole.h5"
    collect(Asked("unbraid/PlanarPendulum-v0", {}, "transitions", {}, 0, "uniform"), 20, pole, "x", progress=False)
    rows = Recording(pole, 8, 0)
    settings = {"bound": "infomax", "latents": 4, "frames": 2, "network": "conv", "settle": 2}
    one = DynamicsContent(ImageShape(48, 48, 2), rows.single_action_space, 1, agent.Config(**settings), draws())
    agent.settle(one, rows, 0, progress=False)
    torch.testing.assert_close(one.known[:20], one.encode(rows.transitions["image"]))
    assert torch.equal(one.known[20:40], one.known[:20])
    problem = problem_of(one, one.known[:1], metric := one.metric(one.known[:1]))
    torch.testing.assert_close(problem.state_cost / problem.state_cost[0, 0], metric / metric[0, 0])


def turned(places: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Codes of two frames of a part that turns and one that slides, bent, and their true places ``(n, 2)``."""
    turn, slide = (torch.rand(places, 2, generator=draws(seed)) * torch.tensor([2 * math.pi, 2.0])).unbind(1)
    change = 0.05 * (2 * torch.rand(places, 2, generator=draws(seed + 1)) - 1)

    def code(turn: Tensor, slide: Tensor) -> Tensor:
        return torch.stack([turn.cos(), turn.sin(), (2 * turn).cos(), (2 * slide).sin() / 2 + 2 * slide], 1)

    now = code(turn, slide)
    return torch.cat([now, now - code(turn - change[:, 0], slide - change[:, 1])], 1), torch.stack([turn, slide], 1)


def test_geodesics_are_what_a_system_moves_however_codes_bend() -> None:
    z, places = turned(4000)
    nodes, lengths = chart.geodesics(z, draws())
    order = torch.randperm(4000, generator=draws())[: chart.NODES]
    turn, slide = places[order].unbind(1)
    torch.testing.assert_close(nodes, z[order, :4])
    round_ = (turn[:, None] - turn + math.pi).remainder(2 * math.pi) - math.pi
    straight = (round_.square() + (slide[:, None] - slide).square()).sqrt()
    some = torch.triu_indices(500, 500, 1).unbind()
    both = torch.stack([lengths[some], straight[some]])
    assert float(torch.corrcoef(both)[0, 1]) > 0.97
    assert float(lengths.mean()) == pytest.approx(1, abs=1e-4)
    codes = torch.corrcoef(torch.stack([torch.pdist(nodes[:500]), straight[some]]))[0, 1]
    assert float(codes) < 0.9  # a code's own distances say less


def test_places_that_no_way_leads_to_are_as_far_as_the_farthest() -> None:
    z, _ = turned(200)
    apart = torch.cat([z, z + torch.tensor([100.0] * 4 + [0.0] * 4)])
    lengths = chart.geodesics(apart, draws())[1]
    assert lengths.isfinite().all() and float((lengths == lengths.max()).float().mean()) > 0.45


def test_a_chart_lays_ways_out_straight(tmp_path: Path) -> None:
    z, places = turned(1000)
    one = chart.Chart(4, 3, 32)
    initialise(one, draws())
    nodes, lengths = chart.geodesics(z, draws())
    one.mean.copy_(nodes.mean(0))
    laying, whole = Laying(one, lengths), Places(nodes, torch.arange(len(nodes)))
    before = float(laying(whole)["loss"].detach())
    fit(laying, Rows(whole, 256, 0), FitOptions(400, 3e-3, device="cpu", progress=False), tmp_path)
    assert float(laying(whole)["loss"].detach()) < 0.02 < before
    with torch.no_grad():
        told = torch.cat([one.moving(z)[:, :3], torch.ones(len(z), 1)], 1)
    wanted = torch.stack([places[:, 0].cos(), places[:, 0].sin(), places[:, 1]], 1)
    off = wanted - told @ torch.linalg.lstsq(told, wanted).solution
    assert (1 - off.var(0) / wanted.var(0)).min() > 0.9


def test_dynamics_settle_in_a_chart(tmp_path: Path) -> None:
    pole = tmp_path / "pole.h5"
    collect(Asked("unbraid/PlanarPendulum-v0", {}, "transitions", {}, 0, "uniform"), 40, pole, "x", progress=False)
    rows = Recording(pole, 8, 0)
    settings = {"bound": "infomax", "latents": 8, "frames": 2, "network": "conv", "settle": 20, "chart": 2}
    one = DynamicsContent(ImageShape(48, 48, 2), rows.single_action_space, 1, agent.Config(**settings), draws())
    first, again = one.transition, agent.build(one.config, rows, draws(1))
    agent.settle(one, rows, 0, progress=False)
    z, action = one.encode(rows.transitions["image"]), rows.transitions["action"]
    assert z.shape == (40, 4) and one.transition is first
    assert one.next(z, action).shape == z.shape
    a, b = one.jacobians(z, action)
    more = one.next(z, action + 1e-2) - one.next(z, action - 1e-2)
    torch.testing.assert_close(b[..., 0] * 2e-2, more, rtol=0.05, atol=1e-4)
    assert a.shape == (40, 4, 4) and torch.equal(one.metric(z), torch.eye(4))
    found = agent.evaluate(one, "unbraid/PlanarPendulum-v0", 0, states=30)
    assert set(found["foretold_x"]) == {"1", "5", "10", "20"}
    trip = agent.plan(one, "unbraid/PlanarPendulum-v0", 2, 0, max_steps=3)[1]
    assert trip.path.shape[:2] == (4, 2)
    again.load_state_dict(one.state_dict())
    torch.testing.assert_close(again.next(again.encode(rows.transitions["image"]), action), one.next(z, action))


@pytest.mark.parametrize("wrong", [{"bound": "rce"}, {"frames": 1}, {"settle": 0}])
def test_a_chart_is_of_what_settles_and_moves(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="--settle"):
        agent.Config(**{"bound": "infomax", "frames": 2, "latents": 4, "chart": 2, **wrong})


def test_what_actions_add_is_found_by_least_squares() -> None:
    z, action, pushed = random(20, 4), random(20, 2, seed=1), random(4, 2, seed=2)
    still = Mechanism(4, 2, 8).still
    found = _pushed(Coded(z, action, z @ still.T + action @ pushed.T), still)
    torch.testing.assert_close(found, pushed, rtol=1e-4, atol=1e-5)


def test_a_mechanism_accelerates_by_what_is_quadratic_in_its_speed() -> None:
    one = Mechanism(6, 2, 8)
    torch.nn.init.normal_(one.push, generator=draws(1))
    place, speed, action = random(5, 3, seed=2), random(5, 3, seed=3), random(5, 2, seed=4)

    def change(times: float, taken: Tensor) -> Tensor:
        z = torch.cat([place, times * speed], 1)
        with torch.no_grad():
            return one(z).next(z, taken) - torch.cat([place + times * speed, times * speed], 1)

    none, once, twice, thrice = (change(times, action) for times in (0.0, 1.0, 2.0, 3.0))
    torch.testing.assert_close(thrice - 3 * twice + 3 * once, none, rtol=1e-3, atol=1e-4)
    assert float((twice - 2 * once + none).abs().min(0).values.max()) > 1e-4  # and not linear
    pushes = [change(times, action) - change(times, 0 * action) for times in (0.0, 3.0)]
    torch.testing.assert_close(*pushes, rtol=1e-3, atol=1e-4)  # the same at any speed


def test_bounds_hold_speeds_and_what_they_move() -> None:
    one = Bounded(4, 2, 8)
    initialise(one, draws())
    one.begin(draws())
    place, action, top = random(5, 2), random(5, 2, seed=1), 0.3
    slow, fast = (torch.cat([place, speed.expand(5, -1)], 1) for speed in top * torch.tensor([[0.1, -0.2], [5, -9]]))
    with torch.no_grad():
        free = one(fast).next(fast, 0 * action)
        one.bound(top * torch.tensor([-1.0, 1, 1, -1, -1, 1]))
        spread = float(one.unit)
        held, still = (one(z).next(z, 0 * action) for z in (fast, slow))
    torch.testing.assert_close(free[:, 2:], fast[:, 2:])
    ends = spread * torch.tensor([1.0, -1.0]).expand(5, -1)
    torch.testing.assert_close(held[:, 2:], ends)
    torch.testing.assert_close(held[:, :2], place + (fast[:, 2:] + ends) / 2)  # half of what was taken
    torch.testing.assert_close(still[:, 2:], slow[:, 2:], atol=1e-3, rtol=0)


def test_dynamics_with_bounds_are_linear_around_what_is_done() -> None:
    one = Bounded(4, 2, 8)
    initialise(one, draws())
    one.begin(draws())
    one.bound(random(50, 2, seed=1))
    torch.nn.init.normal_(one.stops[-1].weight, std=0.3, generator=draws(2))
    z, action = 2 * random(6, 4, seed=3), random(6, 2, seed=4)
    a, b = (part.detach() for part in one(z).around(z, action))
    wanted = automatic(lambda z, action: one(z).next(z, action))(z, action)
    torch.testing.assert_close(b, wanted[1])
    torch.testing.assert_close(a[:, :, 2:], wanted[0][:, :, 2:])
    assert (b - one.push).abs().amax((1, 2)).gt(1e-3).any()


def test_dynamics_that_settle_find_where_speeds_end() -> None:
    place, speed, action = random(3000, 2), random(3000, 2, seed=1).clamp(-1, 1), random(3000, 2, seed=2)
    after = (speed + 0.3 * action).clamp(-1, 1)
    moves = Coded(torch.cat([place, speed], 1), action, torch.cat([place + after, after], 1))
    off = []
    for kind in (Mechanism, Bounded):
        model = Settling(kind(4, 2, 32))
        initialise(model, draws())
        model.transition.begin(draws())
        if isinstance(model.transition, Bounded):
            model.transition.bound(moves.z[:, 2:])
        optimizer = torch.optim.Adam(model.parameters(), 3e-3)
        rows = Rows(moves, 128, 0)
        for _ in range(300):
            optimizer.zero_grad()
            model(rows.draw())["loss"].backward()
            optimizer.step()
        off.append(float((model.transition(moves.z).next(moves.z, action) - moves.after).square().mean().detach()))
    assert off[1] < off[0] / 4


def test_ways_count_by_how_far_the_system_goes_them_around_the_goal() -> None:
    one = DynamicsContent(
        ImageShape(40, 40, 2), ACTIONS, 1, agent.Config(bound="infomax", latents=4, frames=2), draws()
    )
    goal = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    torch.testing.assert_close(one.metric(goal), torch.eye(4))  # nothing is known yet
    half = len(one.known) // 2
    there, elsewhere = goal.expand(half, 4).clone(), (-goal).expand(half, 4).clone()
    there[:, 2:] = torch.tensor([3.0, 1.0]) * (2 * (torch.rand(half, 2, generator=draws()) > 0.5) - 1)
    elsewhere[:, 2:] = random(half, 2, seed=1)
    one.known.copy_(torch.cat([there, elsewhere]))
    found = one.metric(goal)
    wanted = torch.tensor([1 / 9.5, 1 / 1.5])  # variances 9 and 1, and a tenth of their mean
    torch.testing.assert_close(found[:2, :2].diagonal(), wanted, rtol=0.1, atol=0)
    torch.testing.assert_close(found[2:, 2:], found[:2, :2])
    assert float(found[:2, 2:].abs().max()) == 0
    assert learner(sets=1, bound="infomax").known.numel() == 0  # of one frame: no speeds


def weighed(one: DynamicsContent, inputs: Any, weights: dict[str, float], default: float) -> None:
    found = {name: float(value.detach()) for name, value in one(inputs).items()}
    wanted = sum(weights.get(name, default) * value for name, value in found.items() if name != "loss")
    assert found["loss"] == pytest.approx(wanted, rel=1e-5)


def test_the_layout_sees_all_rows_and_comes_first() -> None:
    one = learner(layout=0.2, warm_up=0.5, steps=100, painted=4)
    found = [one.prepare(batch(), step, draws()) for step in (0, 19, 20, 70, 99)]
    assert [inputs.warmth for inputs in found] == pytest.approx([-1, -1, 0, 1, 1])
    assert [len(inputs.batch.image) for inputs in found] == [8, 8, 4, 4, 4]
    assert [len(inputs.batch.pairs[0].other) for inputs in found] == [4, 4, 2, 2, 2]
    assert len(learner(bound="pc3", sets=1, painted=4).prepare(batch(), 0, draws()).batch.image) == 8
    plain = learner(bound="e2c", sets=1, painted=4).prepare(batch(), 0, draws())
    assert plain.warmth == 1 and len(plain.batch.action) == len(plain.noise[0]) == 4
    at_once = learner(layout=0, warm_up=0).prepare(batch(), 0, draws())
    assert at_once.warmth == 1


@pytest.mark.parametrize("bound", list(BOUNDS))
def test_every_bound_trains_all_that_it_uses(bound: str) -> None:
    one = learner(bound=bound, sets=2 if bound == "split" else 1)
    one(one.prepare(batch(), one.config.steps - 1, draws()))["loss"].backward()
    unused = {name.partition(".")[0] for name, part in one.named_parameters() if part.grad is None}
    assert (
        unused
        == {
            "split": {"log_noise"},
            "rce": {"log_noise"},
            "e2c": {"backward_head", "log_precision", "log_noise"},
            "pcc": {"backward_head", "log_precision"},
            "pc3": {"backward_head", "log_noise", "decoders"},
            "infomax": {"backward_head", "log_precision", "log_noise", "decoders"},
            "world": {"backward_head", "log_precision", "log_noise"},
        }[bound]
    )


def test_a_world_models_jacobians_are_its_dynamics_own() -> None:
    one = learner(bound="world", sets=1, latents=3).requires_grad_(False).double()
    z, action = random(4, 3).double(), random(4, 2, seed=1).double()
    by_state, by_action = one.jacobians(z, action)
    step = 1e-6 * torch.eye(3, dtype=torch.float64)
    for k in range(3):
        moved = (one.next(z + step[k], action) - one.next(z - step[k], action)) / 2e-6
        torch.testing.assert_close(moved, by_state[:, :, k], atol=1e-6, rtol=1e-6)
    for k in range(2):
        moved = (one.next(z, action + step[k, :2]) - one.next(z, action - step[k, :2])) / 2e-6
        torch.testing.assert_close(moved, by_action[:, :, k], atol=1e-6, rtol=1e-6)


def test_flat_dynamics_have_no_curvature() -> None:
    one = learner(bound="pcc", sets=1)
    inputs = one.prepare(batch(), 0, draws())
    assert float(one(inputs)["curvature"].detach()) == pytest.approx(0, abs=1e-10)
    torch.nn.init.normal_(one.transition.bend[-1].weight, generator=draws())
    assert float(one(inputs)["curvature"].detach()) > 1e-3


def test_codes_that_blur_do_not_meet_in_the_layout_and_are_not_held_for_good() -> None:
    raw = torch.tensor([-30.0, -3.0, 3.0, 9.0], requires_grad=True)
    found = within(raw)
    found.sum().backward()
    wanted = [-12, -3 - math.log1p(math.exp(-7)), 4 - math.log1p(math.e), 4 - math.log1p(math.exp(-5))]
    assert found.tolist() == pytest.approx(wanted) and raw.grad is not None
    assert raw.grad.tolist() == pytest.approx(
        [0, 1 / (1 + math.exp(-7)), 1 / (1 + math.exp(-1)), 1 / (1 + math.exp(5))]
    )
    one = learner()
    inputs = one.prepare(batch(), 0, draws())
    before = float(one(inputs)["same state, set 1"].detach())
    blurred = [part for name, part in one.encoders.named_parameters() if name.endswith("bias")][-1]
    blurred.data[one.latents :] += 3
    assert float(one(inputs)["same state, set 1"].detach()) == pytest.approx(before, rel=1e-5) and before > 0


def test_information_is_that_of_gaussians_and_linear_maps_leave_it() -> None:
    foretold, off = random(100_000, 2), 0.1 * random(100_000, 2, seed=1)
    found = float(terms.information(foretold, foretold + off))
    assert found == pytest.approx(math.log(0.01 / 1.01), abs=0.02)
    stretch, shift = torch.tensor([[3.0, 1.0], [0.5, -2.0]]), torch.tensor([7.0, -3.0])
    moved = float(terms.information(foretold @ stretch + shift, (foretold + off) @ stretch + shift))
    assert moved == pytest.approx(found, abs=1e-3)
    assert math.isfinite(float(terms.information(foretold, foretold)))
    assert float(terms.information(foretold + 1, foretold + off)) > found + 1  # what is always off is off, too


def test_where_nothing_is_painted_or_differs_nothing_is_said() -> None:
    settings = {"bound": "infomax", "latents": 4, "frames": 2, "network": "conv"}
    one = DynamicsContent(ImageShape(48, 48, 2), spaces.Box(-0.65, 0.65, (1,)), 1, agent.Config(**settings), draws())
    found = agent.evaluate(one, "unbraid/PlanarPendulum-v0", 0, states=100)  # at rest as episodes begin
    assert found["reconstruction_x"] is None and found["prediction_x"] is None
    assert math.isfinite(found["place_from_z"]) and set(found["foretold_x"]) == {"1", "5", "10", "20"}


def test_of_two_frames_a_code_is_where_the_last_is_and_what_moved_since() -> None:
    one = DynamicsContent(ImageShape(40, 40, 2), ACTIONS, 1, agent.Config(bound="rce", latents=6, frames=2), draws())
    one.requires_grad_(False)
    x = torch.rand(5, 2, 40, 40, generator=draws())
    code, still = one.describe(x), one.describe(x[:, [1, 1]])
    (before, before_logvar), (now, logvar) = (one.encoders[0](x[:, [k]]).chunk(2, 1) for k in (0, 1))
    torch.testing.assert_close(code.mu, torch.cat([now, now - before], 1))
    noise = within(before_logvar).exp() + within(logvar).exp()
    torch.testing.assert_close(code.logvar[:, 3:].exp(), noise)
    torch.testing.assert_close(still.mu[:, :3], code.mu[:, :3])
    assert float(still.mu[:, 3:].abs().max()) < 1e-6 < float(code.mu[:, 3:].abs().max())
    tells = DynamicsContent(
        ImageShape(40, 40, 2), ACTIONS, 1, agent.Config(bound="infomax", latents=6, frames=2), draws()
    )
    images = torch.randint(256, (2, 8, 40, 40, 2), generator=draws(), dtype=torch.uint8)
    moves = Recalled(images[0], random(8, 2), images[1], (), ())
    z, after = (tells.encode(part) for part in images)
    foretold = tells.transition(z).next(z, tells.scaled(moves.action))
    told = tells(tells.prepare(moves, 0, draws()))["information"]
    torch.testing.assert_close(told, terms.information(foretold[:, :3], after[:, :3]))  # of places alone
    glided = one.transition(code.mu).next(code.mu, torch.zeros(5, 2))
    torch.testing.assert_close(glided, torch.cat([2 * now - before, now - before], 1))  # goes on as it goes
    with pytest.raises(InputError, match="observations of 1 channels aren't 2 frames"):
        learner(frames=2)


def test_sets_without_partners_are_aligned() -> None:
    one = learner(sets=3)
    for step in (0, one.config.steps - 1):
        found = one(one.prepare(batch(pairs=1, images=1), step, draws()))
        assert {"same state, set 1", "alignment, set 2", "content, set 1", "content, set 2"} <= set(found)
        assert "alignment, set 1" not in found and ("reconstruction, set 2" in found) == (step > 0)


def test_sets_have_networks_of_their_own_where_asked() -> None:
    one = learner(shared=False)
    x = torch.rand(2, 1, 40, 40, generator=draws())
    assert len(one.encoders) == len(one.content_encoders) == len(one.decoders) == 2 and len(learner().encoders) == 1
    assert not torch.equal(one.describe(x, 0).mu, one.describe(x, 1).mu)


def test_the_first_dynamics_are_flat_and_jacobians_are_in_the_actions_units() -> None:
    one = learner().requires_grad_(False)
    z, action = random(5, 2), random(5, 2, seed=1)
    local = one.transition(z)
    assert bool((local.bend == 0).all()) and torch.equal(local.a, torch.eye(2).expand(5, 2, 2))
    torch.testing.assert_close(one.transition.push.norm(dim=0), torch.full((2,), 0.5))
    by_state, by_action = one.jacobians(z, action)
    moved = one.next(z, action + 1e-2) - one.next(z, action)
    torch.testing.assert_close(moved, by_action.sum(2) * 1e-2, atol=1e-5, rtol=1e-3)
    torch.testing.assert_close(one.scaled(torch.tensor([[-3.0, 3.0]])), torch.tensor([[-1.0, 1.0]]))
    assert by_state.shape == (5, 2, 2)


def test_the_true_state_is_the_ceiling() -> None:
    eye = torch.eye(2)
    straight = lambda z, _: (eye.expand(len(z), 2, 2), eye.expand(len(z), 2, 2))  # noqa: E731
    found = plan_on_truth(PLANAR, 3, 0, jacobians=straight, **RULES)
    assert found["success_rate"] == 1 and 74 < found["goal_time"] < 79 and 0 < found["planning_loss"] < 60
    same = plan_on_truth(PLANAR, 3, 0, jacobians=straight, units=(5.0, 5.0), **RULES)
    assert same["goal_time"] == pytest.approx(found["goal_time"])  # all that counts is how units compare
    pole = plan_on_truth("unbraid/PlanarPendulum-v0", 2, 0, max_steps=12)
    cart = plan_on_truth("unbraid/PlanarCartPole-v0", 4, 0, max_steps=12, units=(1.0, 1.0, 50.0, 50.0))
    assert pole["success_rate"] == cart["success_rate"] == 1


def test_the_true_state_goes_round_and_stops_at_its_ends() -> None:
    angle, speed = make_factored("unbraid/PlanarPendulum-v0", 1).factors
    torch.testing.assert_close(_in_range(angle, torch.tensor([3.5, -3.5, 1.0])), torch.tensor([3.5, -3.5, 1.0]) - ROUND)
    assert _in_range(speed, torch.tensor([1e3, -1e3])).tolist() == pytest.approx([speed.high, speed.low])
    hanging = plan_on_truth("unbraid/PlanarSwingUp-v0", 2, 0, max_steps=3, horizon=5)
    assert hanging["success_rate"] == 0 and math.isfinite(hanging["planning_loss"])


def test_the_true_state_is_planned_at_least_an_action_ahead() -> None:
    with pytest.raises(InputError, match="horizon must be at least 1"):
        plan_on_truth("unbraid/PlanarPendulum-v0", 2, 0, max_steps=2, horizon=0)


ROUND = torch.tensor([2 * math.pi, -2 * math.pi, 0])


def test_the_task_is_the_worlds_own_with_a_goal() -> None:
    task = begin(PLANAR, 6, 0, 40, "cpu", **OTHER)
    corners = {(37.0, 37.0), (37.0, 3.0), (3.0, 37.0)}
    assert {tuple(row) for row in task.wanted[:, :2].tolist()} <= corners
    assert task.goals.shape == task.images.shape and not torch.equal(task.goals, task.images)
    assert task.rewarded


def test_where_a_world_sets_no_task_it_is_to_come_from_one_state_to_another() -> None:
    task = begin("unbraid/Maze-v0", 6, 0, 40, "cpu")
    now, kept = task.batch.get_factors(), [factor.controllable for factor in task.batch.factors]
    assert not task.rewarded and not torch.equal(task.images, task.goals)
    assert not torch.equal(now[:, kept], task.wanted[:, kept])
    numbers, trip = drive(task, lambda images: torch.eye(len(images), 4), 3, 0.0)
    inside = (trip.factors == task.wanted)[:, kept].all(1)
    assert numbers["success_rate"] == pytest.approx(float(inside.double().mean()))


def test_sets_are_called_by_letters() -> None:
    assert set_names(0) == ["x"] and set_names(3) == ["x", "y", "y2", "y3"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"bound": "vae"}, "bound must be one of split, rce, e2c, pcc, pc3, infomax, world, not 'vae'"),
        ({"content": 0}, "content must be above 0 to split it from the dynamics; without any take --bound rce"),
        ({"warm_up": 2}, "warm_up must be from 0 to 1"),
        ({"layout": -0.1}, "layout must be from 0 to 1"),
        ({"painted": 0}, "painted must be above 0"),
        ({"latents": 0}, "latents must be above 0"),
        ({"settle": -1}, "settle must be at least 0"),
        ({"latents": 3, "frames": 2}, "frames must be 1, or 2 with an even number of latents, not 2 with 3 latents"),
        ({"frames": 3}, "frames must be 1, or 2"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        agent.Config(**settings)


def test_what_it_cannot_learn_from_is_refused(recording: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="learns from a recording: give --data"):
        agent.data(agent.Config(), make_factored(PLANAR, 2), 0)
    with pytest.raises(InputError, match="must be of a list, or bounded numbers"):
        agent.build(agent.Config(), make_factored("unbraid/MazeCombat-v0", 2), draws())
    collect(Asked(PLANAR, RULES, "transitions", {}, 0), 10, tmp_path / "x.h5", "x", progress=False)
    with pytest.raises(InputError, match="shows one set only"):
        agent.data(agent.Config(), Recording(tmp_path / "x.h5", 4, 0), 0)
    one = learner()
    with pytest.raises(UnknownNameError, match="unknown set to observe 'z'"):
        agent.plan(one, PLANAR, 2, 0, observe="z", others=(OTHER,))
    with pytest.raises(UnknownNameError, match="unknown planner 'lqr'"):
        agent.plan(one, PLANAR, 2, 0, planner="lqr")


def test_it_works_end_to_end(recording: Path, tmp_path: Path, cli: Any) -> None:
    run = tmp_path / "run"
    few = ("--data", recording, "--steps", 3, "--batch-size", 8, "--device", "cpu")
    done = cli("train", "dynamics-content", *few, "--out", run)
    assert done.status == 0, done.err
    said = open_run(run)
    assert (said.env, said.env_options, said.others) == (PLANAR, RULES, (OTHER,))
    done = cli("plan", run, "--episodes", 2, "--observe", "y", "--max-steps", 2, "--json")
    assert done.status == 0, done.err
    assert {"success_rate", "goal_time", "planning_loss", "seconds_per_episode"} <= set(json.loads(done.out))
    done = cli("evaluate", run, "--metrics", "r2", "--points", 60, "--json")
    assert done.status == 0, done.err
    found = json.loads(done.out)["agent"]
    assert {"reconstruction_x", "prediction_y", "foretold_x", "place_from_w", "content_from_w"} <= set(found)
    assert set(found["foretold_y"]) == {"1", "5", "10", "20"}
    assert cli("report", run).status == 0
    page = (run / "report.html").read_text()
    assert "which set it is, accuracy, read from w" in page and "latent traversals" in page
    for wrong, words in (
        (("plan", run, "--max-steps", 0), "--max-steps must be at least 1"),
        (("plan", run, "--horizon", 0), "--horizon must be at least 1"),
        (("plan", run, "--no-search"), "whose plans have no --search"),
        (("train", "dynamics-content", "--out", tmp_path / "b"), "give --data FILE.h5"),
        (("train", "dynamics-content", *few, "--env-options", "sigma=1", "--out", tmp_path / "b"), "give no --env"),
        (("train", "icf", "--data", recording, "--out", tmp_path / "b"), "learns by acting"),
    ):
        done = cli(*wrong)
        assert done.status == 2 and words in done.err and done.err.count("\n") == 1, done.err


@pytest.mark.slow
def test_a_report_shows_no_paintings_of_what_never_learnt_to_paint(
    recording: Path, tmp_path: Path, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(album.Album, "_trips", lambda *_: None)  # which take a minute
    few = ("--data", recording, "--bound", "pc3", "--steps", 2, "--batch-size", 8, "--device", "cpu")
    assert cli("train", "dynamics-content", *few, "--out", tmp_path / "run").status == 0
    done = cli("report", tmp_path / "run")
    assert done.status == 0, done.err
    page = (tmp_path / "run/report.html").read_text()
    assert "learning curves" in page and "latent traversals" not in page


def test_actions_may_be_of_a_list(tmp_path: Path, cli: Any) -> None:
    path, run = tmp_path / "maze.h5", tmp_path / "run"
    done = cli("collect", "unbraid/Maze-v0", "--set", "x", "--rows", 30, "--out", path)
    assert done.status == 0, done.err
    few = ("--data", path, "--steps", 3, "--batch-size", 8, "--device", "cpu")
    done = cli("train", "dynamics-content", *few, "--bound", "rce", "--out", run)
    assert done.status == 0, done.err
    one = open_run(run).load()
    torch.testing.assert_close(one.scaled(torch.tensor([2, 0])), torch.eye(4)[[2, 0]])
    torch.testing.assert_close(one.scaled(torch.tensor([[-0.3, 0.1, 0.7, 0.2]])), torch.eye(4)[[2]])
    done = cli("plan", run, "--episodes", 2, "--max-steps", 2, "--json")
    assert done.status == 0, done.err
    assert json.loads(done.out)["planning_loss"] > 0
    assert cli("evaluate", run, "--metrics", "r2", "--points", 30, "--json").status == 0
    done = cli("plan", run, "--planner", "ilqr")
    assert done.status == 2 and "ilqr needs actions that are bounded numbers" in done.err


def test_a_run_is_loaded_where_its_recording_is_gone(recording: Path, tmp_path: Path, cli: Any) -> None:
    copy = tmp_path / "copy.h5"
    copy.write_bytes(recording.read_bytes())
    few = ("--data", copy, "--steps", 2, "--batch-size", 8, "--device", "cpu")
    assert cli("train", "dynamics_content", *few, "--out", tmp_path / "run").status == 0
    copy.unlink()
    assert open_run(tmp_path / "run").load().encode(torch.zeros(2, 40, 40, 1, dtype=torch.uint8)).shape == (2, 2)


@pytest.mark.slow
def test_a_short_training_plans_as_both_sets_show_it(tmp_path: Path) -> None:
    path = tmp_path / "planar.h5"
    collect(Asked(PLANAR, RULES, "transitions", {}, 0), 8000, path, "x", progress=False)
    collect(Asked(PLANAR, RULES, "pairs", OTHER, 0), 2000, path, "pairs", progress=False)
    config = agent.Config(steps=2000)
    data = Recording(path, config.batch_size, 0)
    one = agent.build(config, data, draws())
    fit(one, data, FitOptions(config.steps, config.learning_rate, device="cpu", progress=False), tmp_path)
    for name in "xy":
        found = agent.plan(one, PLANAR, 10, 1, observe=name, others=(OTHER,), **RULES)[0]
        assert found["goal_time"] > 60, (name, found)
    x = to_floats(read(path))
    painted = one.paint(one.describe(x).mu, one.look(x).mu)
    assert float(Bernoulli().distortion(x, painted).detach()) < 75


def read(path: Path) -> Tensor:
    from unbraid.representation.recorded import read_recording

    return read_recording(path)["x"].arrays["image"][:200]
