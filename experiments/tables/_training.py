"""VAEs in a table's jobs: what is asked for as plain values, and training that goes on where it stopped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...representation import metrics
from ...representation.data import StoredImages, draw_states
from ...representation.networks import to_floats
from ...representation.objectives._terms import gaussian_kl
from ...representation.training import FitOptions, fit, pick_device
from ...representation.vae import VAE, Config
from .. import work
from ..runs import How, Run
from ._jobs import Job, Scale

SPRITES = "unbraid.envs:unbraid/Sprites-v0"
TRIANGLES = "unbraid.envs:unbraid/SpritesTriangle-v0"
BLOB = "unbraid.envs:unbraid/SpritesBlob-v0"
PART = 256


def asked(scale: Scale, objective: Any, env: str = SPRITES, **config: Any) -> dict[str, Any]:
    """A job's settings: a VAE of ``env`` at this scale, on states drawn anew; ``config`` are fields of its `Config`."""
    sizes = {name: getattr(scale, name) for name in ("network", "steps", "batch_size", "learning_rate")}
    made = Config(objective=objective, **{"draw": "fresh", **sizes, **config})
    return {"env": env, "env_options": {}, "config": made.to_dict(), "points": scale.points, "device": scale.device}


def run_of(job: Job, folder: Path) -> Run:
    """The job as a run in its folder, so that a trained one can be evaluated and reported on."""
    wanted = job.settings
    return Run(folder, "vae", wanted["env"], wanted["env_options"], job.seed, Config.from_dict(wanted["config"]))


def trained(job: Job, folder: Path) -> VAE:
    """The job's VAE after its training, which goes on from a checkpoint in the folder where there is one."""
    run, device = run_of(job, folder), job.settings["device"]
    if run.create(resume=True):
        work.train(run, work.prepare(run, device), How(device=device, progress=False))
    learner: VAE = run.load(pick_device(device))
    return learner


def trained_on(images: Any, job: Job, folder: Path) -> VAE:
    """The same on stored images, uint8 ``(n, H, W)`` or ``(n, H, W, C)``, instead of a world's."""
    config, device = Config.from_dict(job.settings["config"]), job.settings["device"]
    data = StoredImages(images, config.batch_size, job.seed, pick_device(device))
    learner = VAE(data.shape, config, torch.Generator().manual_seed(job.seed))
    options = FitOptions(config.steps, config.learning_rate, seed=job.seed, device=device, progress=False)
    fit(learner, data, options, folder)
    return learner


def states(job: Job) -> tuple[Tensor, Tensor]:
    """Fresh states to measure on, other ones than training's: images ``(n, H, W, C)`` and factors ``(n, K)``."""
    wanted, device = job.settings, pick_device(job.settings["device"])
    return draw_states(wanted["env"], wanted["points"], work.METRIC_SEED + job.seed, device, **wanted["env_options"])


def codes_of(learner: VAE, images: Tensor) -> Tensor:
    """Codes ``(n, Z)`` of images ``(n, H, W, C)``, on the CPU."""
    return torch.cat([learner.encode(part) for part in torch.split(images, PART)]).cpu()


@torch.no_grad()
def kl_of_latents(learner: VAE, images: Tensor) -> Tensor:
    """Mean KL divergence of each latent's posterior from the prior, nats: ``(Z,)``."""
    mu, logvar = map(
        torch.cat, zip(*[learner.posterior(to_floats(part)) for part in torch.split(images, PART)], strict=True)
    )
    return gaussian_kl(mu, logvar).mean(0).cpu()


def without_shape(factors: Tensor) -> Tensor:
    """DSprites' other four factors: the shape comes first."""
    return factors[:, 1:]


def scores(names: Mapping[str, str], codes: Tensor, factors: Tensor, seed: int) -> dict[str, float]:
    """Single numbers of metrics: what a table calls them -> ``"metric"``, whose score it is, or ``"metric.number"``."""
    split = {name: (*path.split("."), "score")[:2] for name, path in names.items()}
    found = metrics.evaluate(list(dict.fromkeys(metric for metric, _ in split.values())), codes, factors, seed=seed)
    return {name: float(found[metric][number]) for name, (metric, number) in split.items()}
