"""Grasp nets: projections against spheres and boxes, losses that fall, searches that find, numbers that mean it."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh
from scipy.spatial.transform import Rotation
from torch import Tensor

from unbraid.agents import grasp
from unbraid.agents.grasp.evaluate import _standard_error, calibration_error, overlap_of, roc_auc
from unbraid.agents.grasp.model import Config, GraspNet, View, build, carved, data, distances, grid_points
from unbraid.agents.grasp.plan import collides
from unbraid.agents.grasp.projection import LOCAL, local_points, project, read, seen_along
from unbraid.agents.grasp.search import Search, Step, turns
from unbraid.envs.grasp.camera import Camera
from unbraid.envs.grasp.grid import HIGH, LOW, SIDE
from unbraid.errors import InputError
from unbraid.experiments import album_grasps, grasps
from unbraid.representation.grasps import Loader, read_grasps

VOXEL = SIDE / 32
FINE = 64


def grid_of(inside: Any, size: int = FINE) -> Tensor:
    """Occupancy of voxels by a function of their middles, ``(1, size, size, size)``."""
    axes = [
        low + (torch.arange(size) + 0.5) / size * (high - low)
        for low, high in zip(LOW.tolist(), HIGH.tolist(), strict=True)
    ]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)
    return inside(points).float()[None]


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("grasps") / "g.h5"
    grasps.collect(grasps.Asked("cup00,bottle01", 24, 6, seed=0, size=64), out, progress=False)
    return out


def ball(camera: Camera, radius: float) -> tuple[Tensor, Tensor]:
    """Depths of a ball at what a camera looks at, m, the nearer root of a quadratic; and what is below its root."""
    steps = (torch.arange(camera.size) - camera.size / 2) / camera.focal_length
    slope = steps[:, None] ** 2 + steps**2  # squared tangent of the angle to the axis
    inner = camera.distance**2 - (1 + slope) * (camera.distance**2 - radius**2)
    return (camera.distance - inner.clamp_min(0).sqrt()) / (1 + slope), inner


@pytest.mark.parametrize("azimuth", [0.0, 1.1])
@pytest.mark.parametrize("elevation", [0.0, 0.6, 1.2])
def test_a_sphere_is_seen_as_a_sphere(azimuth: float, elevation: float) -> None:
    camera, radius = Camera(size=32), 0.06
    middle = torch.tensor([0, 0, camera.height])
    grid = grid_of(lambda points: (points - middle).norm(dim=-1) < radius)
    view = project(grid, torch.tensor([[azimuth]]), torch.tensor([[elevation]]), camera)
    nearest, inner = ball(camera, radius)
    hit = 1 - view.log_missed[0, 0].exp()
    assert (hit[inner > 0.001] > 0.95).all() and (hit[inner < -0.002] < 0.05).all()
    deep = inner > 0.0015
    assert (view.depth[0, 0] - nearest)[deep].abs().max() < 1.5 * SIDE / FINE + 0.006
    assert torch.allclose(view.stops.sum(2) + view.log_missed.exp(), torch.ones(1, 1, 32, 32), atol=1e-4)


def test_a_box_is_seen_from_the_side_at_its_face() -> None:
    camera = Camera(size=32)
    grid = grid_of(lambda p: (p[..., 0].abs() < 0.05) & (p[..., 1].abs() < 0.03) & (p[..., 2] < 0.16))
    view = project(grid, torch.zeros(1, 1), torch.zeros(1, 1), camera)
    depth = view.depth[0, 0]
    wide = camera.focal_length * 0.03 / 0.65
    hit = view.log_missed[0, 0].exp() < 0.5
    columns = torch.nonzero(hit.any(0))[:, 0]
    assert columns[0] == math.ceil(16 - wide) and columns[-1] == math.floor(16 + wide)
    assert (depth[14:18, 15:18] - 0.65).abs().max() < 0.012


def test_the_gripper_meets_a_box_where_it_is() -> None:
    """A box of 4 cm seen along -z, -y: slices are full where it is in the gripper's own frame."""
    grid = grid_of(lambda p: ((p - torch.tensor([0.0, 0.0, 0.1])).abs() < 0.02).all(-1))
    axes = torch.tensor([[[1.0, 0, 0], [0, -1, 0], [0, 0, -1]], [[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]])
    position = torch.tensor([[0.0, 0, 0.1], [0.0, 0.0, 0.1]])
    slices = read(grid, local_points(position[None], axes[None]))
    x, y, z = (torch.linspace(*ends) for ends in LOCAL)
    inside = (z.abs() < 0.014)[:, None, None] & (y.abs() < 0.014)[:, None] & (x.abs() < 0.014)
    outside = (z.abs() > 0.026)[:, None, None] | (y.abs() > 0.026)[:, None] | (x.abs() > 0.026)
    assert slices.shape == (1, 2, LOCAL[2][2], LOCAL[1][2], LOCAL[0][2])
    for found in slices[0]:
        assert (found[inside] > 0.9).all() and (found[outside] < 0.1).all()
    depth, mask = seen_along(slices)[0, 0]
    first = float((-0.02 - LOCAL[2][0]) / (LOCAL[2][1] - LOCAL[2][0]))
    assert depth[12, 4] == pytest.approx(first, abs=0.1) and mask[12, 4] > 0.95 and mask[0, 0] < 0.05


def test_projections_have_right_gradients() -> None:
    grid = torch.rand(1, 6, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    angles = torch.tensor([[0.3]], dtype=torch.float64), torch.tensor([[0.5]], dtype=torch.float64)
    pose = torch.tensor([[[0.0, 0.01, 0.1]]], dtype=torch.float64), torch.eye(3, dtype=torch.float64)[None, None]
    assert torch.autograd.gradcheck(lambda g: read(g, pose[0]), grid)
    assert torch.autograd.gradcheck(lambda g: read(g, local_points(*pose)).sum((2, 3)), grid)
    found = project(0.5 * grid, *angles, Camera(size=4)).depth.sum()
    (slope,) = torch.autograd.grad(found, grid)
    off = torch.zeros_like(grid)
    off[0, 3, 3, 2] = 1e-5
    moved = project(0.5 * (grid + off), *angles, Camera(size=4)).depth.sum()
    assert ((moved - found) / 1e-5).item() == pytest.approx(slope[0, 3, 3, 2].item(), rel=1e-2, abs=1e-4)


def test_volumes_say_how_far_the_surface_is() -> None:
    """A wall at depth .68 across the whole view: voxels in front of it are positive, behind negative."""
    camera = Camera()
    view = View(torch.full((1, 64, 64), 0.68), torch.zeros(1))
    found = distances(view, grid_points(view.elevation), camera)[0]
    x = LOW[0] + (torch.arange(32) + 0.5) * VOXEL
    wanted = ((0.68 - (0.7 - x)) / 0.02).clamp(-1, 1)
    assert (found[:, 14:18, 8:10] - wanted[:, None, None]).abs().max() < 1e-4


def test_what_no_view_sees_through_is_a_ball(collected: Path) -> None:
    """A ball at what eight cameras look at: every voxel within is left, and none that is a pixel and a voxel away."""
    camera, radius = Camera(), 0.05
    azimuth, elevation = torch.arange(8)[None] * math.pi / 4 + 0.2, torch.tensor([[0.2, 1.2] * 4])
    depth, inner = ball(camera, radius)
    depths, masks = (one.expand(1, 8, -1, -1) for one in (depth, (inner > 0).float()))
    batch = (
        Loader(read_grasps(collected))
        .draw(1, 1, seen=(0,), generator=torch.Generator())
        ._replace(around_depth=depths, around_mask=masks, around_azimuth=azimuth, around_elevation=elevation)
    )
    away = (grid_points(depth[None])[0] - torch.tensor([0, 0, camera.height])).norm(dim=-1)
    full = carved(batch, camera)[0].bool()
    assert full[away < radius].all() and not full[away > radius + 0.015].any()


def test_what_no_view_sees_through_is_about_what_is_true(collected: Path) -> None:
    found, kinds = Loader(read_grasps(collected)), {}
    for scene in found.scenes:
        batch = found.batch(np.array([scene]), np.array([0]), found.rows_of(np.array([scene]))[0])
        kind = found.found.about["categories"][found.found.scenes["object"][scene]]
        kinds[kind] = overlap_of(carved(batch, Camera()) - 0.5, batch.occupancy).item()
    assert kinds["bottle"] > 0.85 and kinds["cup"] > 0.45  # whose wall is thinner than a voxel


@pytest.mark.parametrize("model", ["geometry", "cnn", "volume"])
def test_every_net_learns(collected: Path, model: str) -> None:
    config = Config(model=model, steps=60, batch_size=4, grasps=6, hidden=64, bottleneck=64)  # type: ignore[arg-type]
    loader = Loader(read_grasps(collected))
    net, batches = build(config, loader, torch.Generator().manual_seed(0)), data(config, loader, 0)
    noise = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    losses = []
    for step in range(config.steps):
        terms = net(net.prepare(batches.draw(), step, noise))
        optimizer.zero_grad()
        terms["loss"].backward()
        optimizer.step()
        losses.append(terms["loss"].item())
    assert np.mean(losses[-10:]) < 0.95 * np.mean(losses[:5])
    assert set(terms) == {"loss", "outcome"} | ({"rays", "grid"} if model == "geometry" else set())


@pytest.mark.parametrize("settings", [{"supervision": "grid"}, {"local": "depth"}])
def test_what_geometry_can_be_otherwise(collected: Path, settings: dict[str, Any]) -> None:
    config = Config(batch_size=2, grasps=3, hidden=32, bottleneck=32, **settings)
    loader = Loader(read_grasps(collected))
    net = build(config, loader, torch.Generator().manual_seed(0))
    terms = net(net.prepare(data(config, loader, 0).draw(), 0, torch.Generator().manual_seed(0)))
    terms["loss"].backward()
    assert ("rays" in terms) == ("supervision" not in settings) and all(value.isfinite() for value in terms.values())
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


def test_the_gripper_collides_with_what_is_wider_than_it_opens_and_with_the_table() -> None:
    """It comes from above to 10 cm; boxes reach up to 9.5 cm, past its fingertips, 4 and 12 cm wide along y."""
    down = torch.diag(torch.tensor([1.0, -1, -1])).expand(1, 3, 3, 3)
    heights = torch.tensor([0.1, 0.13, 0.005])
    position = torch.stack([torch.zeros(3), torch.zeros(3), heights], 1)[None]
    for wide, wanted in ((0.04, [False, False, True]), (0.12, [True, False, True])):
        full = grid_of(lambda p, w=wide: (p[..., :2].abs() < torch.tensor([0.02, w / 2])).all(-1) & (p[..., 2] < 0.095))
        assert collides(20 * full - 10, position, down)[0].tolist() == wanted
    assert collides(None, position, down)[0].tolist() == [False, False, True]


def quadratic(position: Tensor, rotation: Tensor) -> Tensor:
    """Best at (.05, -.02, .1) and at no turn."""
    off = (position - torch.tensor([0.05, -0.02, 0.1])).norm(dim=-1) / 0.05
    angle = ((rotation.diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2).clamp(-1, 1).acos()
    return -(off**2) - angle**2


def test_searches_find_the_best_of_a_quadratic() -> None:
    rng = torch.Generator().manual_seed(0)
    position = torch.zeros(3, 3)
    rotation = turns(torch.tensor([[0.3, 0.2, -0.4]] * 3))
    found = Search(rounds=12, samples=200, elites=20).find(quadratic, position, rotation, rng)
    assert (quadratic(found[0][:, None], found[1][:, None]) > -0.01).all()
    before = quadratic(position[:, None], rotation[:, None])
    for _ in range(20):
        position, rotation = Step().next(quadratic, position, rotation, rng)
    after = quadratic(position[:, None], rotation[:, None])
    assert (after > 0.3 * before).all()
    assert torch.allclose(rotation @ rotation.mT, torch.eye(3).expand(3, 3, 3), atol=1e-4)


def test_turns_are_rotations() -> None:
    quarter = turns(torch.tensor([0, 0, math.pi / 2]))
    assert torch.allclose(quarter, torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]), atol=1e-6)


def test_areas_and_calibration_by_hand() -> None:
    said, success = np.array([0.9, 0.6, 0.6, 0.2]), np.array([True, True, False, False])
    assert roc_auc(said, success) == pytest.approx(3.5 / 4)
    assert roc_auc(said, success[:2].repeat(2)) is None
    assert calibration_error(said, success) == pytest.approx((0.1 + abs(1.2 - 1) + 0.2) / 4)
    assert calibration_error(np.array([1.0, 0.0]), np.array([True, False])) == 0
    assert _standard_error(success, np.array([3, 3, 7, 7])) == pytest.approx(0.5)  # scenes' means are 1 and 0
    assert _standard_error(success, np.zeros(4)) is None


def test_train_evaluate_report_and_plan_by_command(
    collected: Path, tmp_path: Path, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    small = ("--steps", 3, "--batch-size", 2, "--grasps", 3, "--hidden", 16, "--bottleneck", 16)
    done = cli("train", "grasp", "--data", collected, "--out", run, *small)
    assert done.status == 0, done.err
    done = cli("evaluate", run, "--data", collected, "--json")
    assert done.status == 0, done.err
    found = json.loads(done.out)
    assert set(found) == {"15", "30", "45", "60", "grasps", "seen_elevations", "novel_elevations"}
    assert found["grasps"] == {"cup": 12, "bottle": 12} and found["15"]["standard_error"] >= 0
    assert set(found["15"]["by_category"]) == {"cup", "bottle"} and 0 <= found["45"]["iou"] <= 1
    monkeypatch.setattr(album_grasps, "PLANS", 1)
    shutil.copy(collected, run / "novel.h5")  # or some would be collected
    done = cli("report", run)
    assert done.status == 0, done.err
    page = (run / "report.html").read_text()
    assert "foretold right, from 15 and 45°" in page and page.count("<figure>") == 5
    assert {path.stem for path in (run / "figures").iterdir()} == {
        "learning-curves", "shapes", "calibration", "accuracies", "plans",
    }  # fmt: skip
    gif = tmp_path / "plans.gif"
    done = cli("plan", run, "--objects", "cup00", "--trials", 2, "--planner", "cem", "--out", gif, "--json")
    assert done.status == 0, done.err
    planned = json.loads(done.out)
    assert {"success_rate", "by_category", "milliseconds_per_plan"} <= set(planned) and gif.stat().st_size > 1000
    for wrong in (("plan", run, "--episodes", 3), ("evaluate", run, "--metrics", "mig")):
        done = cli(*wrong)
        assert done.status == 2 and f"{wrong[2]} is not for " in done.err
    done = cli("plan", run, "--objects", "cup00", "--trials", 1, "--out", tmp_path / "plans.png")
    assert done.status == 2 and "a movie's name ends in .gif or .mp4" in done.err


def test_plans_leave_out_what_cannot_be_grasped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trimesh.creation.box((0.2, 0.2, 0.2)).export(tmp_path / "crate.stl")
    net = GraspNet(Config(model="cnn", hidden=8), Camera(), torch.Generator().manual_seed(0))
    numbers, tried = grasp.plan(net, f"{tmp_path / 'crate.stl'},cup00", 2, 0, planner="cem", tries=2)
    assert [one.task.thing.name for one in tried] == ["cup00", "cup00"] and set(numbers["by_category"]) == {"cup"}
    assert all(one.held or len(one.grasps) == 3 for one in tried)
    assert "left out crate: no grasp of crate holds" in capsys.readouterr().err
    with pytest.raises(InputError, match="none of these objects can be grasped"):
        grasp.plan(net, str(tmp_path), 1, 0)


class Sure(GraspNet):
    """Of one grasp alone, in the air."""

    def logits(self, seen: Any, position: Tensor, rotation: Tensor) -> Tensor:
        down = torch.tensor([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]])
        off = (position - torch.tensor([0, 0, 0.3])).norm(dim=-1)
        return 10 * (rotation * down).sum((-2, -1)) - 100 * off


def test_the_full_search_goes_on_elsewhere_and_luck_alone_goes_anywhere() -> None:
    net = Sure(Config(model="cnn", hidden=8), Camera(), torch.Generator().manual_seed(0))
    found = {how: grasp.plan(net, "cup00,bottle00", 4, 1, how, 4)[1] for how in ("cem", "random")}
    for one in found["cem"]:
        tries = one.grasps[1:]
        for k, pose in enumerate(tries):
            for other in tries[:k]:
                turned = (Rotation.from_quat(pose.rotation) * Rotation.from_quat(other.rotation).inv()).magnitude()
                assert np.linalg.norm(pose.position - other.position) > 0.0199 or turned > 0.399
    assert max(len(one.grasps) for one in found["cem"]) == 5  # what it is sure of holds nothing
    starts = {how: [one.grasps[0].position.tolist() for one in tried] for how, tried in found.items()}
    assert starts["cem"] == starts["random"] and {one.task.thing.name for one in found["cem"]} == {"cup00", "bottle00"}
    first = [one.grasps[1].position for one in found["random"]]
    again = [one.grasps[1].position for one in grasp.plan(net, "cup00,bottle00", 4, 1, "random", 1)[1]]
    assert np.array_equal(first, again)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("train", "grasp"), "grasp learns from a collection: give --data FILE.h5, made with unbraid collect grasp"),
        (("train", "grasp", "--data", "gone.h5"), "gone.h5: there is no such file"),
        (("train", "grasp", "--data", "gone.h5", "--batch-size", 0), "batch_size must be above 0, not 0"),
    ],
)
def test_wrong_arguments_are_one_line(cli: Any, arguments: tuple[Any, ...], words: str) -> None:
    done = cli(*arguments)
    assert done.status == 2 and words in done.err


def test_what_cannot_be_is_refused(collected: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown model 'net'"):
        Config(model="net")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="are of the model geometry, and say nothing of cnn"):
        Config(model="cnn", local="depth")
    with pytest.raises(InputError, match="elites at most samples"):
        Search(samples=3, elites=4)
    net = GraspNet(Config(model="cnn", hidden=8), Camera(), torch.Generator())
    with pytest.raises(InputError, match="unknown planner 'ilqr'"):
        grasp.plan(net, "cup", 1, 0, planner="ilqr")
    with pytest.raises(InputError, match="read colours and depth"):
        net.encode(torch.zeros(1, 64, 64, 3, dtype=torch.uint8))
    small = tmp_path / "small.h5"
    grasps.collect(grasps.Asked("cup00", 2, 2, seed=0, size=32), small, progress=False)
    with pytest.raises(InputError, match="by a camera of size 64, and the collection was seen by 32"):
        build(Config(), Loader(read_grasps(small)), torch.Generator())
    with pytest.raises(InputError, match="by a camera of size 64, and the collection was seen by 32"):
        grasp.evaluate(net, Loader(read_grasps(small)))
    with pytest.raises(InputError, match="views must be at most 6"):
        build(Config(views=9), Loader(read_grasps(collected)), torch.Generator())
    found = read_grasps(collected)
    elsewhere = Loader(found._replace(about=found.about | {"elevations": [0.3, 0.5, 0.9, 1.1]}))
    with pytest.raises(InputError, match="learn from views from 15 and 45 degrees, and the collection has 17, 29, 52"):
        data(Config(), elsewhere, 0)
    with pytest.raises(InputError, match="grasp learns from a collection"):
        data(Config(), None, 0)
