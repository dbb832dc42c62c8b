"""Objects from files: OBJ, STL and URDF; what is wrong with one is said, and spoils no other."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import trimesh

from unbraid.envs.grasp.meshes import Mesh, bundled, read_folder
from unbraid.envs.grasp.objects import make, things
from unbraid.errors import InputError

CUBE = '<collision><geometry><box size="0.05 0.05 0.05"/></geometry></collision>'


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNBRAID_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "mine"
    made.mkdir()
    box = trimesh.creation.box(extents=(0.04, 0.06, 0.08))
    box.apply_translation((1, 2, 3))
    box.export(made / "box.stl")
    make("mug", (0.5, 0.5, 0.5, 0.5)).write_obj(made / "mug.obj")
    ring = trimesh.creation.annulus(0.02, 0.03, 0.04)
    ring.export(made / "ring.obj")
    (made / "can.urdf").write_text(
        '<robot name="can"><link name="a"><contact><lateral_friction value="0.9"/></contact>'
        '<inertial><mass value="0.2"/></inertial>'
        '<collision><origin xyz="0 0 1" rpy="1.5708 0 0"/><geometry><cylinder radius="0.03" length="0.1"/></geometry>'
        "</collision></link></robot>"
    )
    return made


def test_meshes_stand_on_the_table_in_the_middle(folder: Path) -> None:
    found = {one.name: one for one in read_folder(folder)}
    assert list(found) == ["box", "can", "mug", "ring"] and list(things(str(folder))) == list(found.values())
    box, can = found["box"].solid, found["can"]
    assert np.allclose(box.bounds, [[-0.02, -0.03, 0], [0.02, 0.03, 0.08]], atol=1e-6)
    assert box.volume == pytest.approx(0.04 * 0.06 * 0.08, rel=1e-4) and found["box"].mass == pytest.approx(
        300 * box.volume
    )
    assert can.mass == 0.2 and can.friction == 0.9 and found["box"].friction == 0.6
    assert can.solid.bounds[1, 2] == pytest.approx(0.06, abs=1e-3)  # it lies
    assert can.solid.bounds[1, 1] == pytest.approx(0.05, abs=1e-3)


def test_concave_meshes_are_taken_apart_once(folder: Path, cache: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ring = Mesh(folder / "ring.obj").solid
    (kept,) = (cache / "convex").glob("*.obj")
    assert len(ring.parts) > 3 and not ring.contains(np.array([[0.0, 0.0, 0.02]])).any()
    assert ring.volume == pytest.approx(np.pi * (0.03**2 - 0.02**2) * 0.04, rel=0.25)
    written = kept.stat().st_mtime_ns
    assert len(Mesh(folder / "ring.obj").solid.parts) == len(ring.parts) and kept.stat().st_mtime_ns == written
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("open.obj", "open.obj is not watertight: its surface has holes"),
        ("large.stl", "large.stl is 40 m large, and may be 0.5; meshes are in m"),
        ("empty.obj", "empty.obj"),
        ("bad.urdf", "bad.urdf can't be read"),
        ("cone.urdf", "cone.urdf has a capsule, and may have a mesh, box, sphere or cylinder"),
        ("gone.urdf", "gone.stl can't be read as a mesh"),
    ],
)
def test_what_is_wrong_is_said_with_the_file(tmp_path: Path, name: str, words: str) -> None:
    path = tmp_path / name
    if name == "open.obj":
        box = trimesh.creation.box()
        box.update_faces(np.arange(12) > 0)
        box.export(path)
    elif name == "large.stl":
        trimesh.creation.box(extents=(40, 40, 40)).export(path)
    else:
        shape = "<capsule/>" if name == "cone.urdf" else '<mesh filename="gone.stl"/>'
        urdf = f'<robot name="a"><link name="b"><collision><geometry>{shape}</geometry></collision></link></robot>'
        path.write_text({"empty.obj": "# nothing\n", "bad.urdf": "<robot"}.get(name, urdf))
    with pytest.raises(InputError, match=words):
        _ = Mesh(path).solid


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("<collision><geometry/></collision>", "has a collision without a geometry"),
        ("<collision/>", "has a collision without a geometry"),
        ("<collision><geometry><sphere/></geometry></collision>", "radius of sphere must be a number, not ''"),
        (
            '<collision><geometry><box size="a b c"/></geometry></collision>',
            "size of box must be 3 numbers, not 'a b c'",
        ),
        ('<collision><geometry><box size=".05"/></geometry></collision>', "size of box must be 3 numbers, not '.05'"),
        (
            '<collision><geometry><mesh filename="package://a/b.obj"/></geometry></collision>',
            "names package://a/b.obj: give a path from where the URDF is",
        ),
        (f'{CUBE}<inertial><mass value="-1"/></inertial>', "mass must be at least 0, not -1"),
        (f'{CUBE}<inertial><mass value="abc"/></inertial>', "value of mass must be a number, not 'abc'"),
        (f'{CUBE}</link><link name="c">', "has 2 links, and must have one"),
        ("", "says no collision shape of its link"),
    ],
)
def test_what_is_wrong_in_a_urdf_is_said(tmp_path: Path, said: str, words: str) -> None:
    path = tmp_path / "one.urdf"
    path.write_text(f'<robot name="a"><link name="b">{said}</link></robot>')
    with pytest.raises(InputError, match=re.escape(f"{path}") + ".*" + re.escape(words)):
        _ = Mesh(path).solid, Mesh(path).mass


@pytest.mark.filterwarnings("error")
def test_triangles_that_face_any_way_are_turned_outwards_and_what_is_flat_is_refused(tmp_path: Path) -> None:
    ball = trimesh.creation.icosphere(subdivisions=2, radius=0.03)
    ball.faces[::2] = ball.faces[::2, ::-1]
    ball.export(tmp_path / "ball.obj")
    found = Mesh(tmp_path / "ball.obj").solid
    assert np.allclose(found.centroid, [0, 0, 0.03], atol=1e-4)
    assert found.enclosed == pytest.approx(4 / 3 * np.pi * 0.03**3, rel=0.05)
    (tmp_path / "flat.obj").write_text("v 0 0 0\nv 0.1 0 0\nv 0 0.1 0\nf 1 2 3\nf 3 2 1\n")
    with pytest.raises(InputError, match=r"flat\.obj encloses nothing"):
        _ = Mesh(tmp_path / "flat.obj").solid


def test_what_is_concave_weighs_what_its_surface_encloses(folder: Path) -> None:
    ring = Mesh(folder / "ring.obj")
    assert ring.mass == pytest.approx(300 * np.pi * (0.03**2 - 0.02**2) * 0.04, rel=0.02) and ring.solid.volume > 0


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (" , ", "' , ' names no objects"),
        ("no/such/folder", "no/such/folder: there is no such folder, nor a mesh"),
        ("gone.obj", "gone.obj: there is no such folder, nor a mesh"),
        ("cup77", "unknown object 'cup77'"),
    ],
)
def test_what_is_no_object_is_said(asked: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        things(asked)
    assert [one.name for one in things("cup00, cup01,")] == ["cup00", "cup01"]


def test_a_folder_without_meshes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no objects: there must be \.obj, \.stl, \.urdf files in it"):
        read_folder(tmp_path)


def test_pybullets_own_objects_are_there() -> None:
    found = {one.name: one for one in bundled()}
    assert {"duck_vhacd", "lego"} <= set(found) and found["lego"].solid.bounds[1, 2] < 0.05
