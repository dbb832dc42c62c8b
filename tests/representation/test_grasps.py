"""Files of grasps: written whole, checked on reading, turned to where the camera stands."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from unbraid.errors import InputError
from unbraid.representation.grasps import FIELDS, Loader, read_grasps, write_grasps

ABOUT: dict[str, Any] = {
    "objects": "two", "names": ["a", "b"], "categories": ["cup", "mug"], "elevations": [0.25, 0.5, 0.75, 1.0],
    "distance": 0.7, "height": 0.08, "angle": 0.45, "seed": 0,
}  # fmt: skip


def rows(scenes: int = 3, each: int = 4) -> dict[str, Any]:
    rng, n = np.random.default_rng(0), scenes * each

    def poses(count: int) -> Any:
        turns = rng.normal(size=(count, 4))
        turns /= np.linalg.norm(turns, axis=1, keepdims=True)
        return np.concatenate([rng.normal(size=(count, 3)), turns], 1).astype(np.float32)

    return {
        "object": np.array([0, 1, 1][:scenes], np.int16),
        "object_pose": poses(scenes),
        "azimuth": rng.uniform(-3, 3, scenes).astype(np.float32),
        "occupancy": rng.integers(0, 256, (scenes, 4096), np.uint8),
        "rgb": rng.integers(0, 256, (scenes, 4, 16, 16, 3), np.uint8),
        "depth": rng.integers(5000, 9000, (scenes, 4, 16, 16)).astype(np.uint16),
        "mask": rng.random((scenes, 4, 16, 16)) < 0.3,
        "around_depth": rng.integers(5000, 9000, (scenes, 6, 8, 8)).astype(np.uint16),
        "around_mask": rng.random((scenes, 6, 8, 8)) < 0.3,
        "around_azimuth": rng.uniform(-3, 3, (scenes, 6)).astype(np.float32),
        "around_elevation": rng.uniform(0.2, 1, (scenes, 6)).astype(np.float32),
        "scene": np.repeat(np.arange(scenes, dtype=np.int32), each),
        "grasp": poses(n),
        "result": np.tile([0, 1, 2, 0], scenes)[:n].astype(np.int8),
        "success": np.tile([True, False, False, True], scenes)[:n],
        "demonstration": np.zeros(n, np.int16),
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_grasps(tmp_path / "g.h5", ABOUT, rows())
    return tmp_path / "g.h5"


def test_what_is_written_is_read(path: Path) -> None:
    found, given = read_grasps(path), rows()
    for group, fields in FIELDS.items():
        for field in fields:
            assert np.array_equal(getattr(found, group)[field], given[field]), field
    assert found.about == ABOUT and found.categories == ["cup"] * 4 + ["mug"] * 8


def test_batches_are_turned_so_that_the_camera_stands_at_nought(path: Path) -> None:
    found = read_grasps(path)
    loader = Loader(found)
    batch = loader.batch(np.array([2, 0]), np.array([1, 3]), np.array([[8, 9], [0, 3]]))
    assert batch.rgbd.shape == (2, 4, 16, 16) and float(batch.rgbd[:, :3].max()) <= 1
    assert batch.rgbd[0, 3, 5, 6] == pytest.approx(found.scenes["depth"][2, 1, 5, 6] * 1e-4)
    assert batch.elevation.tolist() == [0.5, 1.0] and batch.success.tolist() == [[1, 0], [1, 1]]
    angle, (x, y, z) = -float(found.scenes["azimuth"][2]), found.grasps["grasp"][9, :3].tolist()
    wanted = [np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y, z]
    assert np.allclose(batch.position[0, 1], wanted, atol=1e-5)
    assert np.allclose(batch.rotation @ batch.rotation.mT, np.eye(3), atol=1e-5)
    assert batch.occupancy.shape == (2, 32, 32, 32) and set(batch.occupancy.unique().tolist()) == {0, 1}
    assert float(batch.around_azimuth[1, 0]) == pytest.approx(
        float(found.scenes["around_azimuth"][0, 0] - found.scenes["azimuth"][0]), abs=1e-5
    )
    drawn = loader.draw(5, 3, (0, 2), torch.Generator().manual_seed(0))
    assert drawn.success.shape == (5, 3) and set(drawn.elevation.tolist()) <= {0.25, 0.75}


def test_scenes_with_fewer_grasps_are_filled_up(tmp_path: Path) -> None:
    given = rows() | {"scene": np.array([2, 0, 2, 1, 2, 1, 2, 0, 0, 2, 0, 0], np.int32)}
    write_grasps(tmp_path / "g.h5", ABOUT, given)
    found, real = Loader(read_grasps(tmp_path / "g.h5")).rows_of(np.array([1, 0]))
    assert found.tolist() == [[3, 5, 3, 5, 3], [1, 7, 8, 10, 11]]
    assert real.tolist() == [[True, True, False, False, False], [True] * 5]


def broken(path: Path, how: str) -> None:
    with h5py.File(path, "a") as file:
        if how == "missing":
            del file["scenes/depth"]
        elif how == "nan":
            file["grasps/grasp"][5, 1] = np.nan
        elif how == "length":
            file["grasps/grasp"][5, 6] += 1
        elif how == "scene":
            file["grasps/scene"][5] = 7
        elif how == "unsaid":
            del file.attrs["angle"]
        elif how == "short":
            values = file["grasps/success"][:-1]
            del file["grasps/success"]
            file["grasps/success"] = values
        else:
            del file["scenes/rgb"]
            file["scenes/rgb"] = np.zeros((3, 4, 16, 16, 3), np.float32)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("missing", "scenes: depth is missing; collect it again"),
        ("nan", "grasps: grasp is NaN or infinite in row 5"),
        ("length", "grasp must be 3 numbers and a quaternion of length 1; row 5 isn't"),
        ("scene", "scene must be from 0 to 2"),
        ("unsaid", "doesn't say its angle"),
        ("short", "grasps: success has 11 rows of 12"),
        ("type", "scenes: rgb must be uint8 of 5 dimensions, not float32 of 5"),
    ],
)
def test_what_is_wrong_is_named(path: Path, how: str, words: str) -> None:
    broken(path, how)
    with pytest.raises(InputError, match=words):
        read_grasps(path)


def test_files_that_are_none_are_refused(tmp_path: Path, path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file; make one with unbraid collect grasp"):
        read_grasps(tmp_path / "gone.h5")
    cut = tmp_path / "cut.h5"
    shutil.copy(path, cut)
    cut.write_bytes(cut.read_bytes()[:-2000])
    with pytest.raises(InputError, match=r"cut\.h5 is damaged, cut short or no HDF5 file"):
        read_grasps(cut)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["a"] = 1
    with pytest.raises(InputError, match="is no collection of grasps"):
        read_grasps(tmp_path / "other.h5")


def test_nothing_wrong_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="scenes: rgb is missing"):
        write_grasps(tmp_path / "g.h5", ABOUT, {key: value for key, value in rows().items() if key != "rgb"})
    for field, given, words in (
        ("success", np.ones(12, bool), "success must be where the result is held; in row 1 it isn't"),
        (
            "mask",
            np.zeros((3, 4, 8, 8), bool),
            r"mask must be \(3, 4, 16, 16\), as other fields say, and not \(3, 4, 8",
        ),
        ("occupancy", np.zeros((3, 512), np.uint8), r"occupancy must be \(3, 4096\)"),
    ):
        with pytest.raises(InputError, match=words):
            write_grasps(tmp_path / "g.h5", ABOUT, rows() | {field: given})
    for key, words in (("elevations", "elevations must be 4"), ("categories", "categories must be 2")):
        with pytest.raises(InputError, match=words):
            write_grasps(tmp_path / "g.h5", ABOUT | {key: ABOUT[key][:1]}, rows())
    with pytest.raises(InputError, match="is a folder; give a file"):
        read_grasps(tmp_path)
    assert not (tmp_path / "g.h5").exists()
