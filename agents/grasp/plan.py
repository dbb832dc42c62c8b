"""Grasps planned by a net and carried out in the simulator."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from torch import Tensor

from ...envs.grasp.camera import ELEVATIONS, Camera
from ...envs.grasp.demonstrations import demonstrations, disturbed
from ...envs.grasp.gripper import filled
from ...envs.grasp.objects import things
from ...envs.grasp.poses import Pose, anywhere
from ...envs.grasp.scene import Scene, Thing
from ...errors import InputError, UnknownNameError
from .model import GraspNet
from .projection import read
from .search import Search, Step

TRIES = 20
"""Grasps of a plan that are carried out, at most; the paper's."""
FAILING = 50
"""Grasps that are disturbed until one fails."""
PLANNERS = ("paper", "cem", "random")
FORBIDDEN = 100.0
"""What it costs the full search to collide as foreseen, or to try out again what failed, nats."""
ALIKE = (0.02, 0.4)
"""m and rad that a grasp is off another one, at most, to be the same try."""
FULL = 0.8
"""Occupancy that the full search keeps away from; fingers of grasps that hold come next to a shape, and meet less."""
WIDE, HIGH = 0.95, 0.12
"""m that pictures are taken from, and look at: farther than what nets see, so that the gripper is in them."""
SHOWN = 5
"""Demonstrations of an object that failing grasps come from."""


class Task(NamedTuple):
    """A scene, and a grasp that fails in it."""

    thing: Thing
    where: Pose
    camera: Camera
    start: Pose
    rgbd: NDArray[np.float32]
    """``(4, H, W)``"""
    colour: tuple[float, float, float]


class Tried(NamedTuple):
    """What came of a plan."""

    task: Task
    grasps: list[Pose]
    """That were carried out, the failing one first."""
    held: bool


def plan(
    learner: GraspNet,
    objects: str,
    trials: int,
    seed: int,
    planner: str = "paper",
    tries: int = TRIES,
    progress: Callable[[int], None] | None = None,
) -> tuple[dict[str, Any], list[Tried]]:
    """Plan grasps of objects from failing ones, and carry them out.

    ``paper`` takes the best of ten random directions, tries that grasp out, and goes on from there until one holds, 20
    times at most (Yan et al. 2017). ``cem`` searches in full each time, and not where tries have failed. ``random``
    takes any of the ten: what luck alone finds.

    Args:
        learner: The net.
        objects: See `unbraid.envs.grasp.objects.things`.
        trials: How many; objects take turns, in an order that the seed draws.
        seed: Of the scenes, the failing grasps and the search.
        planner: ``paper``, ``cem`` or ``random``.
        tries: At most.
        progress: Told after each trial how many there were.

    Returns:
        ``success_rate``, ``by_category``, ``first_success_rate`` (of the first try alone), ``tries`` that were needed
        on the mean, and ``milliseconds_per_plan``, CPU time of the net and the search; and what was tried.

    Raises:
        InputError: An unknown planner, no such objects, none that can be grasped, or less than one trial or try.
    """
    if planner not in PLANNERS:
        raise UnknownNameError("planner", planner, PLANNERS)
    if trials < 1 or tries < 1:
        raise InputError(f"trials and tries must be at least 1, not {trials} and {tries}")
    of, tried, spent = list(things(objects)), [], 0.0
    np.random.default_rng(seed).shuffle(of)
    with Scene(remembers=max(64, len(of))) as scene:
        known = _graspable(scene, of, trials)
        for number in range(trials):
            thing, shown = known[number % len(known)]
            task = _task(scene, thing, shown, np.random.default_rng([seed, number]), learner.camera.size)
            generator = torch.Generator().manual_seed(seed * trials + number)
            one, seconds = _try(learner, scene, task, planner, tries, generator)
            tried.append(one)
            spent += seconds
            if progress is not None:
                progress(number + 1)
    held = np.array([one.held for one in tried])
    kinds = np.array([getattr(one.task.thing, "category", one.task.thing.name) for one in tried])
    needed = np.array([len(one.grasps) - 1 for one in tried])
    numbers = {
        "success_rate": float(held.mean()),
        "by_category": {name: float(held[kinds == name].mean()) for name in dict.fromkeys(kinds.tolist())},
        "first_success_rate": float((held & (needed == 1)).mean()),
        "tries": float(needed.mean()),
        "milliseconds_per_plan": 1000 * spent / trials,
    }
    return numbers, tried


def _graspable(scene: Scene, of: Sequence[Thing], count: int) -> list[tuple[Thing, Pose]]:
    """The first objects that can be grasped, as many as are wanted, and how; others are named on stderr."""
    found: list[tuple[Thing, Pose]] = []
    for thing in of:
        if len(found) == count:
            break
        try:
            found.append((thing, demonstrations(scene, thing, np.random.default_rng(0), SHOWN)))
        except ValueError as error:
            print(f"left out {thing.name}: {error}", file=sys.stderr)
    if not found:
        raise InputError("none of these objects can be grasped")
    return found


def _task(scene: Scene, thing: Thing, shown: Pose, rng: np.random.Generator, size: int) -> Task:
    """A scene of an object, and a disturbed demonstration that fails."""
    where = anywhere(rng)
    camera = Camera(float(rng.uniform(-np.pi, np.pi)), float(rng.choice(ELEVATIONS)), size=size)
    r, g, b = rng.uniform(0.1, 0.9, 3).tolist()
    scene.place(thing, where, (r, g, b))
    view = scene.look(camera)
    rgbd = np.concatenate([view.rgb / 255, view.depth[..., None]], 2).transpose(2, 0, 1).astype(np.float32)
    for _ in range(FAILING):
        start = disturbed(shown.row(int(rng.integers(len(shown.position)))), rng).after(where)
        if not scene.attempt(thing, start, where).success:
            break
    return Task(thing, where, camera, start, rgbd, (r, g, b))


@torch.no_grad()
def _try(
    learner: GraspNet, scene: Scene, task: Task, planner: str, tries: int, generator: torch.Generator
) -> tuple[Tried, float]:
    """Plan and carry out; and the CPU time that planning took."""
    started = time.process_time()
    device = next(learner.parameters()).device
    rgbd = torch.as_tensor(task.rgbd, device=device)[None]
    elevation = torch.tensor([task.camera.elevation], device=device)
    seen = learner.see(rgbd, elevation)
    position, rotation = _to_net(task.start.turned(-task.camera.azimuth), device)

    failed: list[tuple[Tensor, Tensor]] = []

    def score(positions: Tensor, rotations: Tensor) -> Tensor:
        if planner == "random":
            return torch.rand(positions.shape[:2], generator=generator).to(device)
        logits = learner.logits(seen, positions, rotations)
        if planner == "paper":
            return logits
        forbidden = collides(seen.shape, positions, rotations)
        for one in failed:
            forbidden |= _alike(*one, positions, rotations)
        return logits - FORBIDDEN * forbidden

    grasps, held, spent = [task.start], False, 0.0
    search = Search().find if planner == "cem" else Step().next
    for _ in range(tries):
        position, rotation = search(score, position, rotation, generator)
        grasps.append(_from_net(position, rotation).turned(task.camera.azimuth))
        spent += time.process_time() - started
        held = scene.attempt(task.thing, grasps[-1], task.where).success
        started = time.process_time()
        if held:
            break
        failed.append((position, rotation))
    return Tried(task, grasps, held), spent


def _alike(position: Tensor, rotation: Tensor, positions: Tensor, rotations: Tensor) -> Tensor:
    """Which of the grasps ``(B, G, 3)``, ``(B, G, 3, 3)`` are the same try as one of ``(B, 3)``, ``(B, 3, 3)``."""
    move, turn = ALIKE
    off = torch.linalg.vector_norm(positions - position[:, None], dim=-1)
    trace = (rotations * rotation[:, None]).sum((-2, -1))
    alike: Tensor = (off < move) & (trace > 1 + 2 * math.cos(turn))
    return alike


def collides(shape: Tensor | None, position: Tensor, rotation: Tensor) -> Tensor:
    """Whether the gripper meets the table, or a shape, on its way to poses; ``(B, G)``.

    Args:
        shape: Logits of occupancy ``(B, X, Y, Z)``; where there are none, only the table counts.
        position: m, ``(B, G, 3)``.
        rotation: Axes as columns, ``(B, G, 3, 3)``.
    """
    points = position[:, :, None] + _filled().to(position) @ rotation.mT
    met = points[..., 2].amin(2) < 0
    return met if shape is None else met | (read(shape.sigmoid(), points).amax(2) > FULL)


@cache
def _filled() -> Tensor:
    """Points a centimetre apart of what the gripper fills on its way, m in its frame, ``(P, 3)``."""
    found = []
    for low, high in filled():
        axes = [np.linspace(*ends, round((ends[1] - ends[0]) / 0.01) + 1) for ends in zip(low, high, strict=True)]
        found.append(np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3))
    return torch.tensor(np.concatenate(found), dtype=torch.float32)


def _to_net(pose: Pose, device: torch.device) -> tuple[Tensor, Tensor]:
    return (
        torch.as_tensor(pose.position, dtype=torch.float32, device=device)[None],
        torch.as_tensor(pose.matrix, dtype=torch.float32, device=device)[None],
    )


def _from_net(position: Tensor, rotation: Tensor) -> Pose:
    axes = rotation[0].double().cpu().numpy()
    return Pose(position[0].double().cpu().numpy(), Rotation.from_matrix(axes).as_quat())


def pictures(scene: Scene, tried: Sequence[Tried], size: int = 192) -> tuple[list[NDArray[np.uint8]], list[str]]:
    """Each grasp of each plan before it closes.

    Returns:
        Pictures ``(H, W, 3)``, framed green where it held and red where not, and captions.
    """
    found, said = [], []
    for one in tried:
        for number, grasp in enumerate(one.grasps):
            scene.place(one.task.thing, one.task.where, one.task.colour)
            scene.add_gripper(grasp)
            camera = replace(one.task.camera, distance=WIDE, height=HIGH, size=size)
            picture = scene.look(camera).rgb.copy()
            held = one.held and number == len(one.grasps) - 1
            picture[:4] = picture[-4:] = picture[:, :4] = picture[:, -4:] = (40, 160, 60) if held else (200, 40, 40)
            found.append(picture)
            what = "fails" if number == 0 else f"try {number}: {'held' if held else 'failed'}"
            said.append(f"{one.task.thing.name}, {what}")
    return found, said
