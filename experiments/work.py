"""What the commands do, as functions: train a run, measure it, plan with it."""

from __future__ import annotations

import copy
import inspect
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from ..envs import Factor, make_factored
from ..errors import InputError, UnknownNameError
from ..representation import metrics as scores
from ..representation.data import draw_states
from ..representation.ensemble import Ensemble, EnsembleData
from ..representation.training import FitOptions, fit, pick_device
from .runs import How, Run, learner_module

if TYPE_CHECKING:
    from ..representation.grasps import Loader

METRIC_POINTS = 3000
NOVEL = "novel.h5"
"""A collection of grasps in a run's folder."""
METRIC_SEED = 1_000_003  # states for the metrics come from other seeds than training's


class Prepared(NamedTuple):
    """An untrained learner and its data."""

    learner: Any
    data: Any


def prepare(run: Run, device: str = "auto") -> Prepared:
    """What a run trains, from scratch, after a first batch on trial; nothing is written.

    Raises:
        InputError: No such environment, device or network; an environment that the learner can't be trained in; or a
            learner that fails on its first batch.
    """
    module = learner_module(run.learner)
    env = run.source(getattr(run.config, "environments", run.config.batch_size), pick_device(device))
    with torch.random.fork_rng():  # a user's own networks draw their weights from torch's generator
        torch.manual_seed(run.seed)
        learner = module.build(run.config, env, torch.Generator().manual_seed(run.seed))
    prepared = Prepared(learner.to(pick_device(device)), module.data(run.config, env, run.seed))
    _try(prepared, run.config)
    return prepared


def _try(prepared: Prepared, config: Any) -> None:
    """Let a copy of the learner take a batch, and put the data back; `InputError` where that fails."""
    saved, learner = prepared.data.state_dict(), copy.deepcopy(prepared.learner)
    noise = torch.Generator(next(learner.parameters()).device).manual_seed(0)
    try:
        for turn in range(len(learner.turns())):
            terms = learner(learner.prepare(prepared.data.draw(), 0, noise), turn)
            if "loss" not in terms:
                raise InputError(f"{_title(config)} has no term 'loss' among {', '.join(terms) or 'none'}")
            for name, value in terms.items():
                _check_term(name, value)
    except InputError:
        raise
    except Exception as error:  # a user's own objective or network may raise anything
        what = f"KeyError: {error}" if isinstance(error, KeyError) else str(error).partition("\n")[0]
        raise InputError(f"{_title(config)} fails on its first batch: {what}{_where(config, error)}") from error
    prepared.data.load_state_dict(saved)


def _check_term(name: str, value: Any) -> None:
    if not isinstance(value, torch.Tensor):
        raise ValueError(f"its {name} is of type {type(value).__name__}, and must be a tensor of one number")
    if value.ndim:
        raise ValueError(f"its {name} has shape {tuple(value.shape)}, and must be one finite number")
    if name == "loss" and not value.isfinite():
        raise ValueError(f"its {name} is {value.item():g}, and must be one finite number")
    if name == "loss" and not value.requires_grad:
        raise ValueError("its loss has no gradient: nothing that is trained decides it")


def _where(config: Any, error: Exception) -> str:
    """The last line of the objective's own file (a learner's, if it has none) that an error passed; "" if none did."""
    own = inspect.getfile(type(getattr(config, "objective", config)))
    lines = [place.lineno for place in traceback.extract_tb(error.__traceback__) if place.filename == own]
    return f" ({Path(own).name}, line {lines[-1]})" if lines else ""


def _title(config: Any) -> str:
    """What is trained, for a message."""
    named = config.to_dict().get("objective", {}).get("name")
    network = getattr(config, "network", None) or getattr(config, "model", "")
    return f"objective {named!r} with network {network!r}" if named else f"network {network!r}"


def train(run: Run, prepared: Prepared, how: How) -> None:
    """Train (or go on training) in the run's folder, which is there; the weights are written at the end."""
    started = time.perf_counter()
    fit(prepared.learner, prepared.data, fit_options(run, how, f"{run.learner}, seed {run.seed}"), run.folder)
    _settle(run, prepared.learner, prepared.data, how)
    run.save(prepared.learner)
    run.write_metrics(train_seconds=time.perf_counter() - started)


def _settle(run: Run, learner: Any, data: Any, how: How) -> None:
    """What a learner's module does with it once it is trained, if it does anything."""
    module = learner_module(run.learner)
    if hasattr(module, "settle"):
        module.settle(learner, data, run.seed, how.progress)


def join(runs: list[Run], prepared: list[Prepared], vary: str = "") -> Prepared:
    """Runs that differ in their seed, or in the coefficient ``vary``, as one batched program; nothing is written.

    Raises:
        InputError: They can't be trained as one.
    """
    device = next(prepared[0].learner.parameters()).device
    labels = [run.folder.name for run in runs]
    ensemble = Ensemble([one.learner for one in prepared], [vary] if vary else [], labels)
    joined = Prepared(ensemble, EnsembleData([one.data for one in prepared], [run.seed for run in runs], device))
    _try(joined, runs[0].config)
    return joined


def train_together(runs: list[Run], joined: Prepared, how: How) -> None:
    """Train (or go on training) an ensemble.

    Each run's weights end up in its own folder; scalars and the checkpoint lie in the folder above.

    Args:
        runs: Their folders are there, side by side.
        joined: Their learners and data as one.
        how: How to train.
    """
    started = time.perf_counter()
    options = fit_options(runs[0], how, f"{len(runs)} x {runs[0].learner}")
    fit(joined.learner, joined.data, options, runs[0].folder.parent)
    members = joined.learner.members()
    for run, member, data in zip(runs, members, joined.data.sources, strict=True):
        _settle(run, member, data, how)
    seconds = time.perf_counter() - started
    for run, member in zip(runs, members, strict=True):
        run.save(member)
        run.write_metrics(train_seconds=seconds / len(runs), trained_together=len(runs))


def fit_options(run: Run, how: How, title: str) -> FitOptions:
    """How a run is trained; the title stands beside the progress bar."""
    config = run.config
    decay = getattr(config, "weight_decay", 0.0)
    return FitOptions(config.steps, config.learning_rate, weight_decay=decay, seed=run.seed, title=title, **vars(how))


@dataclass(frozen=True)
class Measuring:
    """How a code is measured.

    Args:
        names: Of the metrics.
        seed: Of the states and of metrics that draw at random.
        points: How many states.
        factors: Which of the world's factors codes are held against: "all", "controllable", or names.
        protocol: See `metrics.evaluate`.
        bootstrap: See `metrics.evaluate`.
    """

    names: Sequence[str]
    seed: int = 0
    points: int = METRIC_POINTS
    factors: str | Sequence[str] = "all"
    protocol: str | None = None
    bootstrap: int = 0


def measure(run: Run, learner: Any, how: Measuring) -> dict[str, Any]:
    """Metrics of a trained learner's code on fresh states, and what its own module measures.

    Returns:
        Metric name -> its numbers, in the order of ``factors``, the names of what the code was held against; beside
        them ``reconstruction`` of a VAE and ``agent`` of a learner that acts.

    Raises:
        InputError: No such factors in the run's world.
    """
    run.require_world()
    stated = make_factored(run.env, 1, **run.env_options).factors
    kept = places(stated, how.factors)
    images, factors = draw_states(
        run.env, how.points, METRIC_SEED + how.seed, next(learner.parameters()).device, **run.env_options
    )
    codes = torch.cat([learner.encode(part) for part in torch.split(images, 512)])
    numbers: dict[str, Any] = scores.evaluate(
        how.names, codes.cpu(), factors[:, kept].cpu(), seed=how.seed, protocol=how.protocol, bootstrap=how.bootstrap
    )
    numbers["factors"] = [stated[k].name for k in kept]
    if hasattr(learner, "errors"):
        numbers["reconstruction"] = learner.errors(images, how.seed)
    module = learner_module(run.learner)
    if hasattr(module, "evaluate"):
        others = {"others": run.others} if run.data else {}
        numbers["agent"] = module.evaluate(learner, run.env, METRIC_SEED + how.seed, **others, **run.env_options)
    return numbers


def measure_grasps(run: Run, learner: Any, data: Path | None) -> dict[str, Any]:
    """How well a grasp net foretells the outcomes of a collection; see `unbraid.agents.grasp.evaluate`.

    Args:
        run: The net's.
        learner: The net.
        data: The collection; without, see `novel_grasps`.
    """
    from ..representation.grasps import Loader, read_grasps

    device = next(learner.parameters()).device
    loader = novel_grasps(run, device) if data is None else Loader(read_grasps(data), device)
    found: dict[str, Any] = learner_module(run.learner).evaluate(learner, loader)
    return found


def novel_grasps(run: Run, device: torch.device | str = "cpu") -> Loader:
    """420 grasps of novel objects, collected into the run's folder, once."""
    from ..envs.grasp.camera import Camera
    from ..representation.grasps import Loader, read_grasps
    from .grasps import Asked, collect

    path = run.folder / NOVEL
    if not path.exists():
        collect(Asked("novel", 420, 20, METRIC_SEED, Camera().size), path)
    return Loader(read_grasps(path), device)


def held_against(run: Run, evaluation: Mapping[str, Any]) -> list[str]:
    """Names of the factors that a run's code was held against in an evaluation of it."""
    return list(
        evaluation.get("factors") or [factor.name for factor in make_factored(run.env, 1, **run.env_options).factors]
    )


def places(stated: Sequence[Factor], wanted: str | Sequence[str]) -> list[int]:
    """Places of the factors that are asked for; see `Measuring`."""
    names = [factor.name for factor in stated]
    if wanted == "controllable":
        wanted = [factor.name for factor in stated if factor.controllable]
        if not wanted:
            raise InputError("no action changes any factor of this world; evaluate with --factors all")
    chosen = names if wanted == "all" else [wanted] if isinstance(wanted, str) else wanted
    if not chosen:
        raise InputError("no factors are named")
    for name in chosen:
        if name not in names:
            raise UnknownNameError("factor", name, names)
    return [names.index(name) for name in chosen]


def plan(
    run: Run,
    learner: Any,
    episodes: int,
    seed: int,
    env_options: Mapping[str, Any] | None = None,
    **how: Any,
) -> tuple[dict[str, Any], Any]:
    """Goal reaching with a trained agent.

    Args:
        run: The agent's.
        learner: The agent.
        episodes: Start and goal pairs.
        seed: Of the pairs.
        env_options: In place of the run's own of these names.
        how: What its module's ``plan`` takes beside these.

    Raises:
        InputError: The learner doesn't plan, or not in such a way.
    """
    run.require_world()
    module = learner_module(run.learner)
    if not hasattr(module, "plan"):
        raise InputError(f"{run.folder} holds a {run.learner!r}, which doesn't plan; take an agent such as icf")
    for name in how:
        if name not in inspect.signature(module.plan).parameters:
            raise InputError(f"{run.folder} holds a {run.learner!r}, whose plans have no --{name.replace('_', '-')}")
    others = {"others": run.others} if run.data else {}
    options = {**run.env_options, **(env_options or {})}
    numbers, trip = module.plan(learner, run.env, episodes, seed, **how, **others, **options)
    return numbers, trip
