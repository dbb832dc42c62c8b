"""Pendulum, cart and pole, three-link arm: physics, tasks that can be solved, pictures."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from torch import Tensor
from torch.autograd.functional import hessian, jacobian

from unbraid.envs import Streams
from unbraid.envs.planar import CartPole, Pendulum, Poles, PolesState, ThreeLink
from unbraid.envs.planar.capsules import Capsules
from unbraid.envs.planar.poles import wrap
from unbraid.envs.planar.three_link import solve

G, M, L = 9.81, 0.1, 0.5
WORLDS = [Pendulum(), CartPole(), ThreeLink()]
EACH = pytest.mark.parametrize("world", WORLDS, ids=["pendulum", "cartpole", "three_link"])


def masses(world: Poles, q: Tensor) -> Tensor:
    """Each mass point or body's place, right and up, and angle: ``(bodies, 3)``."""
    still = torch.zeros_like(q[0])
    if isinstance(world, Pendulum):
        return torch.stack([torch.stack([L * q[0].sin(), L * q[0].cos(), still])])
    if isinstance(world, CartPole):
        pole = torch.stack([q[0] + L * q[1].sin(), L * q[1].cos(), q[1]])
        return torch.stack([torch.stack([q[0], still, still]), pole])
    turned = q.cumsum(0)
    ways = L * torch.stack([turned.sin(), turned.cos()])
    middles = ways.cumsum(1) - ways / 2
    return torch.stack([middles[0], middles[1], turned], 1)


def weights(world: Poles) -> tuple[list[float], list[float]]:
    """Mass and moment of inertia about its own middle of each body; a rod's is m (whole length)^2 / 12."""
    if isinstance(world, Pendulum):
        return [M], [0.0]
    if isinstance(world, CartPole):
        return [1.0, M], [0.0, M * (2 * L) ** 2 / 12]
    return [M] * 3, [M * L**2 / 12] * 3


def energies(world: Poles, q: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Kinetic and potential energy, J, from where the bodies are and how they move."""
    places, moving = masses(world, q), jacobian(lambda at: masses(world, at), q, create_graph=True) @ v
    mass, inertia = torch.tensor(weights(world), dtype=q.dtype)
    kinetic = (mass * (moving[:, 0] ** 2 + moving[:, 1] ** 2) + inertia * moving[:, 2] ** 2).sum() / 2
    return kinetic, (mass * G * places[:, 1]).sum()


def lagrange(world: Poles, q: Tensor, v: Tensor, force: Tensor) -> Tensor:
    """Accelerations by Lagrange's equations, differentiated automatically; a joint's force acts on its coordinate."""

    def lagrangian(q: Tensor, v: Tensor) -> Tensor:
        return torch.sub(*energies(world, q, v))

    (_, _), (mixed, inertia) = hessian(lagrangian, (q, v))
    applied = torch.cat([force, q.new_zeros(len(q) - len(force))])
    return torch.linalg.solve(inertia, jacobian(lagrangian, (q, v))[0] - mixed @ v + applied)


@EACH
@settings(max_examples=8)
@given(seed=st.integers(0, 10**6))
def test_the_equations_of_motion_are_lagranges(world: Poles, seed: int) -> None:
    rng = np.random.default_rng(seed)
    d, a = len(world.factors) // 2, world.action_space.shape[0]
    q, v, force = (torch.from_numpy(rng.normal(0, 2, k)) for k in (d, d, a))
    q = q.clamp(-2.3, 2.3)
    found = world.accelerations(q[:, None], v[:, None], force[:, None])[:, 0]
    assert torch.allclose(found, lagrange(world, q, v, force), rtol=1e-9, atol=1e-9)


def course(world: Poles, start: Tensor, forces: Tensor) -> Tensor:
    """Factor values after each of some steps: ``(steps, 2 d)``."""
    state, found = world.set_factors(start[None]), []
    for force in forces:
        state, _, _ = world.step(state, force[None], Streams([0]))
        found.append(world.get_factors(state)[0])
    return torch.stack(found)


@EACH
def test_half_a_second_is_what_an_adaptive_solver_finds(world: Poles) -> None:
    rng = np.random.default_rng(3)
    d, limit = len(world.factors) // 2, world.action_space.high
    start = torch.from_numpy(rng.uniform(-0.8, 0.8, 2 * d).astype(np.float32))
    forces = rng.uniform(-0.5 * limit, 0.5 * limit, (25, len(limit))).astype(np.float32)

    def rate(_: float, y: np.ndarray, force: np.ndarray) -> np.ndarray:
        q, v = torch.from_numpy(y.reshape(2, d, 1))
        return np.concatenate(
            [y[d:], world.accelerations(q, v, torch.from_numpy(force).double()[:, None])[:, 0].numpy()]
        )

    y, expected = start.double().numpy(), []
    for force in forces:
        y = solve_ivp(rate, (0, 0.02), y, args=(force,), rtol=1e-11, atol=1e-13).y[:, -1]
        expected.append(y)
    found = course(world, start, torch.from_numpy(forces)).double().numpy()
    difference = found - np.array(expected)
    assert np.abs(found[:, :d]).max() < 3 and np.abs(difference).max() < 3e-5


@EACH
def test_without_force_energy_stays(world: Poles) -> None:
    d = len(world.factors) // 2
    start = torch.tensor([2.4, 0.9, -0.5][-d:] + [0.1, -0.3, 0.2][:d])
    values = course(world, start, torch.zeros(100, world.action_space.shape[0]))
    assert (values[:, d:].abs().amax(0) > 1).any()
    totals = [sum(energies(world, row[:d], row[d:])).item() for row in (start, *values[9::10])]
    assert np.ptp(totals) < 2e-4


def test_one_step_of_the_pendulum_by_hand() -> None:
    world = Pendulum()
    state, reward, ended = world.step(world.set_factors(torch.zeros(1, 2)), torch.tensor([[0.1]]), Streams([0]))
    pace = math.sqrt(G / L)  # theta'' = pace^2 theta + 4 near upright: theta = 4 (cosh(pace t) - 1) / pace^2
    expected = [4 * (math.cosh(pace * 0.02) - 1) / pace**2, 4 * math.sinh(pace * 0.02) / pace]
    assert world.get_factors(state)[0].tolist() == pytest.approx(expected, rel=1e-5)
    assert (reward.item(), ended.item()) == (1, False)


def test_the_linear_solver_solves() -> None:
    rng = np.random.default_rng(0)
    half = torch.from_numpy(rng.normal(size=(20, 3, 3)))
    matrix, right = half @ half.mT + 0.1 * torch.eye(3), torch.from_numpy(rng.normal(size=(20, 3)))
    found = solve(matrix.permute(1, 2, 0), right.T).T
    assert torch.allclose(found, torch.linalg.solve(matrix, right), rtol=1e-9)


def test_the_cart_stops_at_the_tracks_end_and_its_pole_swings_on() -> None:
    world = CartPole()
    values = course(world, torch.tensor([2.35, 2.0, 4.0, 0.0]), torch.full((26, 1), 10.0))
    assert (values[:, 0] == 2.4).all() and (values[:, 2] == 0).all()
    energy = values[:, 3] ** 2 / 2 + 3 * G / (4 * L) * values[:, 1].cos()  # of a rod on a fixed pivot, by its inertia
    assert energy.max() - energy.min() < 1e-4 and values[:, 3].max() > 4
    free = course(world, values[-1], torch.full((1, 1), -10.0))
    assert free[0, 0] < 2.4 and free[0, 2] < 0


def test_speeds_are_clamped_and_angles_wrapped() -> None:
    values = course(Pendulum(), torch.tensor([3.1, 9.0]), torch.full((40, 1), 0.65))
    assert values[:, 1].max() == torch.tensor(3 * math.pi) and values[:, 0].min() < -3 and values[:, 0].max() < math.pi
    assert wrap(torch.tensor([0.0, 4.0, -4.0, 2 * math.pi, 9.0])).tolist() == pytest.approx(
        [0, 4 - 2 * math.pi, 2 * math.pi - 4, 0, 9 - 2 * math.pi], abs=1e-6
    )


def in_goal(world: Poles, steps: int, control: Callable[[Tensor, int], Tensor]) -> Tensor:
    """The share of steps that end in the goal, from 10 starts under a controller of the true state: ``(10,)``."""
    rng, limit, paid = Streams(range(10)), torch.from_numpy(world.action_space.high), torch.zeros(10)
    state = world.reset(10, rng)
    for t in range(steps):
        force = control(world.get_factors(state).double(), t).float()
        state, reward, _ = world.step(state, force.clamp(-limit, limit), rng)
        paid += reward
    assert world.get_info(state)["is_success"].all()
    return paid / steps


def push_up(values: Tensor, t: int) -> Tensor:
    """Carry the pendulum's weight, and pull it upright."""
    angle, speed = values.T
    return (-M * G * L * angle.sin() - 0.4 * angle - 0.1 * speed)[:, None]


def test_the_pendulum_can_be_held_and_swung_up() -> None:
    assert in_goal(Pendulum(), 200, push_up).min() == 1
    assert in_goal(Pendulum("swing_up"), 400, push_up).mean().item() == pytest.approx(0.9275, abs=0.005)


def test_the_cart_can_balance_its_pole() -> None:
    gains = torch.tensor([[2.0, 50.0, 4.0, 10.0]], dtype=torch.float64)
    shares = in_goal(CartPole(), 50, lambda values, t: values @ gains.T)
    assert shares.mean().item() == pytest.approx(0.966, abs=0.005)


# Fold the last links back, raise the first, then each next: so no joint bears more than its torque.
POSES = torch.tensor([[1, 0, 0], [1, 0, 1], [1, 1, 1], [0, 1, 1], [0, 0, 1], [0, 0, 0], [0, 0, 0]]) * math.pi
STEPS_A_POSE = 45
ARM = ThreeLink()


def follow(values: Tensor, t: int) -> Tensor:
    """Computed torque along a smooth way through `POSES`."""
    angles, speeds = values[:, :3].T, values[:, 3:].T
    number, share = min(t // STEPS_A_POSE, 5), min((t % STEPS_A_POSE + 1) / STEPS_A_POSE, 1.0)
    if t >= 6 * STEPS_A_POSE:
        share = 1.0
    smooth = share**2 * (3 - 2 * share)
    wanted = POSES[number] + smooth * (POSES[number + 1] - POSES[number])
    away = (wanted[:, None] - angles + math.pi) % (2 * math.pi) - math.pi
    inertia, push = ARM.equations(angles.cumsum(0), speeds.cumsum(0))
    asked = (60 * away - 14 * speeds).cumsum(0)
    torque = (inertia * asked).sum(1) - push
    return torque.flip(0).cumsum(0).flip(0).T


def test_the_arm_can_be_raised_link_by_link_and_held() -> None:
    assert in_goal(ThreeLink(), 400, follow).mean().item() == pytest.approx(0.4375, abs=0.005)
    assert in_goal(ThreeLink("balance"), 50, lambda values, t: follow(values, 399)).min() == 1


@pytest.mark.parametrize(
    ("world", "values", "inside"),
    [(Pendulum(), (0.52, 0), True), (Pendulum(), (-0.53, 0), False), (CartPole(), (2, 0.31, 0, 0), True),
     (CartPole(), (0, 0.32, 0, 0), False), (ThreeLink(), (0.5, -1, 1, 0, 0, 0), True),
     (ThreeLink(), (0.3, 0.3, 0, 0, 0, 0), False), (ThreeLink(), (0, 3, 3, 0, 0, 0), False)],
)  # fmt: skip
def test_goals_are_angles_near_upright(world: Poles, values: tuple[float, ...], inside: bool) -> None:
    state = world.set_factors(torch.tensor([values], dtype=torch.float32))
    assert world.get_info(state)["is_success"].tolist() == [inside]


@pytest.mark.parametrize(
    ("world", "low", "high"),
    [(Pendulum(), [-1 / 6], [1 / 6]), (Pendulum("swing_up"), [0.9], [0.95]), (CartPole(), [0, -1 / 8], [0, 1 / 8]),
     (ThreeLink(), [0.9, -0.05, -0.05], [0.95, 0.05, 0.05]), (ThreeLink("balance"), [-1 / 18] * 3, [1 / 18] * 3)],
)  # fmt: skip
def test_episodes_start_at_rest_where_the_task_says(world: Poles, low: list[float], high: list[float]) -> None:
    state = world.reset(500, Streams(range(500)))
    assert (state.velocity == 0).all()
    for found, bounds in ((state.position.amin(0), low), (state.position.amax(0), high)):
        assert torch.allclose(found / math.pi, torch.tensor(bounds, dtype=torch.float32), atol=0.005)


def reference_capsule(size: int, begin: np.ndarray, end: np.ndarray, radius: float) -> np.ndarray:
    """Ink by the distance of every pixel's centre from the whole stick."""
    centres = np.stack(np.meshgrid(*[np.arange(size) + 0.5] * 2, indexing="ij"), -1)
    share = np.clip((centres - begin) @ (end - begin) / np.sum((end - begin) ** 2), 0, 1)
    far = np.linalg.norm(centres - begin - share[..., None] * (end - begin), axis=-1)
    return np.clip(radius + 0.5 - far, 0, 1) * 255


@given(angle=st.floats(0, 6.28), row=st.floats(-5, 45), column=st.floats(-5, 45), length=st.sampled_from([9.0, 30.0]))
def test_a_capsules_ink_is_its_signed_distance(angle: float, row: float, column: float, length: float) -> None:
    capsules = Capsules(40, [length], [2.5], torch.device("cpu"))
    begin = np.array([row, column])
    end = begin + length * np.array([math.sin(angle), math.cos(angle)])
    ends = torch.tensor(np.stack([begin, end]), dtype=torch.float32)[None, :, :, None, None]
    found = capsules.images(ends)[0, :, :, 0].numpy().astype(float)
    assert np.abs(found - reference_capsule(40, begin, end, 2.5)).max() <= 0.52


@EACH
def test_the_first_frame_is_the_pose_one_period_earlier(world: Poles) -> None:
    d = len(world.factors) // 2
    state = world.reset(4, Streams(range(4)))._replace(velocity=torch.full((4, d), 2.0))
    before = PolesState(state.position - 0.02 * state.velocity, torch.zeros(4, d))
    frames, earlier = world.observe(state), world.observe(before)
    assert torch.equal(frames[..., 0], earlier[..., 1]) and not torch.equal(frames[..., 0], frames[..., 1])
    assert torch.equal(world.render(state), torch.stack([frames[..., 1], frames[..., 1], frames[..., 0]], -1))
    assert torch.equal(world.get_masks(state)[:, 0], (frames > 0).any(-1))


def test_the_pole_points_where_the_angle_says() -> None:
    world = Pendulum()
    images = world.observe(world.set_factors(torch.tensor([[0.0, 0.0], [math.pi / 2, 0.0]])))[..., 1]
    assert images[0, 6, 24] == images[1, 24, 41] == 255
    assert not images[0, 28:].any() and not images[1, :, :20].any()


@pytest.mark.parametrize("make", [Pendulum, ThreeLink])
def test_an_unknown_task_is_refused(make: Callable[..., Poles]) -> None:
    with pytest.raises(ValueError, match=r"task must be one of .*balance.*, not 'juggle'"):
        make(task="juggle")


def test_bounded_joints_of_the_arm_are_slow_and_stop() -> None:
    world = ThreeLink(joints="bounded")
    highest = [math.pi, 2 * math.pi / 3, math.pi / 3, *[math.pi / 2] * 3]
    assert [factor.high for factor in world.factors] == highest
    assert [factor.kind for factor in world.factors[:3]] == ["cyclic", "continuous", "continuous"]
    assert {factor.unit for factor in world.factors[:3]} == {"rad"}
    rest, torque = torch.zeros(1, 6), torch.tensor([[0.0, 0.0, 1.0]])
    moved = world.step(world.set_factors(rest), torque, Streams([0]))[0]
    assert moved.velocity[0, 2] == world.factors[5].high  # of 2.4 rad/s that such a torque comes to in a period
    rest[0, 2] = world.factors[2].high - 0.001
    stopped = world.step(world.set_factors(rest), torque, Streams([0]))[0]
    assert stopped.position[0, 2] == world.factors[2].high and stopped.velocity[0, 2] == 0
    with pytest.raises(ValueError, match="joints must be free or bounded, not 'loose'"):
        ThreeLink(joints="loose")  # type: ignore[arg-type]
