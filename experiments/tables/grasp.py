"""Grasps of novel objects, foretold and planned with geometry and without (Yan et al. 2017, tables 1 to 3).

The paper learns from 150,000 disturbed demonstrations of people in virtual reality, of 80 or so of 101 objects in seven
categories, and prints accuracies over 30,000 of novel instances, half of which succeed: seen at elevations of 15 and 45
degrees, which were learnt from, and of 30 and 60, which weren't; and how often a search finds a grasp within 20 tries,
from one that fails.

What differs, at every scale: objects, gripper and simulator's protocol are ours; demonstrations are antipodal grasps
that held; the outcome is told by what the gripper meets in the grid layer by layer. "volume" is a peer in the manner of
VGN and GIGA; "full CEM" a search with elites, which keeps away from what a net that has a shape takes for full, and
"full CEM, 20" the same, which goes on to other grasps while they fail. A job is a seed: it collects its own grasps, 12
a scene, trains the three nets, and plans. At scale cpu also: 10,000 grasps of 80 objects, 2,100 of 21 novel ones, 1,500
steps, 84 plans of each net and search; at paper 150,000, 30,000, 50,000 steps and 420 plans.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ...agents import grasp
from ...agents.grasp.evaluate import elevations_of
from ...representation.grasps import Loader, read_grasps
from ...representation.training import pick_device
from .. import work
from ..grasps import Asked, collect
from ..runs import GRASP, How, Run
from . import _drawing as drawing
from ._jobs import Done, Job, Numbers, Scale, repeated

SCALES = {
    "smoke": Scale("smoke", seeds=1, steps=2, points=8, batch_size=2),
    "cpu": Scale("cpu", seeds=3, steps=1500, points=10_000, batch_size=12),
    "paper": Scale("paper", seeds=3, steps=50_000, points=150_000, batch_size=12, device="auto"),
}
NOVEL = {"smoke": 6, "cpu": 2100, "paper": 30_000}
PLANS = {"smoke": 1, "cpu": 84, "paper": 420}
LABEL = "novel objects"
MODELS = ("cnn", "geometry", "volume")
MEASURED = {
    "seen": "% foretold right at 15 and 45 degrees",
    "novel": "% foretold right at 30 and 60 degrees",
    "auc": "area under the ROC curve, mean over elevations",
    "iou": "overlap of the shape with the true one",
    "within 20": "% of plans that held within 20 tries",
    "full CEM": "% of plans of the full search that held at the first try",
    "full CEM, 20": "% of those that held within 20 tries",
    "plan": "CPU-ms of a plan, up to 20 steps",
    "training": "seconds of a training, on one thread",
}
LUCK = "no net, within 20"
NUMBERS = {
    f"{model}, {name}": words
    for model in MODELS
    for name, words in MEASURED.items()
    if name != "iou" or model == "geometry"
} | {LUCK: "% of plans that held within 20 tries in random directions"}
PAPER = {
    (LABEL, "cnn, seen"): (71.42 + 71.32) / 2,
    (LABEL, "geometry, seen"): (76.55 + 77.25) / 2,
    (LABEL, "cnn, novel"): (69.50 + 70.18) / 2,
    (LABEL, "geometry, novel"): (75.27 + 75.76) / 2,
    (LABEL, "cnn, within 20"): 55.85,
    (LABEL, "geometry, within 20"): 61.46,
}
EACH = 12


def jobs(scale: Scale) -> list[Job]:
    """A job for each seed."""
    asked = {"points": scale.points, "novel": NOVEL[scale.name], "plans": PLANS[scale.name], "device": scale.device}
    few = {"objects": "cup00,bottle00", "unseen": "cup12", "each": 4} if scale.name == "smoke" else {}
    sizes = {"steps": scale.steps, "batch_size": scale.batch_size, "learning_rate": scale.learning_rate}
    return repeated(
        scale, {LABEL: {"objects": "train", "unseen": "novel", "each": EACH, **asked, **few, "sizes": sizes}}
    )


def run(job: Job, folder: Path) -> Numbers:
    """Collect grasps, train the nets, and plan."""
    wanted = job.settings
    train, novel = folder / "train.h5", folder / "novel.h5"
    for path, objects, count, seed in (
        (train, wanted["objects"], wanted["points"], job.seed),
        (novel, wanted["unseen"], wanted["novel"], work.METRIC_SEED + job.seed),
    ):
        if not path.exists():
            collect(Asked(objects, count, wanted["each"], seed, 64), path, progress=False)
    numbers: Numbers = {}
    for model in MODELS:
        net, found = _trained(job, folder / model, model, train)
        found |= _foretold(net, Loader(read_grasps(novel), pick_device(wanted["device"])))
        steps, full = _planned(net, job, "paper"), _planned(net, job, "cem")
        found |= {"within 20": 100 * steps["success_rate"], "plan": steps["milliseconds_per_plan"]}
        found |= {"full CEM": 100 * full["first_success_rate"], "full CEM, 20": 100 * full["success_rate"]}
        numbers |= {f"{model}, {name}": value for name, value in found.items()}
    return numbers | {LUCK: 100 * _planned(net, job, "random")["success_rate"]}


def _trained(job: Job, folder: Path, model: str, train: Path) -> tuple[grasp.GraspNet, Numbers]:
    """A net after its training, and what that took."""
    device = job.settings["device"]
    config = grasp.Config(model=model, **job.settings["sizes"])  # type: ignore[arg-type]
    made = Run(folder, GRASP, "unbraid.envs:unbraid/Grasp-v0", {}, job.seed, config, str(train))
    if made.create(resume=True):
        work.train(made, work.prepare(made, device), How(device=device, progress=False))
    net: grasp.GraspNet = made.load(pick_device(device))
    return net, {"training": made.read_metrics()["train_seconds"]}


def _foretold(net: grasp.GraspNet, novel: Loader) -> Numbers:
    """Of grasps of novel objects."""
    told = grasp.evaluate(net, novel)
    angles = [told[name] for name in elevations_of(told)]
    found = {"seen": 100 * told["seen_elevations"], "novel": 100 * told["novel_elevations"]}
    for name, key in (("auc", "roc_auc"), ("iou", "iou")):
        values = [one[key] for one in angles if one.get(key) is not None]
        found |= {name: float(np.mean(values))} if values else {}
    return found


def _planned(net: grasp.GraspNet, job: Job, planner: str) -> dict[str, Any]:
    wanted = job.settings
    found: dict[str, Any] = grasp.plan(net, wanted["unseen"], wanted["plans"], job.seed, planner)[0]
    return found


def figures(done: list[Done]) -> dict[str, Figure]:
    """Accuracies and plans that held, by net."""
    figure, axes = drawing.panels(1, 2, (3.6, 2.8))
    shown = {"foretold right, %": ("seen", "novel"), "plans that held, %": ("within 20", "full CEM", "full CEM, 20")}
    for panel, (words, names) in zip(axes[0], shown.items(), strict=True):
        for k, name in enumerate(names):
            points = [(at, one.numbers[f"{model}, {name}"]) for at, model in enumerate(MODELS) for one in done]
            places, values = np.array(points, float).T
            panel.plot(places + 0.2 * (k - 1), values, "os^"[k], color=f"C{k}", label=name)
        panel.set_xticks(range(len(MODELS)), MODELS)
        panel.set_ylim(-4, 104)
        panel.legend(frameon=False)
        drawing.say(panel, "", "", words)
    return {"nets": figure}
