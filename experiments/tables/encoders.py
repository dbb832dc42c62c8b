"""Encoders, by what is planned with them: locally linear dynamics are fitted on their codes, and planned in.

Not a paper's table. Every encoder is trained as its own paper says, and then left as it is. Dynamics are fitted to
8,000 transitions from states as episodes begin, and planned in as `unbraid plan --encoder` does: in the planar system
from the corner to one of three others, 40 actions, iLQR 10 ahead; in the maze from one random tile to another, 40
actions, CEM 10 ahead. A code is only centred, and divided by one number, so that what an encoder makes much of counts
for much in the distance to the goal.

"pixels" are their first ten principal components. The two VAEs have ten latents (beta 4, gamma 10), ICF, E2C and RCE
two, as the split model's z; RCE is the plain one of the table planar, "split" that table's split model. ICF acts by
actions of a list, and so isn't in the planar system. The split model learns from 2,000 pairs besides, whose second
images are negatives in the maze. What differs between the scales: three seeds at cpu, and 5,000 steps of every
training; five and 40,000 at paper.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ...agents import dynamics_content, frozen, icf
from ...representation.objectives import objective
from ...representation.training import pick_device
from ...representation.vae import Config as VAEConfig
from .. import encoders, work
from ..collecting import Asked
from ..runs import RECORDED, How, Run, learner_module
from . import _drawing as drawing
from . import _recorded
from ._jobs import Done, Job, Numbers, Scale, repeated
from ._recorded import Sets
from .planar import ENV, MODELS, OTHER, PAIRS, ROWS, RULES

SCALES = {
    "smoke": Scale("smoke", seeds=1, steps=2, points=40, batch_size=8),
    "cpu": Scale("cpu", seeds=3, steps=5000, points=ROWS),
    "paper": Scale("paper", seeds=5, steps=40_000, points=ROWS, device="auto"),
}
NUMBERS = {
    "success": "percentage of the episodes that end in the goal",
    "in goal": "percentage of the steps in the goal",
    "planning loss": "squared distance to the goal over true states, and effort",
    "foretold": "R2 of what actions change held-out codes by",
    "planning": "CPU-seconds of an episode, all planned at once",
}
PAPER: dict[tuple[str, str], float] = {}
MAZE = "unbraid.envs:unbraid/Maze-v0"
WORLDS: dict[str, dict[str, Any]] = {
    "planar": {"env": ENV, "env_options": RULES, "other": OTHER, "tasks": 10},
    "maze": {"env": MAZE, "env_options": {}, "other": {"negative": True}, "tasks": 50},
}
NETWORKS = {"planar": "pcc", "maze": "conv"}
COMPONENTS = 10
VAES = {"beta-VAE": ("beta", {"beta": 4.0}), "FactorVAE": ("factor_vae", {"gamma": 10.0})}
OF_TRANSITIONS = ("E2C", "RCE", "split")


def jobs(scale: Scale) -> list[Job]:
    """An encoder of each kind for each world and seed."""
    sizes: dict[str, Any] = {"steps": scale.steps, "batch_size": scale.batch_size}
    points = {}
    for world, where in WORLDS.items():
        few = {"tasks": 2, "max_steps": 2} if scale.name == "smoke" else {"max_steps": 40}
        shared = {
            **where,
            **few,
            "rows": scale.points,
            "fitted": min(scale.steps, frozen.Config.steps),
            "device": scale.device,
        }
        asked: dict[str, tuple[str, Any]] = {"pixels": ("", None)}
        for name, (kind, coefficients) in VAES.items():
            config = objective(kind).Config(**coefficients)
            asked[name] = ("vae", VAEConfig(config, draw="fresh", network=NETWORKS[world], **sizes))
        if world == "maze":
            asked["ICF"] = ("icf", icf.Config(steps=scale.steps))
        for name in OF_TRANSITIONS:
            made = dynamics_content.Config(**MODELS[name], network=NETWORKS[world], steps=scale.steps)
            asked[name] = (RECORDED, made)
        for name, (learner, config) in asked.items():
            points[f"{world}, {name}"] = {
                **shared, "learner": learner, "config": config.to_dict() if learner else {},
            }  # fmt: skip
    return repeated(scale, points)


def run(job: Job, folder: Path) -> Numbers:
    """Train the encoder, fit dynamics on its codes, and plan."""
    wanted = job.settings
    env, options, device = wanted["env"], wanted["env_options"], wanted["device"]
    name = str(trained(job, folder)) if wanted["learner"] else encoders.PIXELS
    found, _ = encoders.plan(
        name, env, options, wanted["tasks"], work.METRIC_SEED + job.seed, wanted["rows"],
        min(COMPONENTS, wanted["rows"]), pick_device(device), frozen.Config(steps=wanted["fitted"]),
        max_steps=wanted["max_steps"],
    )  # fmt: skip
    numbers: Numbers = {"success": 100 * found["success_rate"], "in goal": found["goal_time"]}
    numbers |= {"planning loss": found["planning_loss"], "foretold": found["foretold"]}
    return numbers | {"planning": found["seconds_per_episode"]}


def trained(job: Job, folder: Path) -> Path:
    """The folder of the encoder's run, after its training."""
    wanted = job.settings
    env, options, learner = wanted["env"], wanted["env_options"], wanted["learner"]
    if learner == RECORDED:
        sets: Sets = {"x": (Asked(env, options, "transitions", {}, job.seed), wanted["rows"])}
        if wanted["config"]["bound"] == "split":
            rows = max(2, PAIRS * wanted["rows"] // ROWS)
            sets["y"] = Asked(env, options, "pairs", wanted["other"], job.seed), rows
        return _recorded.trained(folder, sets, wanted["config"], wanted["device"])[0].folder
    config = learner_module(learner).Config.from_dict(wanted["config"])
    made = Run(folder / "run", learner, env, options, job.seed, config)
    if made.create(resume=True):
        work.train(made, work.prepare(made, wanted["device"]), How(device=wanted["device"], progress=False))
    return made.folder


def figures(done: list[Done]) -> dict[str, Figure]:
    """The share of steps in the goal, by encoder, in either world."""
    figure, axes = drawing.panels(1, len(WORLDS), (3.8, 2.9))
    for panel, world in zip(axes[0], WORLDS, strict=True):
        labels = list(dict.fromkeys(one.job.label for one in done if one.job.label.startswith(f"{world}, ")))
        if labels:
            drawing.dots(panel, done, labels, "in goal")
            names = [label.partition(", ")[2] for label in labels]
            panel.set_xticks(range(len(labels)), names, rotation=30, ha="right")
        panel.set_ylim(0, 100)
        drawing.say(panel, world, "", "% of the steps in the goal")
    return {"planned": figure}
