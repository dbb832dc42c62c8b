"""Metrics of segmentations and of reconstructed images, against scikit-learn and by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from unbraid.errors import InputError
from unbraid.representation.other_metrics.ari import ari
from unbraid.representation.other_metrics.reconstruction import reconstruction

IMAGES = np.random.default_rng(0).uniform(0.05, 0.95, size=(3, 4, 5, 2))
SEGMENTS = np.random.default_rng(0).integers(0, 3, size=(4, 6, 6))


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=40)
def test_index_agrees_with_scikit_learn(seed: int, foreground: bool) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 4, size=(3, 5, 4))
    found = np.where(rng.random(truth.shape) < 0.6, truth, rng.integers(-2, 3, size=truth.shape))
    kept = truth != 0 if foreground else np.ones(truth.shape, dtype=bool)
    expected = [adjusted_rand_score(one[part], two[part]) for one, two, part in zip(truth, found, kept, strict=True)]
    assert ari(truth, found, foreground).tolist() == pytest.approx(expected)


def test_index_by_hand() -> None:
    """Of the pairs of pixels, 2 are together in both, 1 by chance is expected, and 3 and 2 are together in each."""
    truth, found = [[0, 0, 0, 1]], [[0, 0, 1, 1]]
    expected = (1 - 3 * 2 / 6) / ((3 + 2) / 2 - 3 * 2 / 6)
    assert ari(truth, found).tolist() == [expected] == [0]
    assert ari([[0, 0, 1, 1]], [[5, 5, 2, 2]]).tolist() == [1]


@given(st.permutations(range(3)))
def test_names_of_segments_do_not_matter(names: list[int]) -> None:
    assert ari(SEGMENTS, np.array(names)[SEGMENTS] * 10 - 7).tolist() == [1] * 4


def test_index_of_extreme_segmentations() -> None:
    one, each = np.zeros_like(SEGMENTS), np.arange(36).reshape(1, 6, 6).repeat(4, 0)
    assert ari(SEGMENTS, one).tolist() == ari(SEGMENTS, each).tolist() == [0] * 4
    assert ari(one, one).tolist() == ari(each, each).tolist() == [1] * 4
    random = np.random.default_rng(1).integers(0, 3, size=(50, 2, 400))
    assert ari(random[:, 0], random[:, 1]).numpy() == pytest.approx(np.zeros(50), abs=0.03)


def test_the_background_is_left_out() -> None:
    halved = SEGMENTS.copy()
    halved[:, :3][SEGMENTS[:, :3] == 0] = 7
    assert ari(SEGMENTS, halved, foreground=True).tolist() == [1] * 4
    assert max(ari(SEGMENTS, halved)) < 1
    assert ari(np.zeros((1, 4)), np.arange(4)[None], foreground=True).tolist() == [1]


def test_more_wrong_pixels_never_help() -> None:
    draws = np.random.default_rng(2).random(SEGMENTS.shape)
    noise = np.random.default_rng(3).integers(0, 3, size=SEGMENTS.shape)
    means = [float(ari(SEGMENTS, np.where(draws < share, noise, SEGMENTS)).mean()) for share in (0, 0.2, 0.5, 1)]
    assert means == sorted(means, reverse=True) and means[0] == 1 and means[-1] < 0.1


@pytest.mark.parametrize(
    ("truth", "found", "text"),
    [(np.ones((2, 3)), np.ones((2, 4)), r"truth has shape \(2, 3\) and found \(2, 4\)"), (np.ones(3), np.ones(3), r"truth must have shape \(images, pixels"),
     (np.ones((2, 3)), np.full((2, 3), 0.5), "found must hold whole numbers")],
)  # fmt: skip
def test_bad_segments_are_named(truth: Any, found: Any, text: str) -> None:
    with pytest.raises(InputError, match=text):
        ari(truth, found)


def test_errors_by_hand() -> None:
    x, y = np.array([[[[1.0], [0.0]]]]), np.array([[[[0.5], [0.25]]]])
    found = reconstruction(x, y)
    assert found["squared_error"].tolist() == pytest.approx([0.25 + 0.0625])
    assert found["mse"].tolist() == pytest.approx([0.3125 / 2])
    assert found["bce"].tolist() == pytest.approx([-np.log(0.5) - np.log(0.75)])
    assert found["bce_per_pixel"].tolist() == pytest.approx([-np.log(0.5 * 0.75) / 2])


def test_bytes_and_floats_and_logits_give_the_same() -> None:
    as_bytes = (IMAGES * 255).round().astype(np.uint8)
    scaled = as_bytes / 255
    direct, logits = (
        reconstruction(scaled, IMAGES),
        reconstruction(as_bytes, np.log(IMAGES / (1 - IMAGES)), logits=True),
    )
    tensors = reconstruction(torch.from_numpy(as_bytes), torch.from_numpy(IMAGES))
    for name, values in direct.items():
        assert values.shape == (3,)
        assert logits[name].tolist() == pytest.approx(values.tolist())
        assert tensors[name].tolist() == pytest.approx(values.tolist())


def test_the_image_itself_is_the_best_reconstruction() -> None:
    noise = np.random.default_rng(1).uniform(-0.05, 0.05, size=IMAGES.shape)
    for name, floor in (("squared_error", 0.0), ("bce", float(reconstruction(IMAGES, IMAGES)["bce"].sum()))):
        found = [float(reconstruction(IMAGES, IMAGES + scale * noise)[name].sum()) for scale in (0, 0.3, 1)]
        assert found == sorted(found) and found[0] == floor < found[2]
    black_and_white = IMAGES.round()
    assert reconstruction(black_and_white, black_and_white)["bce"].tolist() == [0, 0, 0]
    assert reconstruction(black_and_white, 1 - black_and_white)["bce_per_pixel"].tolist() == [100, 100, 100]


@pytest.mark.parametrize(
    ("images", "found", "text"),
    [(IMAGES, IMAGES[:2], r"images has shape \(3, 4, 5, 2\) and reconstructed \(2, 4, 5, 2\)"), (IMAGES * 255, IMAGES, "images must be bytes"),
     (IMAGES, IMAGES - 1, "reconstructed must be bytes"), (IMAGES[0], IMAGES, r"images must have shape \(images, height"), (IMAGES * np.nan, IMAGES, "images holds NaN")],
)  # fmt: skip
def test_bad_images_are_named(images: Any, found: Any, text: str) -> None:
    with pytest.raises(InputError, match=text):
        reconstruction(images, found)
