"""Collections of grasps, in one HDF5 file.

A file has two groups. Of ``scenes``, S of them: ``object``, a number in the attribute ``names``; ``object_pose``, m and
a quaternion x, y, z, w; ``azimuth`` of the camera, rad; ``occupancy``, voxels of a cube of 28 cm that stands on the
middle of the table, packed to bits, as they lie once the scene is turned by minus the azimuth; ``rgb``, ``depth``
(tenths of a mm) and ``mask`` (the object's) from each of ``elevations``, rad; and ``around_depth``, ``around_mask``,
``around_azimuth`` and ``around_elevation`` of views from all sides. Of ``grasps``, N: ``scene``; ``grasp``, the
gripper's pose as it closes, as poses of objects; ``result``, a number in the attribute ``results``; ``success``; and
``demonstration``, the one that it comes from (-1 where there is none). Cameras look at a point ``height`` above the
middle of the table from ``distance``, m, with an ``angle`` of view, rad. Further grasps, by people or others, are added
by writing such a file: `write_grasps` checks it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..envs.grasp.demonstrations import RESULTS
from ..errors import InputError
from .storage import write_atomically

FORMAT = "unbraid grasps 1"
FIELDS: dict[str, dict[str, tuple[str, int]]] = {
    "scenes": {
        "object": ("integer", 1), "object_pose": ("float", 2), "azimuth": ("float", 1), "occupancy": ("uint8", 2),
        "rgb": ("uint8", 5), "depth": ("uint16", 4), "mask": ("bool", 4), "around_depth": ("uint16", 4),
        "around_mask": ("bool", 4), "around_azimuth": ("float", 2), "around_elevation": ("float", 2),
    },
    "grasps": {
        "scene": ("integer", 1), "grasp": ("float", 2), "result": ("integer", 1), "success": ("bool", 1),
        "demonstration": ("integer", 1),
    },
}  # fmt: skip
"""What each field is of, and its dimensions."""
ABOUT = ("objects", "names", "categories", "elevations", "distance", "height", "angle", "seed")
LENGTH = 1e-3
"""By which a quaternion's length may be off 1."""


class Grasps(NamedTuple):
    """A collection, checked."""

    about: dict[str, Any]
    """Attributes of the file."""
    scenes: dict[str, NDArray[Any]]
    """Field -> S rows."""
    grasps: dict[str, NDArray[Any]]
    """Field -> N rows."""

    @property
    def categories(self) -> list[str]:
        """Of each grasp's object."""
        of = self.scenes["object"][self.grasps["scene"]]
        return [self.about["categories"][k] for k in of]


def write_grasps(path: str | Path, about: Mapping[str, Any], rows: Mapping[str, NDArray[Any]]) -> None:
    """Write a collection, whole or not at all.

    Args:
        path: The file.
        about: Attributes, see `ABOUT`.
        rows: All fields, of scenes and of grasps.

    Raises:
        InputError: A field is missing, or wrong; or the file can't be written.
    """
    found = Grasps(dict(about), *({field: rows.get(field) for field in fields} for fields in FIELDS.values()))  # type: ignore[arg-type]
    _check(str(path), found)
    path = Path(path)

    def write(file: Path) -> None:
        import h5py

        with h5py.File(file, "w") as target:
            target.attrs["format"] = FORMAT
            target.attrs["results"] = json.dumps(RESULTS)
            for key, value in about.items():
                target.attrs[key] = json.dumps(value)
            kept = {"compression": "gzip", "compression_opts": 1, "shuffle": True, "fletcher32": True}
            for group in FIELDS:
                for field, values in getattr(found, group).items():
                    chunk = (min(len(values), 64 if group == "scenes" else 4096), *values.shape[1:])
                    target.create_dataset(f"{group}/{field}", data=values, chunks=chunk, **kept)

    write_atomically(path, write)


def read_grasps(path: str | Path) -> Grasps:
    """Read a collection.

    Raises:
        InputError: No such file, no collection, damaged or cut short, or a field that is missing or wrong.
    """
    import h5py

    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder; give a file that unbraid collect grasp wrote")
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; make one with unbraid collect grasp")
    try:
        with h5py.File(path) as file:
            if file.attrs.get("format") != FORMAT:
                raise InputError(f"{path} is no collection of grasps: make one with unbraid collect grasp")
            about = {key: json.loads(file.attrs[key]) for key in ABOUT if key in file.attrs}
            groups: list[dict[str, Any]] = [
                {field: file[f"{group}/{field}"][()] if f"{group}/{field}" in file else None for field in fields}
                for group, fields in FIELDS.items()
            ]
    except (OSError, KeyError) as error:
        raise InputError(f"{path} is damaged, cut short or no HDF5 file: {str(error).splitlines()[0]}") from None
    found = Grasps(about, *groups)
    _check(str(path), found)
    return found


def _check(where: str, found: Grasps) -> None:
    missing = [key for key in ABOUT if key not in found.about]
    if missing:
        raise InputError(f"{where} doesn't say its {missing[0]}")
    for group, fields in FIELDS.items():
        rows = (
            len(found.scenes["object"] if group == "scenes" else found.grasps["grasp"]) if _first(found, group) else 0
        )
        for field, (kind, dimensions) in fields.items():
            _check_field(f"{where}, {group}: {field}", getattr(found, group)[field], kind, dimensions, rows)
    for place, poses in (("object_pose", found.scenes["object_pose"]), ("grasp", found.grasps["grasp"])):
        off = np.abs(np.linalg.norm(poses[:, 3:], axis=1) - 1) > LENGTH if poses.shape[1] == 7 else np.ones(1, bool)
        if off.any():
            raise InputError(
                f"{where}: {place} must be 3 numbers and a quaternion of length 1; row {int(off.argmax())} isn't"
            )
    _check_agreement(where, found)
    for place, numbers, count in (
        ("object", found.scenes["object"], len(found.about["names"])),
        ("scene", found.grasps["scene"], len(found.scenes["object"])),
        ("result", found.grasps["result"], len(RESULTS)),
    ):
        if not ((numbers >= 0) & (numbers < count)).all():
            raise InputError(f"{where}: {place} must be from 0 to {count - 1}")


def _check_agreement(where: str, found: Grasps) -> None:
    """Fields that say of each other what they must be."""
    about, of = found.about, found.scenes
    for field, wanted, given in (
        ("categories", len(about["names"]), len(about["categories"])),
        ("elevations", of["rgb"].shape[1], len(about["elevations"])),
        ("depth", of["rgb"].shape[:4], of["depth"].shape),
        ("mask", of["rgb"].shape[:4], of["mask"].shape),
        ("around_azimuth", of["around_depth"].shape[:2], of["around_azimuth"].shape),
        ("around_elevation", of["around_depth"].shape[:2], of["around_elevation"].shape),
        ("around_mask", of["around_depth"].shape, of["around_mask"].shape),
        ("occupancy", (len(of["object"]), 4096), of["occupancy"].shape),
    ):
        if given != wanted:
            raise InputError(f"{where}: {field} must be {wanted}, as other fields say, and not {given}")
    off = found.grasps["success"] != (found.grasps["result"] == RESULTS.index("held"))
    if off.any():
        raise InputError(f"{where}: success must be where the result is held; in row {int(off.argmax())} it isn't")


def _first(found: Grasps, group: str) -> bool:
    return getattr(found, group)["object" if group == "scenes" else "grasp"] is not None


def _check_field(where: str, values: NDArray[Any] | None, kind: str, dimensions: int, rows: int) -> None:
    if values is None:
        raise InputError(f"{where} is missing; collect it again")
    right = {"integer": np.issubdtype(values.dtype, np.integer), "float": np.issubdtype(values.dtype, np.floating)}
    if not right.get(kind, values.dtype == kind) or values.ndim != dimensions:
        raise InputError(f"{where} must be {kind} of {dimensions} dimensions, not {values.dtype} of {values.ndim}")
    if len(values) != rows or not rows:
        raise InputError(f"{where} has {len(values)} rows of {rows}; they must agree, above 0")
    if kind == "float" and not np.isfinite(values).all():
        raise InputError(
            f"{where} is NaN or infinite in row {int((~np.isfinite(values)).reshape(rows, -1).any(1).argmax())}"
        )


class Batch(NamedTuple):
    """Scenes, and grasps of each, turned so that the camera stands at azimuth 0."""

    rgbd: Tensor
    """Colours from 0 to 1 and depth in m, float32 ``(B, 4, H, W)``"""
    elevation: Tensor
    """rad, ``(B,)``"""
    position: Tensor
    """Of the gripper, m, ``(B, G, 3)``"""
    rotation: Tensor
    """Its axes as columns, ``(B, G, 3, 3)``"""
    success: Tensor
    """``(B, G)``, 1 or 0"""
    occupancy: Tensor
    """``(B, 32, 32, 32)``, 1 or 0, in order x, y, z"""
    around_depth: Tensor
    """m, ``(B, A, h, w)``"""
    around_mask: Tensor
    """``(B, A, h, w)``, 1 or 0"""
    around_azimuth: Tensor
    """rad, from the camera on, ``(B, A)``"""
    around_elevation: Tensor
    """rad, ``(B, A)``"""


class Loader:
    """Batches of a collection, on a device.

    Args:
        found: The collection.
        device: Where batches are wanted.
    """

    def __init__(self, found: Grasps, device: torch.device | str = "cpu") -> None:
        self.found, self.device = found, torch.device(device)
        self._order = np.argsort(found.grasps["scene"], kind="stable")
        self._counts = np.bincount(found.grasps["scene"], minlength=len(found.scenes["object"]))
        self._starts = np.cumsum(self._counts) - self._counts
        self.scenes = np.flatnonzero(self._counts)
        self.position, self.rotation = _turned(found.grasps["grasp"], -found.scenes["azimuth"][found.grasps["scene"]])

    def rows_of(self, scenes: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Grasps of scenes ``(B,)``: ``(B, G)``, the shorter rows filled up by repeating them; and what isn't that."""
        counts, places = self._counts[scenes][:, None], np.arange(self._counts[scenes].max())
        return self._order[self._starts[scenes][:, None] + places % counts], places < counts

    def batch(self, scenes: NDArray[Any], elevations: NDArray[Any], grasps: NDArray[Any]) -> Batch:
        """Scenes ``(B,)``, each seen from one of the elevations ``(B,)``, with grasps ``(B, G)``."""
        of = self.found.scenes
        bits = np.unpackbits(of["occupancy"][scenes], axis=1).reshape(len(scenes), 32, 32, 32)
        rgb, depth = of["rgb"][scenes, elevations] / 255, of["depth"][scenes, elevations] * 1e-4
        angles = np.array(self.found.about["elevations"])[elevations]
        parts = (
            np.concatenate([rgb, depth[..., None]], -1).transpose(0, 3, 1, 2), angles, self.position[grasps],
            self.rotation[grasps], self.found.grasps["success"][grasps], bits, of["around_depth"][scenes] * 1e-4,
            of["around_mask"][scenes], of["around_azimuth"][scenes] - of["azimuth"][scenes][:, None],
            of["around_elevation"][scenes],
        )  # fmt: skip
        return Batch(*(torch.as_tensor(part, dtype=torch.float32, device=self.device) for part in parts))

    def draw(self, count: int, grasps: int, seen: Sequence[int], generator: torch.Generator) -> Batch:
        """``count`` scenes, each from one of the elevations numbered ``seen``, and so many of its grasps.

        Scenes, elevations and grasps are drawn with replacement, by ``generator``, of the CPU.
        """
        scenes = self.scenes[_below(len(self.scenes), count, generator)]
        sizes = torch.from_numpy(self._counts[scenes])
        places = (torch.rand(count, grasps, generator=generator) * sizes[:, None]).long().numpy()
        rows = self._order[self._starts[scenes][:, None] + places]
        return self.batch(scenes, np.asarray(seen)[_below(len(seen), count, generator)], rows)


def _below(high: int, count: int, generator: torch.Generator) -> NDArray[np.int64]:
    drawn: NDArray[np.int64] = torch.randint(high, (count,), generator=generator).numpy()
    return drawn


def _turned(poses: NDArray[Any], angles: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Positions ``(N, 3)`` and axes ``(N, 3, 3)`` of poses ``(N, 7)`` once each scene is turned."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_euler("z", angles[:, None])
    return turn.apply(poses[:, :3]), (turn * Rotation.from_quat(poses[:, 3:])).as_matrix()
