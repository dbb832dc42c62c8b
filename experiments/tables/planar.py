"""Dynamics apart from content, table 1: the planar system, planned in from pixels (Banijamali et al. 2018).

The paper trains on 8,000 transitions of set X, and 2,000 images of set Y, whose agent has another shape, and prints
means and deviations of 20 runs. Its losses are taken for nats an image; its planning loss has weights that it does not
state, so that ours, with those of PCC (Q = 10, R = 1, see `unbraid.agents._control.drive`), compares with our other
rows alone. Robust controllable embedding (RCE), embed to control (E2C), prediction, consistency, curvature (PCC), its
successor PC3, which paints nothing, and the latent world model, which CEM plans in, learn from X alone, and are shown Y
when they are measured. "true state" is the same planner on the true state and dynamics, which no learner can be
expected to exceed; PC3 (Shu et al. 2020) prints 74.35 % of the steps in the goal, PCC 56.6.

What differs, at every scale: losses are what exceeds the entropy of our antialiased images, whose grey pixels no
decoder can paint for less. The map's rules are those of PCC's code (moves are clipped, and pass obstacles that they
jump over); every state of Y is known in X, too (equation 6). Ours, beyond the paper: a contrast between next codes,
dynamics that begin flat, reconstructions that come late, and encoders of their own for contents, which paint other
images than they are read from. "paper's bound alone" is without the first three, and so are RCE, E2C and PCC; "no
split" has them, but learns from X without any content. "two other sets" learns from discs, Y2, besides; "without
pairs" from 2,000 images of Y that are known to show no state of X, in place of equation 6; "in colour" sees a red
square as X, and as Y a yellow disc of another size among other obstacles in another room. Ten tasks a model: start in
the corner, goal in one of three others, 40 actions, all seen as X and again as Y. At scale cpu also: ten models of each
row, with noise one of each.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from ...agents import dynamics_content as agent
from ...agents._control import plan_on_truth
from ...agents.dynamics_content.evaluate import AHEAD
from ...agents.dynamics_content.plan import set_names
from ...envs import make_factored
from ...representation.data import random_actions
from ...representation.networks import to_floats, to_images
from .. import work
from ..collecting import Asked
from . import _drawing as drawing
from ._jobs import Done, Job, Numbers, Scale, repeated
from ._recorded import Sets, trained

SCALES = {
    "smoke": Scale("smoke", seeds=1, steps=2, points=60, network="pcc", batch_size=8, learning_rate=3e-3),
    "cpu": Scale("cpu", seeds=10, steps=5000, points=1000, network="pcc", batch_size=256, learning_rate=3e-3),
    "paper": Scale(
        "paper", seeds=20, steps=40_000, points=5000, network="pcc", batch_size=256, learning_rate=3e-3, device="auto"
    ),
}
SEEN = {
    "reconstruction": "loss of what is seen, nats an image",
    "prediction": "loss of what is seen after an action",
    "20 ahead": "error of the place foretold for 20 actions, in its deviations",
    "planning loss": "equation 7 over true states",
    "success": "percentage of the episodes that end in the goal",
    "in goal": "percentage of the steps in the goal",
}
NUMBERS = {
    **{f"{name} {which}": f"{what}, seen as {which}" for name, what in SEEN.items() for which in ("X", "Y", "Y2")},
    "place from z": "R2 of the worse coordinate, read by an MLP",
    "place from w": "R2 of the better one",
    "content from z": "accuracy of X, Y or Y2, read by an MLP; chance is one half or a third",
    "content from w": "the same",
    "training": "CPU-seconds of a training",
    "planning": "CPU-seconds of an episode, ten planned at once",
}
PAPER = {
    ("split", f"{name} {which}"): value
    for name, values in {
        "reconstruction": (3.6, 3.9),
        "prediction": (6.2, 6.3),
        "planning loss": (21.4, 22.0),
        "success": (100.0, 100.0),
    }.items()
    for which, value in zip("XY", values, strict=True)
}
Others = tuple[tuple[str, dict[str, Any]], ...]
OTHER = {"content": "y"}
PAIRED: Others = (("pairs", OTHER),)
"""A kind and its options for each set beside X."""
ENV = "unbraid.envs:unbraid/Planar-v0"
RULES = {"protocol": "pcc"}
ROWS, PAIRS = 8000, 2000
SIGMAS = (0.5, 1.0, 2.0, 5.0)
PLAIN = {"contrast": 0.0, "flatness": 0.0, "layout": 0.0, "warm_up": 0.0}
MODELS: dict[str, dict[str, Any]] = {
    "split": {"bound": "split"},
    "paper's bound alone": {"bound": "split", **PLAIN},
    "no split": {"bound": "rce"},
    "RCE": {"bound": "rce", **PLAIN},
    "E2C": {"bound": "e2c"},
    "PCC": {"bound": "pcc"},
    "PC3": {"bound": "pc3"},
    "world model": {"bound": "world"},
}
WIDER: dict[str, tuple[dict[str, Any], Others]] = {
    "two other sets": ({}, (*PAIRED, ("pairs", {"content": "disc"}))),
    "without pairs": ({}, (("images", OTHER),)),
    "in colour": ({"content": "red"}, (("pairs", {"content": "dusk"}),)),
}
"""Options of X, and the sets beside it, of split models beyond the paper."""
NOISY = ("split", "RCE", "E2C")
PICTURED = {"split": "maps", "paper's bound alone": "folded", "without pairs": "unpaired"}
"""Models whose maps are drawn, and what their figures are called."""
TASKS, SHOWN, MAPPED = 10, 4, 1500
MAP = "map.npz"


def jobs(scale: Scale) -> list[Job]:
    """A model of each kind and seed, and one of some kinds and each noise."""
    points = {name: _asked(scale, settings) for name, settings in MODELS.items()}
    points |= {name: _asked(scale, {}, *shown) for name, shown in WIDER.items()}
    points["true state"] = {"options": RULES, "tasks": TASKS}
    if scale.name == "smoke":
        return repeated(scale, {name: points[name] for name in ("split", "two other sets", "true state")})
    noisy = [(name, sigma) for sigma in SIGMAS for name in NOISY]
    return repeated(scale, points) + [
        Job(f"{name}, sigma {sigma:g}", 0, _asked(scale, MODELS[name], {"sigma": sigma})) for name, sigma in noisy
    ]


def _asked(
    scale: Scale, settings: dict[str, Any], options: dict[str, Any] | None = None, others: Others = PAIRED
) -> dict[str, Any]:
    sizes = {name: getattr(scale, name) for name in ("network", "steps", "batch_size", "learning_rate")}
    config = agent.Config(**{**sizes, **settings})
    rows, pairs = (60, 20) if scale.name == "smoke" else (ROWS, PAIRS)
    rest = {"rows": rows, "pairs": pairs, "points": scale.points, "device": scale.device, "tasks": TASKS}
    rest |= {"options": {**RULES, **(options or {})}, "others": [list(other) for other in others]}
    return {"config": config.to_dict(), "planner": "cem" if config.bound == "world" else "ilqr", **rest}


def run(job: Job, folder: Path) -> Numbers:
    """Record, train, evaluate, and plan the same tasks as X and as Y shows them."""
    wanted, rules = job.settings, job.settings["options"]
    if "config" not in wanted:
        found = plan_on_truth(ENV, wanted["tasks"], work.METRIC_SEED + job.seed, jacobians=_straight, **rules)
        return {f"{name} X": value for name, value in _planned(found).items()} | _cost(found)
    others = tuple(options for _, options in wanted["others"])
    sets: Sets = {"x": (Asked(ENV, rules, "transitions", {}, job.seed), wanted["rows"])}
    for name, (kind, other) in zip(set_names(len(others))[1:], wanted["others"], strict=True):
        sets[name] = Asked(ENV, rules, kind, other, job.seed), wanted["pairs"]
    made, numbers = trained(folder, sets, wanted["config"], wanted["device"])
    learner = made.load(wanted["device"])
    _keep(learner, folder, rules, others[0])
    return numbers | _measured(learner, job, others)


def _straight(states: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """Jacobians of moves on open ground."""
    del actions
    eye = torch.eye(2).expand(len(states), 2, 2)
    return eye, eye


def _measured(learner: agent.DynamicsContent, job: Job, others: tuple[dict[str, Any], ...]) -> Numbers:
    seed, rules = work.METRIC_SEED + job.seed, job.settings["options"]
    told = agent.evaluate(learner, ENV, seed, job.settings["points"], others=others, **rules)
    numbers: Numbers = {}
    for set_ in set_names(len(others)):
        how = {"observe": set_, "planner": job.settings["planner"]}
        found = agent.plan(learner, ENV, job.settings["tasks"], seed, others=others, **how, **rules)[0]
        each = {name: told[f"{name}_{set_}"] for name in ("reconstruction", "prediction")}
        each["20 ahead"] = told[f"foretold_{set_}"][str(AHEAD[-1])]
        each = {name: value for name, value in each.items() if value is not None} | _planned(found)
        numbers |= {f"{name} {set_.upper()}": value for name, value in each.items()} | _cost(found)
    read = ("place_from_z", "place_from_w", "content_from_z", "content_from_w")
    return numbers | {name.replace("_", " "): told[name] for name in read if name in told}


def _planned(found: dict[str, Any]) -> Numbers:
    shares = {"success": 100 * found["success_rate"], "in goal": found["goal_time"]}
    return {"planning loss": found["planning_loss"], **shares}


def _cost(found: dict[str, Any]) -> Numbers:
    return {"planning": found["seconds_per_episode"]}


def _keep(learner: agent.DynamicsContent, folder: Path, rules: dict[str, Any], other: dict[str, Any]) -> None:
    """For the figures: codes over the map, and what is seen and foretold along four random actions."""
    kept: dict[str, Any] = {}
    for number, options in enumerate(({}, other)):
        env = make_factored(ENV, MAPPED, **{**rules, "sigma": 0.0, **options})
        kept[f"codes{number}"] = learner.encode(env.reset(seed=0)[0].to(learner.low.device), number).cpu()
        kept["places"] = env.get_factors()
        env, generator = make_factored(ENV, 1, **{**rules, **options}), torch.Generator().manual_seed(0)
        seen = [env.reset(seed=1)[0]]
        x = to_floats(seen[0].to(learner.low.device))
        z, content, foretold = learner.describe(x, number).mu.detach(), learner.look(x, number).mu.detach(), []
        for ahead in range(SHOWN + 1):
            logits = learner.paint(z, content, number).detach()
            foretold.append(to_images(logits.sigmoid()).cpu())
            if ahead < SHOWN:
                action = random_actions(env.single_action_space, 1, generator)
                seen.append(env.step(action)[0])
                z = learner.next(z, action.to(z.device)).detach()
        kept |= {f"seen{number}": torch.cat(seen), f"foretold{number}": torch.cat(foretold)}
    np.savez_compressed(folder / MAP, **{name: part.numpy() for name, part in kept.items()})


def figures(done: list[Done]) -> dict[str, Figure]:
    """Maps of X and Y (the paper's figure 3), what is foretold, and the share of steps in the goal against noise."""
    found = {}
    folders = drawing.folders(done)
    for label, title in PICTURED.items():
        if label not in folders:
            continue
        kept = np.load(folders[label] / MAP)
        found[title] = _maps(kept)
        if label == "split":
            names = [f"{what}, {which}" for which in "XY" for what in ("seen", "foretold")]
            rows = np.stack([kept[f"{what}{number}"] for number in (0, 1) for what in ("seen", "foretold")])
            found["foretold"] = drawing.strips(rows, names)
    if any("sigma" in one.job.settings["options"] for one in done):
        found["noise"] = _noise(done)
    return found


def _maps(kept: Any) -> Figure:
    """The true places, and their codes as X and as Y, coloured by row and by column."""
    figure, axes = drawing.panels(2, 3, (2.9, 2.6))
    places = kept["places"]
    for k, coordinate in enumerate(("row", "column")):
        panels = {"true place": places[:, ::-1], "codes of X": kept["codes0"], "codes of Y": kept["codes1"]}
        for panel, (title, points) in zip(axes[k], panels.items(), strict=True):
            panel.scatter(*points[:, :2].T, c=places[:, k], s=3, cmap="viridis", linewidths=0)
            panel.set_aspect("equal", adjustable="datalim")
            drawing.say(panel, title if k == 0 else "", "", f"coloured by {coordinate}" if panel is axes[k][0] else "")
    for panel in axes[:, 0]:
        panel.invert_yaxis()
    return figure


def _noise(done: list[Done]) -> Figure:
    figure, axes = drawing.panels(1, 2, (3.6, 2.8))
    for panel, which in zip(axes[0], "XY", strict=True):
        for name, colour in zip(NOISY, drawing.COLOURS, strict=False):
            labels = {0.0: name, **{sigma: f"{name}, sigma {sigma:g}" for sigma in SIGMAS}}
            drawing.curve(panel, done, labels, f"in goal {which}", color=colour, label=name)
        panel.set_ylim(0, 100)
        drawing.say(panel, f"seen as {which}", "noise of a move, px", "% of the steps in the goal")
    drawing.explain(axes[0][0])
    return figure
