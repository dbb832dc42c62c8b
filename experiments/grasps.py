"""Collections of grasps: scenes, views of them, and what came of attempts; see `unbraid.representation.grasps`."""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..envs.grasp.camera import ELEVATIONS, Camera, View
from ..envs.grasp.demonstrations import demonstrations, read_demonstrations, trials
from ..envs.grasp.grid import occupancy
from ..envs.grasp.meshes import Mesh
from ..envs.grasp.objects import things
from ..envs.grasp.poses import Pose, anywhere
from ..envs.grasp.scene import Physics, Scene, Thing
from ..errors import InputError
from ..representation.grasps import FIELDS, write_grasps
from .collecting import Arrays, part_file, parts_of, record_parts

SCENES = 20
"""Of an object, in a part."""
AROUND = 6
"""Views from all sides, by which a shape is learnt where none is told."""
TILTS = math.radians(10), math.radians(80)
"""Elevations of these: into a mug one sees from above alone."""
NUMBER = "number"


@dataclass(frozen=True)
class Asked:
    """What is collected.

    Args:
        objects: See `unbraid.envs.grasp.objects.things`.
        trials: How many, of all objects together.
        each: Of a scene.
        seed: Of all draws.
        size: Of images, pixels.
        demonstrations: A file of grasps to begin with, see `unbraid.envs.grasp.demonstrations.read_demonstrations`;
            of objects that it doesn't name, and where none is given, they are sought.
    """

    objects: str
    trials: int
    each: int
    seed: int
    size: int
    demonstrations: str = ""


def collect(
    asked: Asked, out: Path, workers: int = 1, backend: str = "loky", overwrite: bool = False, progress: bool = True
) -> dict[str, Any]:
    """Collect grasps, or go on collecting, and write them to a file; says how many, and what had to be left out.

    Raises:
        InputError: There is such a file, no such objects, or no object that can be grasped.
    """
    if out.exists() and not overwrite:
        raise InputError(f"{out} exists; give another --out, or --overwrite it")
    of = things(asked.objects)
    _check_given(asked, of)
    scenes = -(-asked.trials // asked.each)
    with parts_of(out, "grasps", {**asdict(asked), "files": _files(asked, of)}, overwrite) as folder:
        parts = []
        turns = np.random.default_rng([asked.seed, 2]).permutation(len(of)).tolist()  # few scenes are of all kinds
        for turn, k in enumerate(turns):
            own = range(turn, scenes, len(of))
            blocks = [own[first : first + SCENES] for first in range(0, len(own), SCENES)]
            parts += [
                (part_file(folder, block[0]), partial(record, asked, k, of[k].name, list(block))) for block in blocks
            ]
        record_parts(parts, "grasping", workers, backend, progress)
        made = [dict(np.load(path)) for path, _ in parts]
        left = {str(part["failed"]): str(part["why"]) for part in made if "failed" in part}
        for name, why in left.items():
            print(f"left out {name}: {why}", file=sys.stderr)
        rows = _joined([part for part in made if "failed" not in part], asked)
        if not len(rows["success"]):
            shutil.rmtree(folder)  # there is nothing to go on with
            raise InputError(
                f"no object of {asked.objects} can be grasped: {next(iter(left.values()), 'none is there')}"
            )
        if len(rows["success"]) < asked.trials:
            print(
                f"{len(rows['success'])} of {asked.trials} trials: others were to be of what was left out",
                file=sys.stderr,
            )
        write_grasps(out, {**asdict(asked), "names": [one.name for one in of]} | _about(of), rows)
    return {
        "trials": len(rows["success"]),
        "scenes": len(rows["object"]),
        "success": float(rows["success"].mean()),
        "left_out": left,
    }


def _check_given(asked: Asked, of: Sequence[Thing]) -> None:
    """Raise `InputError` where demonstrations can't be read, or are of what isn't collected."""
    given = read_demonstrations(asked.demonstrations) if asked.demonstrations else {}
    unknown = given.keys() - {one.name for one in of}
    if unknown:
        raise InputError(f"{asked.demonstrations}: {min(unknown)} is none of the objects {asked.objects}")


def _files(asked: Asked, of: Sequence[Thing]) -> dict[str, list[int]]:
    """What tells whether files are still the same: sizes, and when they were written."""
    paths = [one.path for one in of if isinstance(one, Mesh)]
    paths += [Path(asked.demonstrations)] if asked.demonstrations else []
    return {str(path): [path.stat().st_size, path.stat().st_mtime_ns] for path in paths}


def _about(of: Sequence[Thing]) -> dict[str, Any]:
    camera = Camera()
    return {
        "categories": [getattr(one, "category", "") for one in of], "elevations": list(ELEVATIONS),
        "distance": camera.distance, "height": camera.height, "angle": camera.angle,
    }  # fmt: skip


def record(asked: Asked, place: int, name: str, numbers: list[int]) -> Arrays:
    """Some scenes of an object, by their numbers; or why there are none."""
    try:
        thing = things(asked.objects)[place]
        given = read_demonstrations(asked.demonstrations) if asked.demonstrations else {}
        rng = np.random.default_rng([asked.seed, 0, place])
        with Scene(Physics()) as scene:
            shown = given[thing.name] if thing.name in given else demonstrations(scene, thing, rng)
            made = [_scene(asked, scene, thing, place, shown, number) for number in numbers]
    except ValueError as error:
        return {"failed": np.array(name), "why": np.array(str(error))}
    return {field: np.concatenate([one[field] for one in made]) for field in made[0]}


def _scene(asked: Asked, scene: Scene, thing: Thing, place: int, shown: Pose, number: int) -> Arrays:
    """One scene: a place, a colour, views and attempts; a function of the seed and the scene's number alone."""
    rng = np.random.default_rng([asked.seed, 1, number])
    where, azimuth = anywhere(rng), float(rng.uniform(-np.pi, np.pi))
    colour = tuple(rng.uniform(0.1, 0.9, 3).tolist())
    scene.place(thing, where, colour)
    seen = [scene.look(Camera(azimuth, elevation, size=asked.size)) for elevation in ELEVATIONS]
    turns = azimuth + 2 * np.pi * np.arange(AROUND) / AROUND
    tilts = rng.uniform(*TILTS, AROUND)
    around = [
        scene.look(Camera(turn, tilt, size=asked.size))
        for turn, tilt in zip(turns.tolist(), tilts.tolist(), strict=True)
    ]
    tried = trials(scene, thing, where, shown, asked.each, rng)
    grasps = tried.grasps.after(where)
    grid = occupancy(thing.solid, where.turned(-azimuth))
    return {
        NUMBER: np.array([number]),
        "object": np.array([place], np.int16),
        "object_pose": np.concatenate(where)[None].astype(np.float32),
        "azimuth": np.array([azimuth], np.float32),
        "occupancy": np.packbits(grid.reshape(1, -1), axis=1),
        "rgb": np.stack([view.rgb for view in seen])[None],
        **_depths("", seen),
        **_depths("around_", around),
        "around_azimuth": turns[None].astype(np.float32),
        "around_elevation": tilts[None].astype(np.float32),
        "grasp": np.concatenate(grasps, 1).astype(np.float32),
        "result": tried.result,
        "success": tried.result == 0,
        "demonstration": tried.demonstration,
    }


def _depths(prefix: str, views: list[View]) -> Arrays:
    """Depths in tenths of a mm, and what is the object."""
    depth = np.stack([view.depth for view in views])[None]
    mask = np.stack([view.object_mask for view in views])[None]
    return {f"{prefix}depth": (1e4 * depth).clip(0, 65535).round().astype(np.uint16), f"{prefix}mask": mask}


def _joined(parts: list[Arrays], asked: Asked) -> Arrays:
    """All parts as one, scenes in the order of their numbers."""
    if not parts:
        return {"success": np.zeros(0, bool), "object": np.zeros(0, np.int16)}
    rows = {field: np.concatenate([part[field] for part in parts]) for field in parts[0]}
    order = np.argsort(rows.pop(NUMBER))
    count = len(rows["grasp"]) // len(order)
    grouped = {
        field: values.reshape(len(order), count, *values.shape[1:])
        for field, values in rows.items()
        if field in FIELDS["grasps"]
    }
    joined = {field: values[order] for field, values in rows.items() if field not in grouped}
    joined |= {field: np.concatenate(values[order])[: asked.trials] for field, values in grouped.items()}
    return {**joined, "scene": np.repeat(np.arange(len(order), dtype=np.int32), count)[: asked.trials]}
