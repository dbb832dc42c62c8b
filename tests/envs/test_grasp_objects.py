"""Objects to grasp: closed surfaces, exact insides, hollow where they should be, and always the same."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from unbraid.envs.grasp import CATEGORIES, NOVEL, TRAINING, Instance, Solid, instances, make
from unbraid.envs.grasp.solids import SIDES, Array, Level, enclosed, hull_faces, tube, turned, union

CORNERS = list(itertools.product((0.0, 1.0), repeat=4))
POLYGON = SIDES / 2 * math.sin(2 * math.pi / SIDES)
"""Area of a regular polygon of as many sides, in squared radii."""
# Least and largest width and height in m that each kind's docstring states; the width of bodies, not of handles.
SIZES = {
    "bottle": (0.044, 0.07, 0.12, 0.22), "bowl": (0.1, 0.16, 0.04, 0.07), "cup": (0.06, 0.076, 0.07, 0.12),
    "plate": (0.14, 0.2, 0.028, 0.044), "mug": (0.06, 0.08, 0.075, 0.105), "sugarbowl": (0.07, 0.1, 0.06, 0.1),
    "teapot": (0.08, 0.12, 0.09, 0.14),
}  # fmt: skip


def is_closed(solid: Solid) -> bool:
    """Whether every edge of the surface is passed once in either direction."""
    edges = np.concatenate([solid.faces[:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
    passed = {tuple(edge) for edge in edges.tolist()}
    return len(passed) == len(edges) and all((b, a) in passed for a, b in passed)


def ball(middle: tuple[float, float, float], radius: float) -> Array:
    drawn = np.random.default_rng(0).normal(size=(300, 3))
    directions = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return np.concatenate([np.array(middle) + share * radius * directions for share in (0.0, 0.5, 1.0)])


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_shape_is_closed_and_as_large_as_it_says(category: str) -> None:
    narrow, wide, low, high = SIZES[category]
    for parameters in CORNERS:
        solid = make(category, parameters)
        assert is_closed(solid), parameters
        assert enclosed(solid) == pytest.approx(solid.volume, rel=2e-3)
        (_, y0, z0), (_, y1, z1) = solid.bounds
        assert z0 == 0 and low - 1e-9 <= z1 <= high + 1e-9
        assert narrow * 0.98 <= y1 - y0 <= wide + 1e-9, (parameters, y1 - y0)


def test_volumes_of_turned_solids_are_those_of_pyramids() -> None:
    """A frustum: A h (r^2 + r s + s^2) / 3; a pipe: the difference of two prisms."""
    cone = turned([Level(0.1, 0.3), Level(0.5, 0.1)])
    assert cone.volume == pytest.approx(POLYGON * 0.4 * (0.09 + 0.03 + 0.01) / 3)
    pipe = turned([Level(0, 0.3, 0.2), Level(1, 0.3, 0.2)])
    assert pipe.volume == pytest.approx(POLYGON * (0.09 - 0.04)) and is_closed(pipe)
    assert enclosed(pipe) == pytest.approx(pipe.volume)
    rod = tube(np.array([[0.0, 0, 0], [0.5, 0, 0], [1, 0, 0]]), np.full(3, 0.1), sides=8)
    assert rod.volume == pytest.approx(4 * math.sin(math.pi / 4) * 0.01) and is_closed(rod)
    assert union(cone, pipe).volume == pytest.approx(cone.volume + pipe.volume)


def test_occupancy_is_exact() -> None:
    cup = make("cup", (0.5, 0.5, 0.0, 0.5))  # straight
    radius, top, wall = 0.034, 0.095, 0.00375
    flat = radius * math.cos(math.pi / SIDES)  # between corners
    turn = math.pi / SIDES
    for r, z, inside in (
        (flat - 1e-4, 0.05, True), (flat + 1e-4, 0.05, False), (flat - wall * 0.9, 0.05, True),
        (flat - wall * 1.1, 0.05, False), (0.0, wall - 1e-4, True), (0.0, wall + 1e-4, False),
        (flat - wall / 2, top - 1e-4, True), (flat - wall / 2, top + 1e-4, False), (0.0, -1e-4, False),
    ):  # fmt: skip
        point = np.array([[r * math.cos(turn), r * math.sin(turn), z]])
        assert bool(cup.contains(point)[0]) == inside, (r, z)
    low, high = np.array([-0.05, -0.05, 0.0]), np.array([0.05, 0.05, 0.1])
    grid = cup.occupancy(64, low, high)
    assert grid.sum() * (0.1 / 64) ** 3 == pytest.approx(cup.volume, rel=0.03)
    assert not grid[32, 32, 32] and grid[32, 32, 1]


def test_hollow_things_are_hollow() -> None:
    for one in instances():
        solid, top = one.solid, one.solid.bounds[1, 2]
        if one.category in ("bowl", "cup", "mug"):
            assert not solid.contains(ball((0, 0, 0.6 * top), 0.012)).any(), one.name
        if one.category == "mug":
            out = float(solid.bounds[1, 0])
            radius = float(solid.bounds[1, 1])
            thick = 2 * (0.004 + 0.002 * one.parameters[3])
            gap = (radius, out - thick)
            finger = ball((sum(gap) / 2, 0, 0.52 * top), 0.007)
            assert not solid.contains(finger).any(), one.name
            assert solid.contains(np.array([[out - thick / 2, 0, 0.525 * top]])).all(), one.name


def test_there_are_a_hundred_and_one_and_they_stay_what_they_are() -> None:
    found = instances()
    assert len(found) == 101 == len({one.name for one in found}) and len(TRAINING) == 80 and len(NOVEL) == 21
    assert {one.category for one in found} == set(CATEGORIES) and NOVEL[:3] == ("bottle12", "bottle13", "bottle14")
    assert len({(one.category, one.parameters) for one in found}) == 101
    assert found[0] == Instance("bottle00", "bottle", FIRST, False) and found == instances()
    masses = np.array([one.mass for one in found])
    assert 0.02 < masses.min() < masses.max() < 0.6
    assert all(0.4 <= one.friction <= 0.8 for one in found) and found[3].friction == instances()[3].friction


FIRST = (0.944, 0.359, 0.785, 0.591)


@pytest.mark.parametrize(
    ("category", "parameters", "words"),
    [
        ("spoon", (0, 0, 0, 0), "unknown category 'spoon'; known: bottle, bowl"),
        ("cup", (0, 0, 0), "cup takes width, height, curve, detail, each from 0 to 1"),
        ("cup", (0, 0, 0, 1.1), "each from 0 to 1"),
        ("cup", (0, 0, 0, math.nan), "each from 0 to 1"),
    ],
)
def test_what_is_no_object_is_refused(category: str, parameters: tuple[float, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make(category, parameters)


@pytest.mark.parametrize(
    "levels", [[Level(0, 1)], [Level(1, 1), Level(0, 1)], [Level(0, 1, 1), Level(1, 1)], [Level(0, 0), Level(1, 1)]]
)
def test_profiles_that_cannot_be_are_refused(levels: list[Level]) -> None:
    with pytest.raises(ValueError, match="levels must rise"):
        turned(levels)


def test_files_hold_the_surface_or_the_parts(tmp_path: Path) -> None:
    solid = make("mug", (0.5, 0.5, 0.5, 0.5))
    for parts, groups in ((False, 0), (True, len(solid.parts))):
        path = tmp_path / f"{parts}.obj"
        solid.write_obj(path, parts)
        rows = [line.split() for line in path.read_text().splitlines()]
        vertices = np.array([row[1:] for row in rows if row[0] == "v"], float)
        faces = np.array([row[1:] for row in rows if row[0] == "f"], int) - 1
        read = Solid((), vertices, faces)
        assert sum(row[0] == "o" for row in rows) == groups
        assert enclosed(read) == pytest.approx(solid.volume, rel=2e-3)


def test_hulls_look_outwards() -> None:
    corners = np.array(list(itertools.product((0.0, 1.0), repeat=3)))
    cube = Solid((corners,), corners, hull_faces(corners))
    assert enclosed(cube) == pytest.approx(1) and is_closed(cube)


def test_the_command_lists_them_and_draws_a_sheet(tmp_path: Path, cli: Any) -> None:
    done = cli("list", "objects", "--json")
    assert done.status == 0, done.err
    found = json.loads(done.out)["objects"]
    assert len(found) == 101 and found["mug00"]["category"] == "mug" and found["mug13"]["novel"]
    assert set(found["mug00"]["parameters"]) == {"width", "height", "curve", "detail"}
    done = cli("list", "objects", "--sheet", tmp_path / "sheet.png")
    assert done.status == 0 and "teapot13" in done.out, done.err
    assert (tmp_path / "sheet.png").read_bytes()[:4] == b"\x89PNG"
    done = cli("list", "--sheet", tmp_path / "sheet.png")
    assert done.status == 2 and "--sheet goes with unbraid list objects" in done.err


def test_the_command_lists_meshes_and_names_those_that_are_none(tmp_path: Path, cli: Any) -> None:
    trimesh.creation.box((0.04, 0.05, 0.06)).export(tmp_path / "box.stl")
    (tmp_path / "open.obj").write_text("v 0 0 0\nv .1 0 0\nv 0 .1 0\nf 1 2 3\n")
    done = cli("list", "objects", "--objects", tmp_path, "--sheet", tmp_path / "sheet.png", "--json")
    assert done.status == 0 and "left out open" in done.err and "not watertight" in done.err, done.err
    found = json.loads(done.out)["objects"]
    assert found == {"box": {"size": [0.04, 0.05, 0.06], "mass": 0.036, "friction": 0.6}}
    assert (tmp_path / "sheet.png").read_bytes()[:4] == b"\x89PNG"
    (tmp_path / "box.stl").unlink()
    done = cli("list", "objects", "--objects", tmp_path)
    assert done.status == 2 and "none of these can be an object" in done.err
