"""What a learnt code is worth to PPO: actions until three maze games are mastered, from pixels, codes and options.

Not a paper's table. Stable-Baselines3's PPO is trained on 40x40 images by its own convolutions (pixels); by two layers
of 64 units on the frozen code of a VAE or of a discrete ICF agent (EncoderFeatures); and by its own convolutions again,
with a continuous ICF agent's options of three actions to choose from (ContinuousFactorActions). Each seed trains its
own VAE or agent first, in the same game, but without reward; by random actions, and by its own for the continuous
agent. The games: a goal that always is in the same corner of the maze MazeGoal; a goal drawn anew for each episode, on
4x4 open tiles; and three switches, always on the same of 4x4 tiles, to be brought to one colour. Nothing that actions
do moves a goal, so that a code of controllable factors has no reason to hold it: on a goal drawn anew, a frozen one is
expected to fail.

"Mastered" is: the mean return of the last 100 episodes has come 90 % of the way from a random policy's return, measured
on so many episodes as the scale has points, to the best that can be had from the same episodes' starts, which the
maze's expert knows exactly. Actions are the environment's, in all eight environments together; those that an option
takes count one by one. "actions" is a mean over those seeds only that got there; "reached" says which share did, and no
number stands in for the others. Training ends at 50,000 actions (scale cpu), or before that when the running mean was
there for 2,000 actions on end, so that "way" tells how far those seeds came that did not get there, and little of the
others; it may lie below 90 % where the mean got there and fell back. Curves go on at their last value.

PPO's settings are the same for all: eight environments of 64 steps, batches of 128, four epochs, learning rate .001,
entropy .01, gamma .95 and lambda .9, found by a few trials from pixels on seed 0, which is one of the table's. Steps
are choices: where they are options, of up to three actions each, PPO learns from a third as many of them. It runs on
the CPU at every scale. What differs between the scales: seeds, the pretraining's steps, of 64 environments each (of 32
for the continuous agent), PPO's most actions, and the games: smoke has one.
"""

from __future__ import annotations

import json
import math
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import torch
from matplotlib.figure import Figure

from ...envs import make_factored
from ...envs.maze.expert import Expert
from ...errors import InputError
from ...representation.data import random_actions
from .. import work
from ..figures import INK
from ..runs import How, Run, learner_module
from . import _drawing as drawing
from ._jobs import Done, Job, Numbers, Scale, repeated
from .controllable_factors import RARE, SWITCHES

SCALES = {
    "smoke": Scale("smoke", seeds=1, steps=2, points=16, batch_size=8),
    "cpu": Scale("cpu", seeds=5, steps=1000, points=500),
    "paper": Scale("paper", seeds=20, steps=3000, points=5000, device="auto"),
}
NUMBERS = {
    "reached": "share of the seeds that mastered the game",
    "actions": "the environment's actions until then, of those seeds",
    "way": "how far the return had come when training ended, from a random policy's (0) to the best (1)",
    "pretraining": "the environment's actions before, without reward",
}
PAPER: dict[tuple[str, str], float] = {}
ACTIONS = {"smoke": 900, "cpu": 50_000, "paper": 200_000}
"""Of PPO, at most."""
SHARE, HOLD = 0.9, 2000
CURVE = "curve.npz"


class Game(NamedTuple):
    """A maze's game, and what agents need to find what can be controlled in it."""

    world: str
    options: dict[str, Any]
    settings: dict[str, dict[str, Any]] = {}  # noqa: RUF012 (of a NamedTuple: never written to)
    """By learner, beside the variant's."""


class Variant(NamedTuple):
    """What PPO sees and does."""

    learner: str = ""
    """What is trained before; nothing for pixels."""
    settings: dict[str, Any] = {}  # noqa: RUF012
    acts: bool = False
    """Whether its options are the actions; else its code is what is seen."""


OPEN = {"layout": ("....",) * 4, "image_size": 40}
THREE = {"size": 4, "blocks": 0.0, "water": 0.0, "switches": 3, **SWITCHES}
GAMES = {
    "one goal": Game("MazeGoal", {"image_size": 40, "start_factors": {"goal.x": 7, "goal.y": 7}}),
    "any goal": Game("MazeGoal", OPEN),
    "switches": Game("MazeSwitches", OPEN | THREE, {"icf": {"latents": 5, **RARE}, "icf_continuous": {"latents": 5}}),
}
VARIANTS = {
    "pixels": Variant(),
    "VAE": Variant("vae"),
    "ICF": Variant("icf"),
    "options": Variant("icf_continuous", {"length": 3, "samples": 32, "batch_size": 32}, acts=True),
}


def jobs(scale: Scale) -> list[Job]:
    """A training of each variant in each game with each seed; `InputError` without Stable-Baselines3."""
    if find_spec("stable_baselines3") is None:
        raise InputError("table 'ppo' needs Stable-Baselines3: pip install unbraid[rl]")
    games = ["any goal"] if scale.name == "smoke" else list(GAMES)
    return repeated(scale, {f"{game}, {kind}": _asked(scale, GAMES[game], kind) for game in games for kind in VARIANTS})


def _asked(scale: Scale, game: Game, kind: str) -> dict[str, Any]:
    """A job's settings."""
    learner, settings, _ = VARIANTS[kind]
    config = {}
    if learner:
        sizes = {name: getattr(scale, name) for name in ("network", "steps", "batch_size")}
        made = learner_module(learner).Config(**{**sizes, **settings, **game.settings.get(learner, {})})
        config = json.loads(json.dumps(made.to_dict()))
    options = json.loads(json.dumps(game.options))
    world = {"env": f"unbraid.envs:unbraid/{game.world}-v0", "env_options": options}
    rest = {"actions": ACTIONS[scale.name], "points": scale.points, "device": scale.device}
    return {**world, "variant": kind, "config": config, **rest}


def run(job: Job, folder: Path) -> Numbers:
    """Pretrain, measure what random and best play get, and train PPO; only the pretraining is taken up after a stop."""
    from . import _ppo

    wanted, (kind, _, acts) = job.settings, VARIANTS[job.settings["variant"]]
    learner = _pretrained(job, folder, kind) if kind else None
    low, high = extremes(wanted["env"], wanted["points"], work.METRIC_SEED + job.seed, **wanted["env_options"])
    goal = _ppo.Goal(low + SHARE * (high - low), HOLD, wanted["actions"])
    learnt = _ppo.learn(partial(_made, job, learner if acts else None), goal, job.seed, {} if acts else _eyes(learner))
    way = (_ppo.running(learnt.returns) - low) / (high - low)
    np.savez(folder / CURVE, at=learnt.at, returns=learnt.returns, way=way, low=low, high=high, window=_ppo.WINDOW)
    numbers: Numbers = {"reached": float(learnt.reached is not None)}
    numbers |= {} if learnt.reached is None else {"actions": float(learnt.reached)}
    numbers |= {"way": float(way[-1])} if len(way) else {}
    return numbers | ({"pretraining": float(spent(learner.config))} if learner else {})


def _pretrained(job: Job, folder: Path, kind: str) -> Any:
    """The trained VAE or agent; its training goes on from a checkpoint in the folder where there is one."""
    wanted = job.settings
    config = learner_module(kind).Config.from_dict(wanted["config"])
    run = Run(folder, kind, wanted["env"], wanted["env_options"], job.seed, config)
    if run.create(resume=True):
        work.train(run, work.prepare(run, wanted["device"]), How(device=wanted["device"], progress=False))
    return run.load()


def _made(job: Job, agent: Any) -> gymnasium.Env[Any, Any]:
    """The job's environment, with an agent's options for actions where one is given."""
    from ...agents.sb3 import ContinuousFactorActions

    env = gymnasium.make(job.settings["env"], **job.settings["env_options"])
    return ContinuousFactorActions(env, agent) if agent else env


def _eyes(learner: Any) -> dict[str, Any]:
    """PPO's policy on a frozen code; on pixels where there is none."""
    from ...agents.sb3 import EncoderFeatures

    chosen = {"features_extractor_class": EncoderFeatures, "features_extractor_kwargs": {"learner": learner}}
    return chosen if learner else {}


def spent(config: Any) -> int:
    """Actions in a learner's environments over its training: more than one a step where it follows options."""
    length = getattr(config, "length", 1)
    single = math.ceil(config.warm_up * config.steps) if length > 1 else config.steps
    return int(config.batch_size * (single + length * (config.steps - single)))


def extremes(env: str, episodes: int, seed: int, **options: Any) -> tuple[float, float]:
    """Mean returns of uniformly random actions, and of the best ones, from the same starts of a maze's game."""
    batch = make_factored(env, episodes, **options)
    batch.reset(seed=seed)
    start = batch.world.set_factors(batch.get_factors())
    best = Expert(batch.world, start).value(start)
    draws = torch.Generator().manual_seed(seed)
    total, going = torch.zeros(episodes, dtype=torch.float64), torch.ones(episodes, dtype=torch.bool)
    while going.any():
        _, reward, terminated, truncated, _ = batch.step(random_actions(batch.single_action_space, episodes, draws))
        total += reward * going
        going &= ~(terminated | truncated)
    return float(total.mean()), float(best.mean())


def figures(done: list[Done]) -> dict[str, Figure]:
    """Learning curves, a panel for each game: mean over the seeds, and a band of one standard deviation each way."""
    games = [game for game in GAMES if any(one.job.label.startswith(f"{game}, ") for one in done)]
    most = max(one.job.settings["actions"] for one in done)
    figure, axes = drawing.panels(1, len(games), (3.6, 2.8))
    for place, game in zip(axes[0], games, strict=True):
        for kind, colour in zip(VARIANTS, drawing.COLOURS, strict=False):
            curves = [one.folder / CURVE for one in done if one.job.label == f"{game}, {kind}"]
            if curves:
                _draw(place, curves, most, label=kind, color=colour)
        place.axhline(SHARE, color=INK, linewidth=0.8, linestyle=":")
        place.set_xlim(0, most / 1000)
        place.set_ylim(top=1.05)
        drawing.say(place, game, "thousands of actions", "return (random 0, best 1)" if place is axes[0][0] else "")
    drawing.explain(axes[0][0])
    return {"curves": figure}


def _draw(place: Any, curves: list[Path], most: int, **style: Any) -> None:
    """Running means of some seeds, from where there are enough episodes; those that ended early go on as they were."""
    grid, lines = np.linspace(0, most, 200), []
    for path in curves:
        with np.load(path) as saved:
            begin = min(int(saved["window"]), len(saved["at"])) - 1
            lines.append(np.interp(grid, saved["at"][begin:], saved["way"][begin:], left=np.nan))
    mean, spread = np.mean(lines, 0), np.std(lines, 0, ddof=min(1, len(lines) - 1))
    place.plot(grid / 1000, mean, linewidth=1.4, **style)
    place.fill_between(grid / 1000, mean - spread, mean + spread, color=style["color"], alpha=0.2, linewidth=0)
