"""Grasping move by move: how many moves Stable-Baselines3's SAC needs until it holds an object, from its pose.

Not a paper's table. SAC (Haarnoja et al. 2018) learns in GraspSteps, of one object that stands somewhere else and is
turned otherwise in each episode, from the 18 numbers of the state; the reward is what the environment gives: coming
nearer to an antipodal grasp, and 1 for a grasp that is lifted and shaken and still held. Every 2,500 moves the policy,
without its noise, is tried in episodes that it never learns from, as many as the scale has points; at the end in four
times as many others. "moves to 80 %" is when such a trial first held in 80 %.

Two layers of 128 units, batches of 256, learning rate .001, gamma .9; the entropy's coefficient is learnt and begins at
.01. Found by a few trials on cup00 and seed 0, which is one of the table's. It runs on the CPU at every scale.
What differs between the scales: objects, seeds, and moves.
"""

from __future__ import annotations

import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ...errors import InputError
from .. import work
from ..figures import INK
from . import _drawing as drawing
from ._jobs import Done, Job, Numbers, Scale, repeated

SCALES = {
    "smoke": Scale("smoke", seeds=1, steps=60, points=1, batch_size=16),
    "cpu": Scale("cpu", seeds=3, steps=20_000, points=50, batch_size=256),
    "paper": Scale("paper", seeds=10, steps=100_000, points=100, batch_size=256),
}
OBJECTS = {
    "smoke": ("cup00",),
    "cpu": ("cup00",),
    "paper": ("bottle00", "bowl00", "cup00", "plate00", "mug00", "sugarbowl00", "teapot00"),
}
WORLD = "unbraid.envs:unbraid/GraspSteps-v0"
NUMBERS = {
    "held": "% of episodes at the end",
    "moves to 80 %": "until a trial first held in so many",
    "training": "CPU-seconds of the training, without trials",
}
PAPER: dict[tuple[str, str], float] = {}
EVERY = 2500
"""Moves from one trial to the next."""
WANTED = 0.8
FIRST = 1000
"""Moves at random, before anything is learnt; in a shorter training a half of it."""
CURVE = "curve.npz"


def jobs(scale: Scale) -> list[Job]:
    """A training of each object and seed; `InputError` without Stable-Baselines3."""
    if find_spec("stable_baselines3") is None:
        raise InputError("table 'grasp_moves' needs Stable-Baselines3: pip install unbraid[rl]")
    sizes = {"moves": scale.steps, "points": scale.points}
    learning = {"batch_size": scale.batch_size, "learning_rate": scale.learning_rate}
    return repeated(scale, {name: {"objects": name, **sizes, **learning} for name in OBJECTS[scale.name]})


def run(job: Job, folder: Path) -> Numbers:
    """Train SAC, and try what it has learnt."""
    import gymnasium
    from stable_baselines3 import SAC

    wanted, (env, other) = job.settings, (gymnasium.make(WORLD, objects=job.settings["objects"]) for _ in range(2))
    model = SAC(
        "MlpPolicy", env, seed=job.seed, device="cpu", gamma=0.9, ent_coef="auto_0.01",
        policy_kwargs={"net_arch": [128, 128]},
        learning_starts=min(FIRST, wanted["moves"] // 2), batch_size=wanted["batch_size"],
        learning_rate=wanted["learning_rate"],
    )  # fmt: skip
    at: list[int] = []
    shares: list[float] = []
    spent = 0.0
    while (left := wanted["moves"] - model.num_timesteps) > 0:
        started = time.process_time()
        model.learn(min(EVERY, left), reset_num_timesteps=not at)
        spent += time.process_time() - started
        at.append(model.num_timesteps)
        shares.append(held(model, other, wanted["points"], work.METRIC_SEED + job.seed))
    np.savez(folder / CURVE, at=at, shares=shares)
    model.save(folder / "sac.zip")
    numbers: Numbers = {"held": 100 * held(model, other, 4 * wanted["points"], 2 * work.METRIC_SEED + job.seed)}
    reached = [moves for moves, share in zip(at, shares, strict=True) if share >= WANTED]
    env.close()
    other.close()
    return {**numbers, **({"moves to 80 %": float(reached[0])} if reached else {}), "training": spent}


def held(model: Any, env: Any, episodes: int, seed: int) -> float:
    """Share of episodes in which a policy, without its noise, holds the object at the end."""
    env.reset(seed=seed)
    successes = 0
    for _ in range(episodes):
        seen, over = env.reset()[0], False
        while not over:
            seen, _, over, _, info = env.step(model.predict(seen, deterministic=True)[0])
        successes += info["is_success"]
    return successes / episodes


def figures(done: list[Done]) -> dict[str, Figure]:
    """What a policy holds after so many moves, a line for each seed."""
    labels = list(dict.fromkeys(one.job.label for one in done))
    figure, axes = drawing.panels(1, 1, (3.6, 2.8))
    for one in done:
        with np.load(one.folder / CURVE) as saved:
            colour, first = drawing.COLOURS[labels.index(one.job.label) % len(drawing.COLOURS)], one.job.seed == 0
            points = saved["at"] / 1000, 100 * saved["shares"]
        axes[0][0].plot(*points, linewidth=1.4, color=colour, label=one.job.label if first else None)
    axes[0][0].axhline(100 * WANTED, color=INK, linewidth=0.8, linestyle=":")
    axes[0][0].set_ylim(0, 102)
    drawing.say(axes[0][0], "", "thousands of moves", "episodes that hold, %")
    drawing.explain(axes[0][0])
    return {"curves": figure}
