"""How fast grasps are tried out, and how well their labels agree with a finer simulation."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ..envs import Streams
from ..envs.grasp.antipodal import antipodal
from ..envs.grasp.demonstrations import disturbed
from ..envs.grasp.objects import instances
from ..envs.grasp.poses import Pose
from ..envs.grasp.scene import FAST, REFERENCE, Physics, Scene, Thing
from ..envs.grasp.still import Objects

WANTED = {"trials_per_s": 40.0, "agreement": 0.97, "images_per_s": 1000.0}
EACH = 6
"""Trials of an object."""
IMAGES = 64


def measure(progress: Callable[[str], None]) -> dict[str, Any]:
    """Disturbed grasps of all objects, as they are collected but for the balance, twice: finely and as by default.

    Returns:
        ``trials_per_s`` of CPU time, ``agreement`` of the two labels, ``success``, ``reference_trials_per_s``,
        ``images_per_s`` of ``unbraid/Objects-v0`` on one thread, and ``wanted``.
    """
    rng = np.random.default_rng(0)
    trials: list[tuple[Thing, Pose]] = []
    for thing in instances():
        shown = antipodal(thing.solid, EACH, rng)
        trials += [(thing, disturbed(shown.row(k), rng)) for k in range(len(shown.position))]
    progress("the reference")
    fine, slow = _labels(trials, REFERENCE)
    progress("what is the default")
    coarse, fast = _labels(trials, FAST)
    progress("images")
    return {
        "trials": len(trials), "success": float(fine.mean()), "trials_per_s": fast, "reference_trials_per_s": slow,
        "agreement": float((fine == coarse).mean()), "images_per_s": _images_per_s(), "wanted": WANTED,
    }  # fmt: skip


def _labels(trials: list[tuple[Thing, Pose]], physics: Physics) -> tuple[Any, float]:
    """Which hold, and trials per CPU-second; shapes are read before the clock starts."""
    with Scene(physics, remembers=len(instances())) as scene:
        for thing, _ in trials[::EACH]:
            scene.place(thing)
        started = time.process_time()
        held = np.array([scene.attempt(thing, grasp).success for thing, grasp in trials])
        return held, len(trials) / (time.process_time() - started)


def _images_per_s() -> float:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        world, rng = Objects(), Streams(range(IMAGES))
        world.observe(world.reset(IMAGES, rng))
        started = time.process_time()
        for _ in range(20):
            world.observe(world.reset(IMAGES, rng))
        return 20 * IMAGES / (time.process_time() - started)
    finally:
        torch.set_num_threads(threads)
