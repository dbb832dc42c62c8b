"""The figures of a grasp net's run: what it makes of novel objects, what it foretells, what it plans."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..agents.grasp.evaluate import elevations_of, foretell, overlap_of
from ..agents.grasp.plan import pictures, plan
from ..agents.grasp.projection import project
from ..envs.grasp.scene import Scene
from ..representation.grasps import Loader
from ..representation.training import SCALARS
from . import figures, figures_grasps, movies, work
from .album import CURVES, Album, Picture

PLANS = 6
ASIDE = 2.4
"""rad from the camera, from where shapes are seen for a second time."""


class GraspAlbum(Album):
    """Draws a grasp net's figures; see `Album`."""

    def draw(self) -> list[Picture]:
        """Curves, shapes of geometry, what is foretold, and some plans of novel objects."""
        self.folder.mkdir(exist_ok=True)
        learner, loader = self.run.load(), work.novel_grasps(self.run)
        numbers = self.run.read_metrics()["evaluation"]
        self._keep(
            "learning-curves", "learning curves", CURVES,
            figures.learning_curves(figures.read_scalars(self.run.folder / SCALARS)),
        )  # fmt: skip
        if self.run.config.model == "geometry":
            self._keep("shapes", "shapes of novel objects", SHAPES, figures_grasps.shapes(*_shapes(learner, loader)))
        said = {}
        for number, angle in enumerate(elevations_of(numbers)):
            rows, values, _ = foretell(learner, loader, number)
            said[angle] = values
        drawn = figures_grasps.calibration(said, loader.found.grasps["success"][rows])
        self._keep("calibration", "what is foretold and what comes of it", CALIBRATION, drawn)
        self._keep("accuracies", "by category and elevation", ACCURACIES, figures_grasps.accuracies(numbers))
        _, tried = plan(learner, "novel", PLANS, work.METRIC_SEED)
        with Scene() as scene:
            self._keep("plans", "plans", TRIED, movies.captioned(*pictures(scene, tried)))
        return self.pictures


def _shapes(learner: Any, loader: Loader) -> tuple[list[dict[str, NDArray[Any]]], list[str]]:
    """Pictures and captions of a scene of each category: the view, and shapes as they are and as they are thought."""
    kinds = np.array(loader.found.about["categories"])[loader.found.scenes["object"][loader.scenes]]
    images, captions = [], []
    for number, kind in enumerate(dict.fromkeys(kinds.tolist())):
        scene = loader.scenes[kinds == kind][:1]
        elevation = np.array([number % len(loader.found.about["elevations"])])
        batch = loader.batch(scene, elevation, loader.rows_of(scene)[0][:, :1])
        with torch.no_grad():
            shape = learner.see(batch.rgbd, batch.elevation).shape
        overlap = float(overlap_of(shape, batch.occupancy))
        angles = torch.tensor([[0.0, ASIDE]]), batch.elevation[:, None].expand(1, 2)
        grids = batch.occupancy, (shape > 0).float()
        views = [project(grid, *angles, replace(learner.camera, size=48)) for grid in grids]
        shaded = [_shaded(view.depth[0], view.log_missed[0]) for view in views]
        images.append(
            {"seen": batch.rgbd[0, :3].permute(1, 2, 0).numpy(), "true": shaded[0][0], "found": shaded[1][0],
             "true, from behind": shaded[0][1], "found, from behind": shaded[1][1]}
        )  # fmt: skip
        captions.append(f"{kind}, {math.degrees(batch.elevation):.0f}°\nIoU {overlap:.2f}")
    return images, captions


def _shaded(depth: Tensor, log_missed: Tensor) -> NDArray[Any]:
    """Depth, and NaN where nothing is."""
    return torch.where(log_missed.exp() > 0.5, torch.nan, depth).numpy()


SHAPES = (
    "A novel object of each category from one view, its true shape and the shape that was found, from the camera and "
    "from behind, the nearer the lighter; beside it how far the two overlap (intersection over union)."
)
CALIBRATION = (
    "On novel objects: a net that knows how sure it is lies on the diagonal, where a dot is as large as there are "
    "grasps of which so much is said; the right curve is to be high."
)
ACCURACIES = (
    "Share of grasps of novel objects that were foretold right, and of how many; a half is chance. Below, all of them, "
    "with the standard error over scenes."
)
TRIED = (
    "From a grasp that fails the best of ten random directions is taken and tried out, and so on until one holds "
    "(green), 20 times at most."
)
