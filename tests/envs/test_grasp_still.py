"""The still world of one object, and how its triangles become pixels."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from unbraid.envs import Streams, make_single
from unbraid.envs.grasp.raster import NOTHING, rasterise
from unbraid.envs.grasp.still import SPLITS, Objects, View, in_gap, is_red
from unbraid.errors import InputError

SQUARE = torch.tensor([[2.0, 2.0], [2.0, 6.0], [6.0, 6.0], [6.0, 2.0]])
"""In pixels, y down; counter-clockwise as it is seen."""
FACES = torch.tensor([[0, 1, 2], [0, 2, 3]])


def test_pixels_whose_middles_are_inside_are_drawn() -> None:
    drawn = rasterise(SQUARE[None], torch.ones(1, 4), FACES, 8)
    assert drawn.shape == (1, 8, 8)
    assert (drawn[0, 2:6, 2:6] != NOTHING).all() and (drawn != NOTHING).sum() == 16
    assert set(drawn[0, 2:6, 2:6].flatten().tolist()) == {0, 1}
    assert (rasterise(SQUARE[None], torch.ones(1, 4), FACES.flip(1), 8) == NOTHING).all()  # from behind


def test_the_nearest_is_seen_also_where_depths_cross() -> None:
    """A level square at depth 2 and one that goes from depth 1 (left) to 3 (right): they meet in the middle, x = 4.

    Inverse depth is linear on the screen: 1 to 1/3 there, so that 1/2 is met at three quarters of the way.
    """
    points = torch.cat([SQUARE, SQUARE])[None]
    depth = torch.tensor([[2.0, 2, 2, 2, 1, 1, 3, 3]])
    drawn = rasterise(points, depth, torch.cat([FACES, FACES + 4]), 8)[0, 2:6, 2:6]
    assert (drawn[:, :3] >= 2).all() and (drawn[:, 3] < 2).all()


def test_many_images_are_drawn_as_one_and_clipped() -> None:
    rng = torch.Generator().manual_seed(0)
    points, depth = 10 * torch.rand(5, 30, 2, generator=rng) - 1, 1 + torch.rand(5, 30, generator=rng)
    faces = torch.randint(30, (40, 3), generator=rng)
    together = rasterise(points, depth, faces, 8)
    assert all(torch.equal(together[k], rasterise(points[k : k + 1], depth[k : k + 1], faces, 8)[0]) for k in range(5))
    assert ((together >= 0) & (together < 40)).any() and together.min() >= NOTHING


def test_no_cracks_between_triangles() -> None:
    """A fan of slim triangles covers the polygon that it is made of."""
    turns = torch.linspace(0, 2 * math.pi, 41)[:-1]
    rim = 16 + 13 * torch.stack([turns.cos(), -turns.sin()], 1)
    points = torch.cat([rim, torch.tensor([[16.03, 15.98]])])[None]
    after = torch.roll(torch.arange(40), -1)
    drawn = rasterise(points, torch.ones(1, 41), torch.stack([torch.full((40,), 40), torch.arange(40), after], 1), 32)
    middles = torch.stack(torch.meshgrid(*[torch.arange(32) + 0.5] * 2, indexing="xy"), -1)
    inside = (middles - 16).norm(dim=-1) < 13 * math.cos(math.pi / 40)
    assert (drawn[0][inside] != NOTHING).all()


@pytest.mark.parametrize("split", SPLITS)
def test_splits_are_what_they_say_and_uniform_elsewhere(split: str) -> None:
    values = Objects(split=split).reset(4000, Streams(range(4000))).values  # type: ignore[arg-type]
    share = float(in_gap(values).float().mean())
    assert share == {"train": 0.0, "gap": 1.0}.get(split, pytest.approx(0.102, abs=0.02))
    assert float(values[:, 0].mean()) == pytest.approx(math.pi, abs=0.1)
    if split == "gap":
        assert (values[:, 1] > math.pi / 4).all() and is_red(values[:, 2:]).all()
        red = values[:, 2].numpy()  # density (r - .15)^2: the mean of r is .15 + .85 * 3 / 4
        assert red.mean() == pytest.approx(0.15 + 0.85 * 0.75, abs=0.01)
    else:
        assert float((values[:, 1] > math.pi / 4).float().mean()) == pytest.approx(0.5, abs=0.03)


def test_going_round_comes_back_and_colours_are_what_they_are() -> None:
    world = Objects()
    here = View(torch.tensor([[0.7, 0.6, 1.0, 0.5, 0.0]]))
    image = world.observe(here)
    turned = View(here.values + torch.tensor([2 * math.pi, 0, 0, 0, 0]))
    assert (image.int() - world.observe(turned).int()).abs().max() <= 1
    mask = world.get_masks(here)[0, 0]
    seen = image[0][mask].float()
    assert (seen[:, 2] == 0).all() and (seen[:, 0] - 2 * seen[:, 1]).abs().max() <= 2 and seen[:, 0].max() > 180
    assert (image[0][~mask] == 0).all()
    left, right = (torch.tensor([world.action_names.index(name)]) for name in ("left", "right"))
    there = world.step(here, left, Streams([0]))[0]
    assert not torch.equal(world.observe(there), image)
    assert torch.allclose(world.step(there, right, Streams([0]))[0].values, here.values, atol=1e-6)


def test_it_fills_the_picture_and_stays_in_it() -> None:
    world = Objects(object="bottle", size=48)
    masks = world.get_masks(world.reset(200, Streams(range(200))))[:, 0]
    assert not masks[:, [0, -1]].any() and not masks[:, :, [0, -1]].any()
    assert masks.any(2).sum(1).max() > 0.7 * 48


def test_other_objects_and_files(tmp_path: object) -> None:
    first = Objects(object="mug07").reset(3, Streams(range(3)))
    assert not torch.equal(Objects(object="mug07").observe(first), Objects(object="mug08").observe(first))
    with pytest.raises(InputError, match="unknown split 'test'"):
        make_single("unbraid/Objects-v0", split="test")
    with pytest.raises(InputError, match="unknown object 'kettle'"):
        make_single("unbraid/Objects-v0", object="kettle")


def test_it_is_lit_from_one_side() -> None:
    """A quarter turn changes which side is bright, and not what is seen of a bottle's outline."""
    world = Objects(object="bottle")
    views = View(torch.tensor([[turn, 0.4, 1.0, 1.0, 1.0] for turn in (np.arange(16) * math.pi / 8).tolist()]))
    images, masks = world.observe(views).float(), world.get_masks(views)[:, 0]
    means = torch.stack([image[mask].mean() for image, mask in zip(images, masks, strict=True)])
    assert means.max() > 1.3 * means.min() and (masks == masks[0]).float().mean() > 0.999
