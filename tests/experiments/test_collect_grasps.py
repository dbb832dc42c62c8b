"""``unbraid collect grasp``: pure functions of a seed, kept part by part; bad objects are left out and said."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from joblib.externals.loky import get_reusable_executor
from scipy.spatial.transform import Rotation

from unbraid.envs.grasp.demonstrations import demonstrations, read_demonstrations
from unbraid.envs.grasp.objects import things
from unbraid.envs.grasp.poses import Pose
from unbraid.envs.grasp.scene import Scene
from unbraid.errors import InputError
from unbraid.experiments import grasps
from unbraid.representation.grasps import read_grasps

SMALL = grasps.Asked("cup00,bottle00", trials=14, each=5, seed=0, size=16)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("grasps") / "small.h5"
    grasps.collect(SMALL, out, progress=False)
    return out


def test_labels_in_the_file_are_what_happens(made: Path) -> None:
    found = read_grasps(made)
    assert len(found.grasps["success"]) == 14 and sorted(found.scenes["object"].tolist()[:2]) == [0, 1]
    assert 0.3 <= found.grasps["success"].mean() <= 0.7 and set(found.categories) == {"cup", "bottle"}
    assert found.scenes["rgb"].shape == (3, 4, 16, 16, 3) and found.scenes["mask"].any((2, 3)).all()
    with Scene() as scene:
        for row in (0, 6, 13):
            k = found.grasps["scene"][row]
            grasp, where = found.grasps["grasp"][row], found.scenes["object_pose"][k]
            thing = things("cup00,bottle00")[found.scenes["object"][k]]
            again = scene.attempt(thing, Pose(grasp[:3], grasp[3:]), Pose(where[:3], where[3:]))
            assert again.success == found.grasps["success"][row]


def test_it_is_the_same_in_parts_in_processes_and_after_an_interruption(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grasps, "SCENES", 1)
    out = tmp_path / "again.h5"
    ready = grasps.record

    def interrupted(asked: Any, place: int, name: str, numbers: list[int]) -> Any:
        if numbers == [1]:
            raise KeyboardInterrupt
        return ready(asked, place, name, numbers)

    monkeypatch.setattr(grasps, "record", interrupted)
    with pytest.raises(KeyboardInterrupt):
        grasps.collect(SMALL, out, progress=False)
    assert not out.exists() and len(list(tmp_path.glob("again.h5.grasps.parts/*.npz"))) == 2
    monkeypatch.setattr(grasps, "record", ready)
    grasps.collect(SMALL, out, workers=2, progress=False)
    get_reusable_executor().shutdown()  # its processes don't know where other tests import from
    one, other = read_grasps(made), read_grasps(out)
    for group in ("scenes", "grasps"):
        for field, values in getattr(one, group).items():
            assert np.array_equal(values, getattr(other, group)[field]), field
    assert not list(tmp_path.glob("*.parts"))


def test_a_bad_object_is_left_out_and_said(tmp_path: Path, cli: Any) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    trimesh.creation.box((0.04, 0.04, 0.08)).export(folder / "box.stl")
    trimesh.creation.box((0.2, 0.2, 0.2)).export(folder / "crate.stl")
    (folder / "empty.obj").write_text("# nothing\n")
    out = tmp_path / "mine.h5"
    done = cli(
        "collect", "grasp", "--objects", folder, "--trials", 6, "--scene-trials", 2, "--image-size", 16, "--out", out
    )
    assert done.status == 0, done.err
    assert "left out crate: no grasp of crate holds" in done.err and "left out empty:" in done.err
    assert "2 of 6 trials: others were to be of what was left out" in done.err
    assert "objects left out: 2" in done.out and set(read_grasps(out).scenes["object"].tolist()) == {0}
    again = cli("collect", "grasp", "--objects", "cup", "--trials", 2, "--out", out)
    assert again.status == 2 and "exists; give another --out, or --overwrite it" in again.err


def test_peoples_demonstrations_are_begun_with(tmp_path: Path, cli: Any) -> None:
    given, out = tmp_path / "given.json", tmp_path / "g.h5"
    with Scene() as scene:
        shown = demonstrations(scene, things("cup00")[0], np.random.default_rng(5), 2)
    poses = np.concatenate(shown, 1)
    given.write_text(json.dumps({"cup00": poses.round(4).tolist()}))
    wanted = ("collect", "grasp", "--trials", 8, "--scene-trials", 4, "--image-size", 16, "--demonstrations", given)
    done = cli(*wanted, "--objects", "cup00,bottle00", "--out", out)
    assert done.status == 0, done.err
    found = read_grasps(out)
    cups = found.scenes["object"][found.grasps["scene"]] == 0
    assert set(found.grasps["demonstration"][cups].tolist()) <= {0, 1} and (~cups).sum() == 4
    where = found.scenes["object_pose"][found.grasps["scene"]][cups]
    off = Rotation.from_quat(where[:, 3:]).inv().apply(found.grasps["grasp"][cups, :3] - where[:, :3])
    assert np.linalg.norm(off - poses[found.grasps["demonstration"][cups], :3], axis=1).max() < 0.1
    done = cli(*wanted, "--objects", "bottle00", "--out", tmp_path / "other.h5")
    assert done.status == 2 and "given.json: cup00 is none of the objects bottle00" in done.err


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("[", "can't be read"),
        ("[]", "must be an object of JSON, from objects' names to lists of poses"),
        ('{"mug07": [[0, 0, 0, 0, 0, 1]]}', "mug07 must have a list of poses, 7 numbers each"),
        ('{"mug07": [[0, 0, NaN, 0, 0, 0, 1]]}', "mug07 must have a list of poses, 7 numbers each"),
        ('{"mug07": [[0, 0, 0, 0, 0, 0, 2]]}', "mug07 has a quaternion whose length isn't 1"),
    ],
)
def test_wrong_demonstrations_are_said_with_the_file(tmp_path: Path, said: str, words: str) -> None:
    path = tmp_path / "given.json"
    path.write_text(said)
    with pytest.raises(InputError, match=re.escape(f"{path}") + ".*" + re.escape(words)):
        read_demonstrations(path)


def test_parts_of_something_else_are_refused_or_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Any
) -> None:
    mesh, out = tmp_path / "mine" / "box.stl", tmp_path / "g.h5"
    mesh.parent.mkdir()
    trimesh.creation.box((0.04, 0.04, 0.08)).export(mesh)
    arguments = ("collect", "grasp", "--objects", mesh, "--trials", 2, "--scene-trials", 2, "--image-size", 16)

    def stop(*given: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(grasps, "record_parts", stop)
        done = cli(*arguments, "--out", out)
    assert done.status == 1 and "and the same command goes on" in done.err
    trimesh.creation.box((0.03, 0.03, 0.1)).export(mesh)  # another shape under the same name
    done = cli(*arguments, "--out", out)
    assert done.status == 2 and "parts of another recording: finish it, --overwrite it" in done.err
    assert cli(*arguments, "--out", out, "--overwrite").status == 0 and not list(tmp_path.glob("*.parts"))
    height = np.unpackbits(read_grasps(out).scenes["occupancy"]).reshape(32, 32, 32).any((0, 1)).sum()
    assert height == pytest.approx(0.1 / (0.28 / 32), abs=1)


def test_parts_stay_where_the_file_cannot_be_written_and_go_where_nothing_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, out = grasps.Asked("cup00", trials=2, each=2, seed=0, size=16), tmp_path / "g.h5"

    def full(*given: Any) -> None:
        raise InputError("can't write: no space left")

    with monkeypatch.context() as patch:
        patch.setattr(grasps, "write_grasps", full)
        with pytest.raises(InputError, match="no space left"):
            grasps.collect(asked, out, progress=False)
    assert len(list(tmp_path.glob("*.parts/*.npz"))) == 1
    grasps.collect(asked, out, progress=False)
    assert len(read_grasps(out).scenes["object"]) == 1 and not list(tmp_path.glob("*.parts"))
    trimesh.creation.box((0.2, 0.2, 0.2)).export(tmp_path / "crate.stl")
    with pytest.raises(InputError, match="can be grasped: no grasp of crate holds"):
        grasps.collect(replace(asked, objects=str(tmp_path / "crate.stl")), tmp_path / "c.h5", progress=False)
    assert not list(tmp_path.glob("*.parts"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--objects", "spoon"), "unknown object 'spoon'"),
        (("--trials", 0), "--trials must be at least 1, not 0"),
        (("--scene-trials", 0), "--scene-trials must be at least 1, not 0"),
        (("--rows", 7), "--rows is not for collections of grasps"),
    ],
)
def test_wrong_arguments_are_one_line(tmp_path: Path, cli: Any, arguments: tuple[Any, ...], words: str) -> None:
    done = cli("collect", "grasp", "--out", tmp_path / "g.h5", *arguments)
    assert done.status == 2 and words in done.err and "Traceback" not in done.err
