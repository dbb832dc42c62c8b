"""Independently controllable factors, figures 2 to 6: what an agent finds that acts (Thomas et al. 2018).

The paper shows single trainings and prints no values: a maze of 64x64 pixels in which it finds four effects, up twice
being one of them and down+left none of its own, with x and y on orthogonal axes (figure 2); two digits on a grid, all
four coordinates nearly linear in one latent each (figure 4); and, in a maze, a goal's image decomposed into moves
(figure 5). A column "paper" with 4 effects is what figure 2 shows. Of options of three actions it says that some
collapse, and that predictions in latent space succeed (figure 3).

What differs, at every scale: but where it says "continuous" or "options" it is the discrete form (two policies a
latent) that is trained, on random actions. Actions that do nothing are among them, where the paper's figure 2 has only
permissible ones; the decoder doesn't shape the code but in the row that says so. The continuous form has its own
additions to the paper's (factors kept apart, steps of at most 1, hindsight, a learnt bandwidth, policies that know what
is left to do), and its latent model is its policy followed through foreseen single actions. Digits are of five kinds
and fifty hands each; changes over up to 30 actions must also tell how often each was taken (``additivity``). Switches
stand in the same three places in all episodes, so that there is one factor each. In the maze with a box, a switch and a
door somebody wanders about whom nothing controls; the switch's place and the door's are drawn anew, each batch is
chosen from eight times as many environments, rare outcomes first (``pool``), and latents are kept alive
(``liveness``). Options among the switches are of five actions, of which there are too many to try them all: their code
is measured, and figure 6 drawn. Goals are in mazes
whose walls were never seen in training, or, for the continuous form, in the maze of its training, up to 1,000 pairs;
ways are searched among codes, or on the agent's own map. To compare with there is inverse dynamics, which has no
policies: its code alone is measured; and there are DIAYN, with four skills, and DUSDi, with two components of two
values and its own latents for factors. They keep a skill for four actions; its first is what is measured as a policy.
All settings are the same for all seeds. At scale cpu also: ten seeds, 3,000 steps; for digits and the maze with a box
half as many again, for switches half as many.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...agents._outcomes import movable
from ...envs import make_factored
from ...representation import metrics
from ...representation.data import draw_states
from .. import work
from ..runs import How, Run, learner_module
from . import _factors as shown
from ._jobs import Job, Numbers, Scale, repeated

SCALES = {
    "smoke": Scale("smoke", seeds=1, steps=2, points=60, batch_size=8, learning_rate=3e-3),
    "cpu": Scale("cpu", seeds=10, steps=3000, points=2000, learning_rate=3e-3),
    "paper": Scale("paper", seeds=10, steps=20_000, points=10_000, learning_rate=3e-3, device="auto"),
}
NUMBERS = {
    "effects": "effects on a single factor that some policy brings about",
    "agreement": "normalised mutual information of latent changes and true effects",
    "linear R2": "of the worst of the controllable factors, from the whole code",
    "Pearson": "absolute correlation of the worst of them with its best latent",
    "switches": "balanced accuracy of the worst switch, told by a threshold on its best latent",
    "agent told": "held-out R2 of the worse of its coordinates, from the whole code by an MLP",
    "box told": "the same of the box",
    "door told": "the same of whether it is open",
    "distractor told": "the same of the better coordinate of whoever moves by itself",
    "angle": "smallest angle between two factors' directions in the code, degrees",
    "information": "of policy and outcome, nats",
    "ceiling": "the most that so many policies can have, nats",
    "selectivity": "the continuous form's bound on the information, nats",
    "coverage": "share of the outcomes possible in a state that some option has",
    "components": "share of one factor in what each component of a skill has of all changes, when it ends",
    "skills": "information of skill and of all that it changed when it ends, nats",
    "foretold": "share of options whose end is foretold right",
    "success": "share of goal images that were reached",
    "path": "steps taken by the shortest path's, which knows no down+left",
}
PAPER = {("maze", "effects"): 4.0, ("maze, continuous", "effects"): 4.0}
ID = "unbraid.envs:unbraid/{}-v0"
PLACED = ({"x": 0, "y": 1}, {"x": 3, "y": 0}, {"x": 2, "y": 3})
WALLS = {"layout": None, "size": 8, "blocks": 0.1, "levels": 10_000}
SWITCHES = {"start_factors": {f"switch{k}.{axis}": place[axis] for k, place in enumerate(PLACED) for axis in "xy"}}
RARE = {"independence": 0.2, "learning_rate": 2e-3}
SELDOM = {"liveness": 1.0, "pool": 8}
DIGITS = {"latents": 4, "additivity": 3.0, "warm_up": 0.3}


class Place(NamedTuple):
    """A world that an agent is trained in."""

    world: str
    settings: dict[str, Any] = {}  # noqa: RUF012 (of a NamedTuple: never written to)
    """Of the agent, beside the scale's."""
    options: dict[str, Any] = {}  # noqa: RUF012
    test_options: dict[str, Any] = {}  # noqa: RUF012
    longer: float = 1.0
    """How many times the scale's steps it takes."""
    goals: bool = False
    """Whether goals are walked to."""
    agent: str = "icf"
    alone: tuple[str, ...] = ()
    """Factors that move by themselves."""
    tried: bool = True
    """Whether all sequences of an option's actions are tried: of five there are thousands."""


PLACES = {
    "maze": Place("MazeRedundant"),
    "maze, continuous": Place("MazeRedundant", goals=True, agent="icf_continuous"),
    "maze, inverse dynamics": Place("MazeRedundant", agent="inverse"),
    "maze, DIAYN": Place("MazeRedundant", agent="diayn"),
    "maze, DUSDi": Place("MazeRedundant", agent="dusdi"),
    "3-step options": Place("Maze", {"length": 3}, goals=True, agent="icf_continuous"),
    "switches": Place("MazeToggle", {"latents": 5, **RARE}, SWITCHES, SWITCHES, longer=0.5),
    "switches, options": Place(
        "MazeToggle", {"latents": 5, "length": 5}, SWITCHES, SWITCHES, agent="icf_continuous", tried=False
    ),
    "box, door, distractor": Place(
        "MazeDistractor", {"latents": 6, **RARE, **SELDOM}, longer=1.5, alone=("npc.x", "npc.y")
    ),
    "unseen mazes": Place("Maze", {}, WALLS, {**WALLS, "first_level": 50_000}, goals=True),
    "two digits": Place("DigitsGrid", DIGITS, longer=1.5),
    "two digits, inverse dynamics": Place("DigitsGrid", {"latents": 4}, longer=1.5, agent="inverse"),
    "two digits, autoencoder": Place("DigitsGrid", {**DIGITS, "autoencoder": 0.01}, longer=1.5),
}
STATES = {"icf": 512, "icf_continuous": 128, "inverse": 512, "diayn": 512, "dusdi": 512}
"""From which all actions are tried, at most."""
TOLD = {"agent told": ("agent.x", "agent.y"), "box told": ("box.x", "box.y"), "door told": ("door.open",)}
MEASURED = {
    "agreement": "agreement",
    "information": "information",
    "ceiling": "information_ceiling",
    "coverage": "coverage",
    "components": "component_mass",
    "skills": "skill_information",
    "foretold": "option_prediction_right",
}
"""What an agent's own evaluation calls these numbers."""
figures = shown.figures


def jobs(scale: Scale) -> list[Job]:
    """A training in each world with each seed."""
    points = {}
    for label, place in PLACES.items():
        settings = {name: getattr(scale, name) for name in ("network", "batch_size", "learning_rate")} | place.settings
        config = learner_module(place.agent).Config(steps=int(place.longer * scale.steps), **settings)
        worlds = {"env": ID.format(place.world), "env_options": place.options, "test_options": place.test_options}
        goals = min(1000, scale.points) if place.goals else 0
        rest = {"goals": goals, "alone": list(place.alone), "tried": place.tried}
        rest |= {"points": scale.points, "device": scale.device}
        points[label] = {**worlds, "agent": place.agent, "config": config.to_dict(), **rest}
    return repeated(scale, points)


def run(job: Job, folder: Path) -> Numbers:
    """Train, try every action from fresh states, and walk to goals."""
    wanted = job.settings
    env, test = wanted["env"], wanted["test_options"]
    agent = learner_module(wanted["agent"])
    run = Run(folder, wanted["agent"], env, wanted["env_options"], job.seed, agent.Config.from_dict(wanted["config"]))
    if run.create(resume=True):
        work.train(run, work.prepare(run, wanted["device"]), How(device=wanted["device"], progress=False))
    learner = run.load(wanted["device"])
    numbers = _tried(job, learner) if wanted["tried"] else {}
    numbers |= _read(job, learner, folder)
    shown.keep(job, learner, folder)
    if wanted["goals"]:
        trips = agent.plan(learner, env, wanted["goals"], work.METRIC_SEED + job.seed, **test)[0]
        numbers |= {"success": trips["success"]}
        numbers |= {"path": trips["steps_ratio"]} if trips["steps_ratio"] is not None else {}
    return numbers


def _tried(job: Job, learner: Any) -> Numbers:
    """What the agent's own evaluation says, which tries every action, or every option, from fresh states."""
    wanted, numbers = job.settings, Numbers()
    agent, states = learner_module(wanted["agent"]), min(wanted["points"], STATES[wanted["agent"]])
    found = agent.evaluate(learner, wanted["env"], work.METRIC_SEED + job.seed, states, **wanted["test_options"])
    numbers |= {name: found[key] for name, key in MEASURED.items() if key in found}
    numbers["angle"] = min(angle for i, row in enumerate(found["axes_deg"]) for angle in row[:i])
    continuous = wanted["agent"] == "icf_continuous"
    if continuous:
        numbers["selectivity"] = found["selectivity"]
    if found.get("primitive_modes_found") is not None and not (continuous and wanted["config"]["length"] > 1):
        numbers["effects"] = float(found["primitive_modes_found"])
    return numbers


def _read(job: Job, learner: Any, folder: Path) -> Numbers:
    """What the code tells of factors, from fresh states; it and those that are controlled are kept for the figures."""
    env, options, points = job.settings["env"], job.settings["test_options"], job.settings["points"]
    images, factors = draw_states(env, points, work.METRIC_SEED + job.seed, job.settings["device"], **options)
    codes = torch.cat([learner.encode(part) for part in torch.split(images, 512)])
    stated = make_factored(env, 1, **options).factors
    kept = movable(stated, factors)
    names = [stated[k].name for k in kept]
    np.savez(folder / shown.CODES, codes=codes.cpu().numpy(), factors=factors[:, kept].cpu().numpy(), names=names)
    switches = [k for k in kept if stated[k].kind == "categorical"]
    numbers: Numbers = _told(codes, factors[:, [k for k in kept if k not in switches]])
    if switches:
        numbers["switches"] = min(parted(codes, factors[:, k]) for k in switches)
    if job.settings["alone"]:
        asked = [factor.name for factor in stated]
        read = dict(zip(asked, metrics.evaluate(["probe"], codes, factors)["probe"]["mlp_r2"], strict=True))
        told = {name: [one for factor, one in read.items() if factor in which] for name, which in TOLD.items()}
        numbers |= {name: min(found) for name, found in told.items()}
        numbers["distractor told"] = max(read[name] for name in job.settings["alone"])
    return numbers


def _told(codes: Tensor, factors: Tensor) -> Numbers:
    """How much of the worst factor the code tells, all of it and its best latent."""
    linear = metrics.evaluate(["r2"], codes, factors)["r2"]["linear"]
    both = torch.corrcoef(torch.cat([codes, factors], 1).double().T).nan_to_num(0)
    return {"linear R2": min(linear), "Pearson": float(both[: codes.shape[1], codes.shape[1] :].abs().amax(0).min())}


def parted(codes: Tensor, values: Tensor) -> float:
    """How well a threshold on one latent tells a factor of two values: the best balanced accuracy, from .5 to 1.

    Args:
        codes: ``(n, D)``.
        values: ``(n,)``.
    """
    high = values == values.max()
    order = codes.argsort(0)
    ones, zeros = (part[order].double().cumsum(0) / part.sum() for part in (high, ~high))
    lines = codes.gather(0, order)
    between = torch.cat([lines[1:] > lines[:-1], torch.ones_like(lines[:1], dtype=torch.bool)])
    return float((0.5 + (zeros - ones).abs() / 2)[between].max())
