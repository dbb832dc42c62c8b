"""Digits: where they come from, pasting, the grid's moves, bouncing, films."""

from __future__ import annotations

import gzip
import hashlib
import os
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unbraid.envs import Streams
from unbraid.envs.digits import DigitSet, DigitsGrid, DigitsGridState, DigitsMoving, load, videos
from unbraid.envs.digits import data as digit_data
from unbraid.envs.digits.sheet import Sheet

MNIST = Path(os.environ.get("UNBRAID_DATA", "")) / "mnist"
needs_mnist = pytest.mark.skipif(
    "UNBRAID_DATA" not in os.environ, reason="UNBRAID_DATA names no folder to read MNIST from"
)


@pytest.fixture
def sklearn_digits(monkeypatch: pytest.MonkeyPatch) -> DigitSet:
    monkeypatch.delenv("UNBRAID_DATA", raising=False)
    return load()


def write_mnist(folder: Path, images: np.ndarray, labels: np.ndarray) -> tuple[str, str]:
    """A pair of ``idx`` files named as the test part's, and their MD5s."""
    found = []
    for name, values, kind in (("images-idx3", images, 3), ("labels-idx1", labels, 1)):
        packed = gzip.compress(bytes([0, 0, 8, kind]) + np.array(values.shape, ">u4").tobytes() + values.tobytes())
        (folder / f"t10k-{name}-ubyte.gz").write_bytes(packed)
        found.append(hashlib.md5(packed).hexdigest())
    return found[0], found[1]


def test_without_a_data_folder_scikit_learns_digits_serve(sklearn_digits: DigitSet, tmp_path: Path) -> None:
    assert sklearn_digits.source == "sklearn" and sklearn_digits.images.shape == (1797, 8, 8)
    assert sklearn_digits.images.max() == 255 and sklearn_digits.labels[:10].tolist() == list(range(10))
    assert load() is sklearn_digits
    assert gymnasium.make("unbraid/DigitsGrid-v0").reset(seed=0)[1] == {"digits": "sklearn"}


def test_a_data_folder_without_mnist_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("UNBRAID_DATA", str(tmp_path))
    assert load().source == "sklearn"


def test_idx_files_are_read_where_they_lie_and_refused_where_damaged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "mnist").mkdir()
    images = np.arange(20 * 28 * 28).reshape(20, 28, 28).astype(np.uint8)
    sums = write_mnist(tmp_path / "mnist", images, np.arange(20, dtype=np.uint8) % 10)
    monkeypatch.setattr(digit_data, "PARTS", (("t10k", *sums), ("train", "", "")))
    monkeypatch.setenv("UNBRAID_DATA", str(tmp_path))
    found = load()
    assert found.source == "mnist" and found.labels.tolist() == [*range(10)] * 2
    assert np.array_equal(found.images, images)
    digit_data._load.cache_clear()
    with (tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz").open("ab") as file:
        file.write(b"!")
    with pytest.raises(ValueError, match=r"t10k-labels-idx1-ubyte.gz is damaged: its MD5 is .*download it again"):
        load()
    (tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(ValueError, match=r"t10k-labels-idx1-ubyte.gz is missing; images and labels"):
        load()


@needs_mnist
def test_mnist_is_verified_and_read() -> None:
    found = load()
    assert found.source == "mnist" and found.images.shape[1:] == (28, 28)
    assert found.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert torch.bincount(found.labels[:10_000])[:3].tolist() == [980, 1135, 1032]
    exemplars = found.exemplars(3, 28)
    assert torch.equal(exemplars[7, 0], found.images[0]) and torch.equal(exemplars[1, :2], found.images[[2, 5]])


def test_exemplars_are_the_first_of_each_digit_at_the_size_asked_for(sklearn_digits: DigitSet) -> None:
    assert torch.equal(sklearn_digits.exemplars(2, 8)[:, 0], sklearn_digits.images[:10])
    large = sklearn_digits.exemplars(1, 28)
    assert large.shape == (10, 1, 28, 28)
    assert torch.allclose(large.float().mean(), sklearn_digits.images[:10].float().mean(), rtol=0.03)
    for styles in (0, 175):
        with pytest.raises(ValueError, match=rf"styles must be 1 .. 174 \(.*sklearn\), not {styles}"):
            sklearn_digits.exemplars(styles, 8)


@given(x=st.integers(0, 6), y=st.integers(0, 7), channel=st.integers(0, 2), number=st.integers(0, 1))
def test_a_pasted_picture_is_where_slicing_puts_it(x: int, y: int, channel: int, number: int) -> None:
    pictures = torch.arange(1, 25, dtype=torch.uint8).view(2, 3, 4)
    sheet = Sheet(pictures, 10, 3)
    expected = torch.zeros(1, 10, 10, 3, dtype=torch.uint8)
    expected[0, y : y + 3, x : x + 4, channel] = pictures[number]
    place = (torch.tensor([x]), torch.tensor([y]), channel)
    image = sheet.images(torch.tensor([number]), *place)
    assert torch.equal(image, expected)
    expected[0, y : y + 3, x : x + 4, channel] = pictures.amax(0)
    assert torch.equal(sheet.overlay(image, torch.tensor([1 - number]), *place), expected)


@pytest.mark.parametrize(
    ("action", "end"),
    [(0, [2, 3, 0, 7]), (1, [4, 3, 0, 7]), (2, [3, 2, 0, 7]), (3, [3, 4, 0, 7]),
     (4, [3, 3, 0, 7]), (5, [3, 3, 1, 7]), (6, [3, 3, 0, 6]), (7, [3, 3, 0, 7])],
)  # fmt: skip
def test_each_action_moves_one_digit_by_a_tile_and_the_edge_stops_it(action: int, end: list[int]) -> None:
    world = DigitsGrid(styles=2)
    state = world.set_factors(torch.tensor([[3.0, 3, 1, 1, 0, 7, 2, 0]]))
    after, reward, ended = world.step(state, torch.tensor([action]), Streams([0]))
    values = world.get_factors(after)[0]
    assert values[[0, 1, 4, 5]].tolist() == end and values[[2, 3, 6, 7]].tolist() == [1, 1, 2, 0]
    assert (reward.item(), ended.item()) == (0, False)


def test_the_picture_holds_the_digits_that_the_factors_name(sklearn_digits: DigitSet) -> None:
    world = DigitsGrid(styles=3, grid=2)
    exemplars = sklearn_digits.exemplars(3, 28)
    image = world.observe(world.set_factors(torch.tensor([[0.0, 1, 2, 2, 1, 0, 3, 1]])))[0, :, :, 0]
    assert torch.equal(image[36:, :28], exemplars[5, 2]) and torch.equal(image[:28, 36:], exemplars[6, 1])
    assert not image[:28, :28].any() and not image[36:, 36:].any()
    both = world.observe(world.set_factors(torch.tensor([[1.0, 0, 2, 2, 1, 0, 3, 1]])))[0, :28, 36:, 0]
    assert torch.equal(both, torch.maximum(exemplars[5, 2], exemplars[6, 1]))


def test_every_value_comes_up_and_can_be_fixed() -> None:
    world = DigitsGrid(styles=4, grid=3)
    drawn = world.get_factors(world.reset(400, Streams(range(400)), {"factors": {"second.style": 2}}))
    for k, factor in enumerate(world.factors):
        assert len(drawn[:, k].unique()) == (1 if factor.name == "second.style" else factor.size)


def test_a_digit_bounces_as_a_ball_does() -> None:
    world = DigitsMoving(max_speed=4)
    start = torch.tensor([[34.0, 1, 3, -2.5, 0, 0, 20, 20, 0.5, -4, 1, 0]])
    state = world.set_factors(start)
    courses = []
    for _ in range(3):
        state, _, _ = world.step(state, torch.tensor([0]), Streams([0]))
        courses.append(world.get_factors(state)[0, :4].tolist())
    assert courses == [[35, 1.5, -3, 2.5], [32, 4, -3, 2.5], [29, 6.5, -3, 2.5]]
    assert world.get_factors(state)[0, 6:].tolist() == [21.5, 8, 0.5, -4, 1, 0]


@given(seed=st.integers(0, 10**6))
def test_digits_stay_in_the_picture_and_keep_their_speed(seed: int) -> None:
    world = DigitsMoving(max_speed=36, styles=1)
    state = world.reset(16, Streams(range(seed, seed + 16)))
    speed = state.velocity.abs()
    for _ in range(20):
        state, _, _ = world.step(state, torch.zeros(16, dtype=torch.int64), Streams(range(16)))
        assert state.place.min() >= 0 and state.place.max() <= 36 and torch.equal(state.velocity.abs(), speed)


def test_films_show_each_digit_on_its_plane_and_name_the_factors_of_every_frame() -> None:
    world = DigitsMoving()
    found = videos(world, 5, 12, Streams(range(5)))
    assert found.images.shape == (5, 12, 64, 64, 3) and found.factors.shape == (5, 12, 12)
    assert found.images[..., :2].flatten(2, 3).any(2).all() and not found.images[..., 2].any()
    for frame in (0, 7):
        again = world.set_factors(found.factors[:, frame])
        assert torch.equal(world.observe(again), found.images[:, frame])
    assert torch.equal(videos(world, 5, 12, Streams(range(5))).images, found.images)
    assert (found.images[:, 0] != found.images[:, 6]).flatten(1).any(1).all()


@pytest.mark.parametrize("size", [16, 64, 100])
def test_any_image_size_will_do(size: int) -> None:
    for world in (DigitsGrid(image_size=size, styles=1, grid=4), DigitsMoving(image_size=size, styles=1, max_speed=1)):
        state = world.reset(4, Streams(range(4)))
        assert world.observe(state).shape[1:3] == (size, size)
        assert world.get_masks(state).any(-1).any(-1).all()


def test_neighbouring_places_look_different() -> None:
    world = DigitsGrid(grid=36, styles=1)
    state = DigitsGridState(torch.zeros(36, 2, 2, dtype=torch.int64), torch.zeros(36, 2, 2, dtype=torch.int64))
    state.place[:, 0, 0] = torch.arange(36)
    assert len(world.observe(state).flatten(1).unique(dim=0)) == 36


@pytest.mark.parametrize(
    ("make", "text"),
    [(lambda: DigitsGrid(grid=1), "grid must be 2 .. 36 for an image_size of 64, not 1"),
     (lambda: DigitsGrid(grid=37), "grid must be"), (lambda: DigitsGrid(image_size=15), "image_size must be 16 .. 512"),
     (lambda: DigitsMoving(max_speed=0), "max_speed must be above 0 and at most 36 px a step, not 0"),
     (lambda: DigitsMoving(max_speed=float("nan")), "max_speed"), (lambda: DigitsMoving(image_size=600), "not 600"),
     (lambda: DigitsGrid(styles=0), "styles must be 1 ..")],
)  # fmt: skip
def test_impossible_options_are_refused(make: object, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make()  # type: ignore[operator]
