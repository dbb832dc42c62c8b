"""Pendulum, cart and pole, and an arm of three links, controlled from pixels (Shu et al. 2020; Levine et al. 2020).

The protocol is PCC's: 50 Hz, two frames an observation, goals within pi/6 (cart and pole: pi/10) of upright; 200 steps
to balance a pendulum and 400 to swing it up, 50 of the cart, 400 of the arm. Numbers are percentages of the steps in
the goal, ten tasks a model. Papers print means over ten models: balance 99.1 (PC3) and 91.9 (PCC), swing-up 58.4 and
26.4, cart and pole 96.3 and 94.4, arm 42.4 and 14.2.

What differs, at every scale: one pendulum model does both tasks; the worlds are ours, whose pendulum is as heavy as its
paper says and not as its code (see `unbraid.envs.planar`), and whose arm has its code's bounds on joints, where they
stop, and not its longer periods; models learn from 10,000 transitions from states drawn uniformly in all angles and
speeds. Methods are those of the table planar, and infomax, ours, whose network, conv, reads each of the two frames by
itself, into 4, 8 and 12 latents (the others' are 3, 8 and 8); the arm's are painted from, too, and laid out in a chart
of four coordinates (``paint``, ``chart``). The world model is planned in with CEM. Plans go 10 actions ahead. "true
state" is the same planner on the true state and its numerical derivatives, 20 actions ahead for cart and pole; as in
codes of two frames, speeds count as what they move in a period. At scale cpu also: three models of each row, 3,000
steps; at paper ten and 30,000.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ...agents import dynamics_content as agent
from ...agents._control import plan_on_truth
from ...envs import make_factored
from ...envs.planar.poles import PERIOD
from .. import work
from ..collecting import Asked
from . import _drawing as drawing
from ._jobs import Done, Job, Numbers, Scale, repeated
from ._recorded import Sets, trained

SCALES = {
    "smoke": Scale("smoke", seeds=1, steps=2, points=40, batch_size=8, learning_rate=3e-3),
    "cpu": Scale("cpu", seeds=3, steps=3000, points=10_000, batch_size=256, learning_rate=3e-3),
    "paper": Scale("paper", seeds=10, steps=30_000, points=20_000, batch_size=256, learning_rate=3e-3, device="auto"),
}
TASKS: dict[str, tuple[str, int, dict[str, Any]]] = {
    "balance": ("unbraid/PlanarPendulum-v0", 200, {}),
    "swing-up": ("unbraid/PlanarSwingUp-v0", 400, {}),
    "cart and pole": ("unbraid/PlanarCartPole-v0", 50, {}),
    "arm": ("unbraid/PlanarThreeLink-v0", 400, {"joints": "bounded"}),
}
"""World, steps and the world's options of each."""
AHEAD = {"cart and pole": 20}
"""Actions that are planned ahead on the true state of some, where 10 are too few."""
SYSTEMS = {
    "pendulum": (("balance", "swing-up"), 3, 4),
    "cart and pole": (("cart and pole",), 8, 8),
    "arm": (("arm",), 8, 12),
}
"""Tasks and latents of each, and latents of two frames."""
METHODS: dict[str, dict[str, Any]] = {
    "infomax": {"bound": "infomax", "frames": 2, "network": "conv", "hidden": 128, "batch_size": 128},
    "PC3": {"bound": "pc3"},
    "PCC": {"bound": "pcc"},
    "E2C": {"bound": "e2c"},
    "world model": {"bound": "world"},
}
ARM = {"paint": 1.0, "flatness": 100.0, "chart": 4}
"""Of infomax where one joint is seen far more precisely than another; one of three turns all the way round."""
NUMBERS = {name: f"percentage of {steps} steps in the goal" for name, (_, steps, _) in TASKS.items()} | {
    "training": "CPU-seconds of a training",
    "planning": "CPU-seconds of an episode of its last task, ten planned at once",
}
PAPER: dict[tuple[str, str], float] = {}
EPISODES = 10
WALKS = "walks.npz"


def jobs(scale: Scale) -> list[Job]:
    """A model of each kind for each system and seed, and the true state of each."""
    points, smoke = {}, scale.name == "smoke"
    sizes = {name: getattr(scale, name) for name in ("steps", "batch_size", "learning_rate")}
    for system, (tasks, latents, moving) in SYSTEMS.items():
        asked = {"tasks": list(tasks), "episodes": 2 if smoke else EPISODES, "steps": 2 if smoke else None}
        points[f"{system}, true state"] = asked
        for method, settings in METHODS.items():
            if system == "arm" and method == "infomax":
                settings = settings | ARM
            config = agent.Config(latents=moving if "frames" in settings else latents, **{**sizes, **settings})
            rest = {"config": config.to_dict(), "rows": scale.points, "device": scale.device}
            points[f"{system}, {method}"] = {**asked, **rest}
    if smoke:
        points = {name: points[name] for name in ("pendulum, true state", "pendulum, PC3", "arm, world model")}
    return repeated(scale, points)


def run(job: Job, folder: Path) -> Numbers:
    """Record, train, and plan the system's tasks."""
    wanted, walks = job.settings, {}
    learner, numbers = _trained(job, folder) if "config" in wanted else (None, Numbers())
    for name in wanted["tasks"]:
        env, steps, options = TASKS[name]
        steps, seed, episodes = wanted["steps"] or steps, work.METRIC_SEED + job.seed, wanted["episodes"]
        if learner is None:
            ahead, units = AHEAD.get(name, 10), _units(env)
            found = plan_on_truth(env, episodes, seed, steps, horizon=ahead, units=units, **options)
        else:
            planner = "cem" if wanted["config"]["bound"] == "world" else "ilqr"
            found, trip = agent.plan(learner, env, episodes, seed, steps, planner=planner, **options)
            walks[name] = trip.path.cpu().numpy()
        numbers |= {name: found["goal_time"], "planning": found["seconds_per_episode"]}
    np.savez_compressed(folder / WALKS, **walks)  # type: ignore[arg-type]
    return numbers


def _trained(job: Job, folder: Path) -> tuple[agent.DynamicsContent, Numbers]:
    """The learner after its training, and what that took, if it was done now."""
    wanted, (env, _, options) = job.settings, TASKS[job.settings["tasks"][0]]
    sets: Sets = {"x": (Asked(env, options, "transitions", {}, job.seed, "uniform"), wanted["rows"])}
    made, numbers = trained(folder, sets, wanted["config"], wanted["device"])
    learner: agent.DynamicsContent = made.load(wanted["device"])
    return learner, numbers


def _units(env: str) -> list[float]:
    """1 of each position, and the speed that moves by 1 in a period."""
    return [1 / PERIOD if factor.name.endswith("_speed") else 1.0 for factor in make_factored(env, 1).factors]


def figures(done: list[Done]) -> dict[str, Figure]:
    """Phase portraits: angle and speed along the episodes that were planned from pixels, a row for each method."""
    folders = {tuple(label.split(", ")): folder for label, folder in drawing.folders(done).items()}
    methods = [method for method in METHODS if any((system, method) in folders for system in SYSTEMS)]
    systems = [system for system in SYSTEMS if any((system, method) in folders for method in METHODS)]
    shown = [(system, task) for system in systems for task in SYSTEMS[system][0]]
    if not methods:
        return {}
    figure, axes = drawing.panels(len(methods), len(shown), (2.7, 2.4))
    for i, method in enumerate(methods):
        for k, (system, task) in enumerate(shown):
            if (system, method) in folders:
                _portrait(axes[i, k], np.load(folders[system, method] / WALKS)[task], task)
            drawing.say(axes[i, k], "" if i else task, "angle, rad", "" if k else f"{method}: speed, rad/s")
    return {"portraits": figure}


def _portrait(panel: Any, walks: np.ndarray[Any, Any], name: str) -> None:
    """Ways ``(T + 1, n, F)`` in the plane of the pole's angle (the arm's first) and its speed; the goal is shaded."""
    stated = [factor.name for factor in make_factored(TASKS[name][0], 1).factors]
    angle = next(k for k, factor in enumerate(stated) if "angle" in factor)
    speed = stated.index(f"{stated[angle]}_speed")
    for walk in walks.swapaxes(0, 1):
        places = walk[:, angle].copy()
        places[1:][np.abs(np.diff(walk[:, angle])) > math.pi] = np.nan  # round the other way
        panel.plot(places, walk[:, speed], linewidth=0.7, alpha=0.7)
        panel.plot(*walk[0, [angle, speed]], "o", color="black", markersize=2)
    half = math.pi / 10 if name == "cart and pole" else math.pi / 6
    panel.axvspan(-half, half, color="0.9", zorder=0)
    panel.set_xlim(-math.pi, math.pi)
