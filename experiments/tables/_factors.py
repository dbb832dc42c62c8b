"""The figures of the table `controllable_factors`, and what jobs keep of their agents for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from scipy.optimize import nnls
from torch import Tensor

from ...agents import icf_continuous
from ...agents._parts import action_names
from ...agents.icf.model import ICF
from ...agents.icf.plan import action_effects
from ...agents.icf.predict import predict
from ...envs import make_factored
from ...representation.data import RandomWalk
from .. import work
from ..figures import INK, behaviour, variations
from . import _drawing as drawing
from ._jobs import Done, Job

CODES, VARIATIONS, BEHAVIOUR = "codes.npz", "variations.npz", "behaviour.npz"
FORETOLD, COLUMNS, ACTIONS = "foretold.npz", 6, 6
DISTURBED = 3
"""Number of the action, from 0, that is another than the policy's in figure 6."""


def keep(job: Job, learner: Any, folder: Path) -> None:
    """What an agent foretells (the discrete form), or what its options do (the continuous one)."""
    env, seed, options = job.settings["env"], work.METRIC_SEED + job.seed, job.settings["test_options"]
    if job.settings["agent"] == "icf":
        _keep_foretold(job, learner, folder / FORETOLD)
    elif job.settings["agent"] == "icf_continuous":
        states = min(job.settings["points"], 1000)
        _save(icf_continuous.variations(learner, env, seed, states, **options), folder / VARIATIONS)
        _save(icf_continuous.behaviour(learner, env, seed, disturbed=DISTURBED, **options), folder / BEHAVIOUR)


def _keep_foretold(job: Job, learner: ICF, path: Path) -> None:
    """Random actions, what is foretold of them, and which actions the code's change is a sum of, for the figures."""
    env, seed, options = job.settings["env"], work.METRIC_SEED + job.seed, job.settings["test_options"]
    device = next(learner.parameters()).device
    batch = make_factored(env, COLUMNS, device, **options)
    before = after = batch.reset(seed=seed)[0]
    draws = torch.Generator().manual_seed(seed)
    actions = torch.randint(learner.actions, (COLUMNS, ACTIONS), generator=draws).to(device)
    foretold = learner.decode(predict(learner, before, actions)[:, -1])
    for action in actions.T:
        after = batch.step(action)[0]
    change = learner.encode(after) - learner.encode(before)
    effects = action_effects(learner, RandomWalk(make_factored(env, 64, device, **options), seed))
    names = action_names(batch, learner.actions)
    moves = [_sum_of(one, effects.cpu(), names) for one in change.cpu()]
    before, after, foretold = (part.cpu() for part in (before, after, foretold))
    np.savez(path, before=before.numpy(), after=after.numpy(), foretold=foretold.numpy(), moves=moves)


def _sum_of(change: Tensor, effects: Tensor, names: list[str]) -> str:
    """A change of the code ``(K,)`` as a sum of actions' effects ``(A, K)``, none taken less than no times."""
    counts = nnls(effects.T.numpy(), change.numpy())[0].round().astype(int)
    return "\n".join(f"{count} {name}" for count, name in zip(counts, names, strict=True) if count) or "nothing"


def _save(found: icf_continuous.Variations | icf_continuous.Behaviour, path: Path) -> None:
    """As arrays of the tuple's names."""
    arrays: dict[str, Any] = {
        name: part.cpu().numpy() if isinstance(part, Tensor) else part for name, part in found._asdict().items()
    }
    np.savez(path, **arrays)


def figures(done: list[Done]) -> dict[str, Figure]:
    """Of each row's first seed, as the paper's figures 2 to 6."""
    known = drawing.folders(done)
    drawn = {}
    if "maze" in known:
        drawn["maze"] = _places(known["maze"])
        drawn["foretold"] = _foretold(known["maze"])
    if "two digits" in known:
        drawn["two_digits"] = _coordinates(known["two digits"])
    for label, file in (("maze, continuous", "continuous"), ("3-step options", "options")):
        if label in known:
            with np.load(known[label] / VARIATIONS) as saved:
                drawn[file] = variations(saved)
    if "switches, options" in known:
        with np.load(known["switches, options"] / BEHAVIOUR) as saved:
            drawn["behaviour"] = behaviour(saved)
    return drawn


def _places(folder: Path) -> Figure:
    """The plane of the two latents: each place a dot, coloured by x on the left and by y on the right."""
    figure, axes = drawing.panels(1, 2, (3.0, 2.8))
    with np.load(folder / CODES) as file:
        for place, name, column in zip(axes[0], file["names"], file["factors"].T, strict=True):
            dots = place.scatter(*file["codes"].T, c=column, s=14, cmap="viridis")
            figure.colorbar(dots, ax=place, shrink=0.8)
            drawing.say(place, str(name), "first latent", "second latent")
    return figure


def _foretold(folder: Path) -> Figure:
    """Before and after some actions, and what the foretold code decodes to; the change as single actions."""
    with np.load(folder / FORETOLD) as file:
        rows = [file[name] for name in ("before", "after", "foretold")]
        said = [str(one) for one in file["moves"]]
    figure = drawing.strips(np.stack(rows), ("before", f"after {ACTIONS} actions", "foretold"))
    (place,) = figure.axes
    width = rows[0].shape[2] + drawing.GAP_PX
    place.set_xticks((np.arange(len(said)) + 0.5) * width, said, fontsize=7, color=INK)
    return figure


def _coordinates(folder: Path) -> Figure:
    """Each latent's mean against each coordinate, standardised, as in the paper's figure 4."""
    with np.load(folder / CODES) as file:
        codes, factors, names = file["codes"], file["factors"], file["names"]
    figure, axes = drawing.panels(1, len(names), (2.2, 2.2))
    codes = (codes - codes.mean(0)) / np.maximum(codes.std(0), 1e-9)
    for place, name, column in zip(axes[0], names, factors.T, strict=True):
        values = np.unique(column)
        means = np.stack([codes[column == value].mean(0) for value in values])
        for colour, line in zip(drawing.COLOURS, means.T, strict=False):
            place.plot(values, line, color=colour, linewidth=1.4)
        drawing.say(place, name, "tile", "mean of each latent" if place is axes[0][0] else "")
    return figure
