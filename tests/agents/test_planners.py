"""Planners against closed forms: Riccati's equation, quadratics whose minimum is known, and a world's own ceiling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from unbraid.agents.planners import CEM, ICEM, ILQR, MPPI, Plan, Problem, RecedingHorizon, automatic, differences
from unbraid.agents.planners.cem import coloured_noise
from unbraid.agents.planners.ilqr import backward
from unbraid.envs import make_factored
from unbraid.envs.planar import Planar
from unbraid.errors import InputError

STATE = torch.tensor([[1.0, 0.1], [0.0, 1.0]], dtype=torch.float64)
ACTION = torch.tensor([[0.0], [0.1]], dtype=torch.float64)
EXACT = ILQR(horizon=20, rounds=1, sequences=1, mu=0.0)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def linear(goal: Tensor, bound: float = 1e6, **changes: Any) -> Problem:
    """A mass on a rail, pushed."""
    limit = torch.full((1,), bound, dtype=torch.float64)
    costs = {"state_cost": torch.diag(torch.tensor([2.0, 0.5]).double()), "action_cost": 0.3 * torch.eye(1).double()}
    asked = {"goal": goal, **costs, "low": -limit, "high": limit, **changes}
    return Problem(lambda z, u: z @ STATE.T + u @ ACTION.T, **asked)


def riccati(problem: Problem, start: Tensor, horizon: int) -> tuple[Tensor, Tensor]:
    """The best actions and their cost, by the textbook's recursion for a goal that is an equilibrium."""
    q, r = problem.state_cost, problem.action_cost
    value, gains = q, []
    for _ in range(horizon):
        gain = torch.linalg.solve(r + ACTION.T @ value @ ACTION, ACTION.T @ value @ STATE)
        gains.append(gain)
        value = q + STATE.T @ value @ (STATE - ACTION @ gain)
    off, actions = start - problem.goal, []
    cost = ((off @ (value - q)) * off).sum(1)  # the first state costs nothing
    for gain in reversed(gains):
        actions.append(-off @ gain.T)
        off = off @ STATE.T + actions[-1] @ ACTION.T
    return torch.stack(actions, 1), cost


def test_ilqr_is_riccati_on_a_linear_system() -> None:
    goal = torch.cat([random(5, 1), torch.zeros(5, 1).double()], 1)  # at rest somewhere
    problem, start = linear(goal), random(5, 2, seed=1)
    wanted, cost = riccati(problem, start, 20)
    found = EXACT.plan(problem, start, draws())
    torch.testing.assert_close(found.actions, wanted, rtol=1e-8, atol=1e-6)
    torch.testing.assert_close(found.cost, cost, rtol=1e-8, atol=1e-8)


def test_cost_by_hand() -> None:
    problem = linear(torch.tensor([[1.0, 0.0]], dtype=torch.float64))
    states = torch.tensor([[[9.0, 9.0], [2.0, 2.0]]], dtype=torch.float64)  # the first is free
    assert float(problem.cost(states, torch.full((1, 1, 1), 2.0).double())) == pytest.approx(2 + 2 + 1.2)
    assert float(problem.cost(states * torch.inf, torch.zeros(1, 1, 1).double())) == torch.inf


def test_jacobians_are_the_dynamics_own() -> None:
    def swing(z: Tensor, u: Tensor) -> Tensor:
        return torch.stack([z[:, 0] + 0.1 * z[:, 1], z[:, 1] + 0.1 * z[:, 0].sin() * u[:, 0]], 1)

    z, u = random(4, 2), random(4, 1, seed=1)
    by_state, by_action = automatic(swing)(z, u)
    assert by_state.shape == (4, 2, 2) and by_action.shape == (4, 2, 1)
    torch.testing.assert_close(by_state[:, 1, 0], 0.1 * z[:, 0].cos() * u[:, 0])
    torch.testing.assert_close(by_action[:, 1, 0], 0.1 * z[:, 0].sin())
    for exact, near in zip((by_state, by_action), differences(swing, 1e-4)(z, u), strict=True):
        torch.testing.assert_close(exact, near, atol=1e-7, rtol=1e-7)


def test_regularisation_shortens_steps() -> None:
    problem, actions = linear(torch.zeros(3, 2).double()), torch.zeros(3, 6, 1).double()
    states = problem.follow(random(3, 2), actions)
    plain, held = (backward(problem, states, actions, torch.full((3,), mu).double()) for mu in (0.0, 100.0))
    assert bool((held.open.abs() < plain.open.abs())[:, :3].all())


def test_many_tasks_are_planned_as_each_alone() -> None:
    goals, start = random(4, 2), random(4, 2, seed=1)
    guess = 0.1 * random(4, 20, 1, seed=2)
    planner = ILQR(horizon=20, sequences=1)
    together = planner.plan(linear(goals, 1.0), start, draws(), guess)
    for k in range(4):
        alone = planner.plan(linear(goals[k : k + 1], 1.0), start[k : k + 1], draws(), guess[k : k + 1])
        torch.testing.assert_close(alone.actions[0], together.actions[k])


@pytest.mark.parametrize("planner", [ILQR(horizon=8), CEM(horizon=8), ICEM(horizon=8), MPPI(horizon=8)])
def test_every_planner_keeps_to_the_bounds_and_improves_on_doing_nothing(planner: Any) -> None:
    problem, start = linear(torch.zeros(6, 2).double(), bound=2.0), 3 + random(6, 2)
    found = planner.plan(problem, start, draws())
    assert found.actions.shape == (6, 8, 1) and bool((found.actions.abs() <= 2).all())
    idle = torch.zeros_like(found.actions)
    assert bool((found.cost < problem.cost(problem.follow(start, idle), idle)).all())
    torch.testing.assert_close(found.cost, problem.cost(problem.follow(start, found.actions), found.actions))
    again = planner.plan(problem, start, draws())
    assert torch.equal(found.actions, again.actions)


@pytest.mark.parametrize(
    ("planner", "near"),
    [
        (CEM(horizon=6, rounds=15, samples=400, elites=40), 1e-2),
        (ICEM(horizon=6, rounds=15, samples=400, elites=40, colour=0.5), 2e-2),
        (MPPI(horizon=6, rounds=60, samples=400, noise=0.2, temperature=0.05), 5e-2),
    ],
)
def test_sampling_finds_the_minimum_that_riccati_knows(planner: Any, near: float) -> None:
    problem, start = linear(torch.zeros(3, 2).double(), bound=8.0), random(3, 2)
    wanted, cost = riccati(problem, start, 6)
    assert float(wanted.abs().max()) < 8  # the bounds don't bind
    found = planner.plan(problem, start, draws())
    assert bool((found.cost <= (1 + near) * cost).all()) and bool((found.cost >= cost).all())


def test_what_the_dynamics_lose_is_not_chosen() -> None:
    def cliff(z: Tensor, u: Tensor) -> Tensor:
        return torch.where(u > 0, torch.nan, z + u)

    one = torch.ones(1)
    problem = Problem(cliff, torch.ones(2, 1), torch.eye(1), 0.01 * torch.eye(1), -one, one)
    for planner in (CEM(horizon=1), ICEM(horizon=1), MPPI(horizon=1)):
        found = planner.plan(problem, torch.zeros(2, 1), draws())
        assert bool((found.actions <= 0).all()) and bool(found.cost.isfinite().all())


def test_where_all_is_lost_actions_are_still_finite() -> None:
    lost = lambda z, u: z + u.sum(1, keepdim=True) * torch.nan  # noqa: E731
    problem = Problem(lost, torch.zeros(2, 1), torch.eye(1), torch.eye(2), -torch.ones(2), torch.ones(2))
    for planner in (ILQR(4, rounds=2), CEM(4, rounds=2, samples=20, elites=5), MPPI(4, samples=20)):
        plan = planner.plan(problem, torch.ones(2, 1), torch.Generator().manual_seed(0))
        assert bool(plan.actions.isfinite().all()), planner


def test_where_no_action_does_or_costs_anything_ilqr_stays_as_it_is() -> None:
    """Nothing is best there: the matrix that gains are solved for is 0."""
    nothing = torch.zeros(1, 1)
    problem = Problem(lambda z, u: z + 0 * u, torch.zeros(2, 1), torch.eye(1), nothing, -torch.ones(1), torch.ones(1))
    plan = ILQR(mu=0.0).plan(problem, torch.ones(2, 1), torch.Generator().manual_seed(0))
    assert plan.actions.isfinite().all() and plan.cost.isfinite().all()


def test_coloured_noise_has_the_variance_and_the_slope_that_it_should() -> None:
    for colour in (0.0, 1.0, 2.0):
        drawn = coloured_noise((4000, 1, 16, 2), colour, draws())
        assert float(drawn.var()) == pytest.approx(1, abs=0.03)
        power = torch.fft.rfft(drawn, dim=2).abs().square().mean((0, 1, 3))[1:-1]
        slope = np.polyfit(np.log(np.arange(1, 8)), power.log().numpy(), 1)[0]
        assert slope == pytest.approx(-colour, abs=0.1)


class Noting:
    """A planner that notes what it is handed, and names actions by their place in the plan."""

    def __init__(self) -> None:
        self.guesses: list[Tensor | None] = []

    def plan(self, problem: Problem, start: Tensor, generator: Any, guess: Tensor | None = None) -> Plan:
        self.guesses.append(guess)
        return Plan(torch.arange(4.0).view(1, 4, 1).expand(len(start), -1, -1), torch.zeros(len(start)))


def test_a_receding_horizon_begins_with_what_is_left() -> None:
    planner = Noting()
    controller = RecedingHorizon(planner, linear(torch.zeros(2, 2).double()), draws())
    assert [controller.act(random(2, 2)).tolist() for _ in range(2)] == 2 * [[[0.0], [0.0]]]
    assert planner.guesses[0] is None
    assert planner.guesses[1] is not None and planner.guesses[1][:, :3, 0].tolist() == 2 * [[1.0, 2.0, 3.0]]


def test_a_receding_horizon_comes_to_the_goal() -> None:
    problem, state = linear(torch.zeros(2, 2).double(), bound=1.0), random(2, 2)
    controller = RecedingHorizon(ILQR(horizon=5, sequences=1), problem, draws())
    for _ in range(100):
        state = problem.next(state, controller.act(state))
    assert bool((state.abs() < 0.1).all())


def test_the_true_planar_system_is_controlled_as_well_as_its_ceiling() -> None:
    """76.0 % of the steps are in the goal with the controller on the true state, by PCC's rules."""
    n = 30
    env = make_factored("unbraid/PlanarGoal-v0", n, protocol="pcc")
    env.reset(seed=0)
    factors = env.get_factors()
    goal = torch.tensor([[37.0, 37.0], [37.0, 3.0], [3.0, 37.0]])[factors[:, 2].long()]
    world, eye, limit = Planar(protocol="pcc"), torch.eye(2), torch.full((2,), 3.0)
    straight = lambda z, u: (eye.expand(len(z), 2, 2), eye.expand(len(z), 2, 2))  # noqa: E731

    def moved(z: Tensor, u: Tensor) -> Tensor:
        return world.step(world.set_factors(z), u, None)[0].place  # type: ignore[arg-type]

    problem = Problem(moved, goal, 10 * eye, eye, -limit, limit, straight)
    controller, inside, place = RecedingHorizon(ILQR(), problem, draws()), [], factors[:, :2]
    for _ in range(40):
        reward = env.step(controller.act(place))[1]
        inside.append(reward)
        place = env.get_factors()[:, :2] if len(inside) < 40 else place
    share = torch.stack(inside)
    assert float(share.mean()) > 0.75 and bool((share[-1] == 1).all())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ILQR(horizon=0), "horizon must be at least 1, not 0"),
        (lambda: CEM(elites=400), "elites must be at most samples, 300, not 400"),
        (lambda: CEM(decay=2), "decay must be at most 1, not 2"),
        (lambda: MPPI(temperature=0), "temperature must be above 0, not 0"),
        (lambda: MPPI(samples=1), "samples must be at least 2, not 1"),
        (lambda: linear(torch.zeros(2).double()), r"goal must have shape \(n, K\), not \(2,\)"),
        (lambda: linear(torch.zeros(2, 3).double()), r"state_cost must have shape \(3, 3\), not \(2, 2\)"),
        (lambda: linear(torch.zeros(2, 2).double(), bound=-1.0), "low must be below high"),
    ],
)
def test_what_cannot_be_is_refused(make: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        make()
