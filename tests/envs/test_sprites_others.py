"""Blobs, the distinct squares, ellipses and triangles, moving shapes, game characters."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from unbraid.envs import Streams
from unbraid.envs.sprites import Blob, Characters, Motion, videos
from unbraid.envs.sprites import square_ellipse_triangle as shapes
from unbraid.envs.sprites.characters import LAYERS


def test_a_blob_is_a_gaussian_about_its_place() -> None:
    world = Blob(sigma_px=3)
    image = world.observe(world.set_factors(torch.tensor([[0.5, 1.0]])))[0, :, :, 0]
    for x, y in ((32, 56), (31, 55), (35, 52), (20, 56)):
        distance = (x + 0.5 - 32) ** 2 + (y + 0.5 - 56) ** 2
        assert abs(image[y, x].item() - 255 * math.exp(-distance / 18)) <= 0.51


def test_a_blob_moves_by_its_step_and_stops_at_the_edge() -> None:
    world = Blob(step=0.25)
    state = world.set_factors(torch.tensor([[0.5, 0.1], [0.9, 0.5], [0.5, 0.5], [0.5, 0.5]]))
    state, reward, done = world.step(state, torch.tensor([0, 1, 2, 3]), Streams(range(4)))
    expected = torch.tensor([[0.25, 0.1], [1, 0.5], [0.5, 0.25], [0.5, 0.75]])
    assert torch.allclose(world.get_factors(state), expected)
    assert not reward.any() and not done.any()


@pytest.mark.parametrize(
    ("options", "text"),
    [({"sigma_px": 0.4}, "sigma_px must be .5 .. 16 pixels, not 0.4"), ({"sigma_px": math.nan}, "not nan"),
     ({"step": 0}, "step must be above 0 and at most 1, not 0"), ({"step": 1.5}, "not 1.5")],
)  # fmt: skip
def test_impossible_blobs_are_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Blob(**options)


def test_as_many_squares_ellipses_and_triangles_differ_as_the_paper_counts() -> None:
    assert len(shapes.factor_grid()) == 276_480
    everything = shapes.distinct()
    assert np.bincount(everything[:, 0]).tolist() == [89_007, 89_693, 92_160]
    papers = shapes.distinct(np.random.default_rng(0))
    assert len(papers) == 267_021
    assert np.bincount(papers[:, 0]).tolist() == [89_007] * 3
    again = shapes.distinct(np.random.default_rng(0))
    assert np.array_equal(papers, again)
    assert not np.array_equal(papers, shapes.distinct(np.random.default_rng(1)))


@pytest.mark.parametrize(("shape", "radius"), [(0, 0), (0, 3), (1, 0), (1, 2), (2, 5)])
def test_the_count_is_that_of_pictures_compared_bit_by_bit(shape: int, radius: int) -> None:
    """In a corner of the places: all pictures drawn, and those that were kept."""

    def part(factors: Any) -> Any:
        return factors[(factors[:, 0] == shape) & (factors[:, 3] == radius) & (factors[:, 1:3] < 3).all(1)]

    drawn = shapes.images(part(shapes.factor_grid()))
    kept = shapes.images(part(shapes.distinct()))
    assert drawn.shape == (9 * 60, 64, 64, 1)
    looks = {picture.tobytes() for picture in kept}
    assert len(looks) == len(kept)
    assert looks == {picture.tobytes() for picture in drawn}


def test_an_upright_square_of_the_enumeration_has_a_side_of_twice_its_radius_and_one() -> None:
    image = shapes.images(np.array([[0, 2, 5, 1, 0]]))[0, :, :, 0]
    expected = np.zeros((64, 64), dtype=np.uint8)
    expected[29 - 9 : 29 + 10, 26 - 9 : 26 + 10] = 255
    assert np.array_equal(image, expected)


def test_a_triangle_points_up_and_turns_against_the_clock() -> None:
    upright, turned = shapes.images(np.array([[2, 8, 8, 5, 0], [2, 8, 8, 5, 10]]))[..., 0] > 0
    assert upright.any(1).argmax() == 32 - 13 and upright[19].nonzero()[0].tolist() == [32]
    left, right = turned.any(0).argmax(), np.flatnonzero(turned.any(0))[-1]
    assert abs(left - (32 - 13 / 2)) <= 1 and abs(right - (32 + 13)) <= 1  # one corner is now straight to the right


CURVE = [0.0, 1.0, 1.0, 0.0]


def moving(direction: int, time: int, curve: list[float] = CURVE) -> list[float]:
    return [1, 4, 1.0, 0.5, 0.25, direction, time, *curve]


@pytest.mark.parametrize(("time", "x", "y"), [(0, 8, 8), (5, 24, 39), (15, 55, 8)])
def test_a_shape_follows_its_curve(time: int, x: int, y: int) -> None:
    """At a third of the way this curve is at 3/4 * 8/9 = 2/3 of the side: 47 * 2/3 = 31.3, and 47/3 = 15.7."""
    world = Motion()
    across, down = world.observe(world.set_factors(torch.tensor([moving(0, time), moving(1, time)])))
    mask = (across > 0).any(-1)
    assert mask.nonzero().double().mean(0).tolist() == [y, x]
    assert torch.equal(across, down.transpose(0, 1))
    assert across[y, x].tolist() == [255, 128, 64]


def test_time_goes_on_to_the_last_frame_which_ends_the_episode() -> None:
    world = Motion()
    state = world.set_factors(torch.tensor([moving(0, 13), moving(0, 15)]))
    ends = []
    for _ in range(3):
        state, reward, done = world.step(state, torch.zeros(2, dtype=torch.int64), Streams([0, 1]))
        ends.append(done.tolist())
        assert not reward.any()
    assert ends == [[False, True], [True, True], [True, True]]
    assert world.get_factors(state)[:, 6].tolist() == [15, 15]


@settings(max_examples=5)
@given(seed=st.integers(0, 10**6))
def test_videos_are_the_worlds_episodes(seed: int) -> None:
    shown, labels = videos(Streams(range(seed, seed + 6)))
    assert shown.shape == (6, 16, 64, 64, 3) and shown.dtype == torch.uint8
    assert (labels[:, 6] == 0).all()
    world = Motion()
    for time in (0, 7, 15):
        labels[:, 6] = time
        assert torch.equal(world.observe(world.set_factors(labels)), shown[:, time])


def make_sheets(folder: Path, **changed: tuple[int, int]) -> Path:
    """Sheets of one colour: layer k covers the rows of pixels from 8 k on, eight more of them on each next sheet."""
    for k, layer in enumerate(LAYERS):
        (folder / layer).mkdir(parents=True)
        for sheet in range(2):
            cell = np.zeros((64, 64, 4), dtype=np.uint8)
            cell[8 * k : 8 * k + 8 * (sheet + 1)] = [40 * k, 100 * sheet, 7, 255]
            cell[63, 0] = [9, 9, 9, 100]  # less than half opaque
            Image.fromarray(np.tile(cell, (21, 13, 1))).save(folder / layer / f"{sheet}.png")
    return folder


def test_upper_layers_hide_lower_ones(tmp_path: Path) -> None:
    world = Characters(make_sheets(tmp_path))
    chosen = [1, 0, 1, 1, 0, 0, 3, 2, 5]
    state = world.set_factors(torch.tensor([chosen], dtype=torch.float32))
    image, mask = world.observe(state)[0], world.get_masks(state)[0, 0]
    rows = [[0, 100, 7], [40, 0, 7], [80, 100, 7], [120, 100, 7], [160, 0, 7], [200, 0, 7], [0, 0, 0], [0, 0, 0]]
    assert image[::8, 5].tolist() == rows and image[7::8, 63].tolist() == rows
    assert mask[:48].all() and not mask[48:].any()


def test_frames_are_the_sheets_cells(tmp_path: Path) -> None:
    """Walking is nine pictures in rows 8 .. 11 of the sheet, of which frame 4 is the seventh."""
    folder = make_sheets(tmp_path)
    pixels = np.asarray(Image.open(folder / "shoes/1.png")).copy()
    pixels[10 * 64 + 50, 6 * 64 + 20] = [1, 2, 3, 255]
    Image.fromarray(pixels).save(folder / "shoes/1.png")
    world = Characters(folder)
    chosen = torch.tensor([[0, 0, 0, 0, 0, 1, 2, 1, frame] for frame in (3, 4)], dtype=torch.float32)
    assert world.observe(world.set_factors(chosen))[:, 50, 20].tolist() == [[200, 100, 7], [1, 2, 3]]


def test_actions_go_round(tmp_path: Path) -> None:
    world = Characters(make_sheets(tmp_path))
    state = world.set_factors(torch.tensor([[1, 0, 0, 0, 0, 0, 0, 2, 5]], dtype=torch.float32))
    for name in ("next body", "next hair", "previous view", "next animation", "next frame"):
        state, _, _ = world.step(state, torch.tensor([world.action_names.index(name)]), Streams([0]))
    assert world.get_factors(state)[0].tolist() == [0, 0, 0, 0, 1, 0, 3, 0, 0]


def test_missing_or_odd_sheets_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNBRAID_DATA", raising=False)
    with pytest.raises(
        ValueError, match="the folder of LPC sprite sheets not found: give its path, or set UNBRAID_DATA"
    ):
        Characters()
    with pytest.raises(ValueError, match=r"there are no sprite sheets .*body.*; give the folder of the LPC sheets"):
        Characters(tmp_path)
    make_sheets(tmp_path / "odd")
    Image.new("RGBA", (64, 32)).save(tmp_path / "odd/eyes/1.png")
    with pytest.raises(ValueError, match=r"sprite sheet .*eyes.1.png must be 832 x 1344 pixels, not 64 x 32"):
        Characters(tmp_path / "odd")


@pytest.mark.skipif(
    not Path(os.environ.get("UNBRAID_DATA", ""), "lpc-sprites").is_dir(),
    reason="set UNBRAID_DATA to where lpc-sprites is",
)
def test_the_real_sheets_make_characters_that_stand_in_the_middle() -> None:
    world = Characters()
    sizes = {factor.name: factor.size for factor in world.factors}
    assert sizes == {
        "agent.body": 7, "agent.eyes": 5, "agent.bottomwear": 7, "agent.topwear": 7, "agent.hair": 10,
        "agent.shoes": 3, "agent.view": 4, "agent.animation": 3, "agent.frame": 6,
    }  # fmt: skip
    masks = world.get_masks(world.reset(200, Streams(range(200))))[:, 0]
    assert masks[:, 20:60, 30:34].float().mean() > 0.9
    assert not masks[:, :9].any()
