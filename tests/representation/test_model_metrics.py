"""Metrics of several models' codes and of sequences: ranking, information over time, content, object counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.linear_model import Lasso

from unbraid.errors import InputError
from unbraid.representation.other_metrics.acd import acd, mean_colours
from unbraid.representation.other_metrics.object_count import object_count
from unbraid.representation.other_metrics.temporal_information import entangled_information, temporal_information
from unbraid.representation.other_metrics.udr import udr

RNG = np.random.default_rng(0)
CODE = RNG.normal(size=(1000, 3))
MIXED = [CODE @ np.linalg.qr(RNG.normal(size=(3, 3)))[0] for _ in range(3)]


@given(order=st.permutations(range(3)), scale=st.floats(0.1, 50), flip=st.booleans(), form=st.sampled_from(["lasso", "spearman"]))  # fmt: skip
@settings(max_examples=8)
def test_order_scale_and_sign_do_not_matter_to_the_ranking(
    order: list[int], scale: float, flip: bool, form: str
) -> None:
    changed = CODE[:, order] * scale * (-1 if flip else 1)
    same, after = udr([CODE, CODE], form=form), udr([CODE, changed], form=form)
    assert after["scores"] == pytest.approx(same["scores"], abs=1e-3)


def test_ranking_of_extreme_codes() -> None:
    ranks = {form: udr([CODE, CODE, -CODE[:, [2, 0, 1]]], form=form)["scores"] for form in ("lasso", "spearman")}
    assert ranks["lasso"] == pytest.approx([0.9] * 3, abs=0.01)
    assert ranks["spearman"] == pytest.approx([1] * 3, abs=0.12)
    random = [np.random.default_rng(seed).normal(size=(1000, 3)) for seed in range(3)]
    assert udr(random)["scores"] == [0, 0, 0]
    assert max(udr(random, form="spearman")["scores"]) < 0.1
    assert udr([np.ones((20, 2))] * 2)["scores"] == udr([np.ones((20, 2))] * 2, form="spearman")["scores"] == [0, 0]


def test_the_models_that_agree_rank_above_those_that_mix() -> None:
    for form in ("lasso", "spearman"):
        scores = udr([CODE, CODE[:, [1, 2, 0]], -CODE, CODE, *MIXED], form=form)["scores"]
        assert min(scores[:4]) > max(scores[4:]) + 0.1


def test_duplicated_latents_share_the_maximum() -> None:
    """Each of two copies has the correlation 1: rows score 1, as each latent has one partner; columns 1 / 2."""
    apart = np.tile([[1.0, 1], [1, -1], [-1, 1], [-1, -1]], (5, 1))
    found = udr([apart, np.repeat(apart, 2, axis=1)], form="spearman")
    assert found["pairs"][0][1] == found["pairs"][1][0] == pytest.approx((1 + 1 / 2) / 2)


def test_correlations_are_spearmans() -> None:
    two = CODE + np.exp(RNG.normal(size=CODE.shape))
    relation = np.abs(spearmanr(CODE, two).statistic[:3, 3:])
    expected = ((relation.max(0) ** 2 / relation.sum(0)).mean() + (relation.max(1) ** 2 / relation.sum(1)).mean()) / 2
    assert udr([CODE, two], form="spearman")["pairs"][0][1] == pytest.approx(expected)


def test_weights_are_those_of_one_regression_a_latent() -> None:
    """Each of the second code's latents on the first code; a model's score is of the regressions onto it."""
    one, two = CODE, CODE @ np.array([[1, 0.5, 0], [0, 1, 0], [0, 0.3, 1]])
    standard = [(code - code.mean(0)) / code.std(0) for code in (one, two)]
    weights = np.stack([np.abs(Lasso(alpha=0.1).fit(standard[0], target).coef_) for target in standard[1].T], 1)
    expected = ((weights.max(0) ** 2 / weights.sum(0)).mean() + (weights.max(1) ** 2 / weights.sum(1)).mean()) / 2
    found = udr([one, two])
    assert found["pairs"][0][1] == found["scores"][1] == pytest.approx(expected, abs=1e-3)
    assert found["pairs"][1][0] == found["scores"][0] != pytest.approx(expected, abs=1e-3)


def test_uninformative_latents_take_no_part() -> None:
    noisy = [np.column_stack([CODE, CODE[:, 0]]), np.column_stack([CODE, RNG.normal(size=1000)])]
    kl = [[1, 1, 1, 0.01], [1, 1, 1, 0.001]]
    assert udr(noisy, kl)["scores"] == pytest.approx(udr([CODE, CODE])["scores"])
    assert udr(noisy)["scores"][0] < udr(noisy, kl)["scores"][0]
    assert udr(noisy, [[0.0] * 4] * 2)["scores"] == [0, 0]


@pytest.mark.parametrize(
    ("codes", "kl", "form", "text"),
    [([CODE], None, "lasso", "at least 2 models, not 1"), ([CODE, CODE[:5]], None, "lasso", r"codes\[1\] has 5 points and codes\[0\] 1000"),
     ([CODE, CODE], [[1, 1, 1]], "lasso", "kl is of 1 models and codes of 2"), ([CODE, CODE], [[1, 1, 1], [1]], "lasso", r"kl\[1\] has 1 latents and codes\[1\] 3"),
     ([CODE, CODE], None, "pearson", "lasso or spearman, not 'pearson'"), ([CODE, CODE[0]], None, "lasso", r"codes\[1\] must have shape \(points, latents\)")],
)  # fmt: skip
def test_bad_input_to_the_ranking_is_named(codes: Any, kl: Any, form: str, text: str) -> None:
    with pytest.raises(InputError, match=text):
        udr(codes, kl, form)


def walks(latents: int = 2, frames_each: int = 2) -> Any:
    """1500 sequences of latents that move by themselves, with correlation 0.9 from frame to frame."""
    rng, rho = np.random.default_rng(1), 0.9
    frames = [rng.normal(size=(1500, latents))]
    for _ in range(frames_each - 1):
        frames.append(rho * frames[-1] + np.sqrt(1 - rho**2) * rng.normal(size=frames[-1].shape))
    return np.stack(frames, 1)


def test_information_over_time_is_the_closed_form() -> None:
    found = temporal_information(walks(), [[0], [1]], np.random.default_rng(0))
    assert found["same"] == pytest.approx(-0.5 * np.log(1 - 0.81), abs=0.05)
    assert found["cross"] == pytest.approx(0, abs=0.03)
    wide = temporal_information(walks(4), [[0, 1], [2, 3]], np.random.default_rng(0))
    assert wide["same"] == pytest.approx(-np.log(1 - 0.81), abs=0.1) and abs(wide["cross"]) < 0.05
    assert temporal_information(walks(), [[0]], np.random.default_rng(0))["cross"] == 0


def test_frames_of_one_sequence_follow_in_pairs() -> None:
    codes = walks(2, 3)[:400]
    found = temporal_information(codes, [[0], [1]], np.random.default_rng(0))
    pairs = np.concatenate([codes[:, :2], codes[:, 1:]])
    apart = temporal_information(pairs, [[0], [1]], np.random.default_rng(0))
    assert found["information"][0] == pytest.approx(apart["information"][0], abs=0.03)


def test_mixed_copied_and_new_groups() -> None:
    """Both mixtures of a latent that lasts with one that is drawn anew tell of the other's next state."""
    frames = walks()
    frames[:, 1, 1] = RNG.normal(size=len(frames))
    mixed, copied = frames @ np.array([[1, -1], [1, 1]]), np.repeat(frames[..., :1], 2, -1)
    rng = np.random.default_rng(0)
    assert temporal_information(mixed, [[0], [1]], rng)["cross"] > 0.08
    assert abs(temporal_information(frames, [[0], [1]], rng)["cross"]) < 0.03
    twice = temporal_information(copied, [[0], [1]], rng)
    assert twice["same"] == pytest.approx(twice["cross"], abs=1e-3)
    fresh = temporal_information(RNG.normal(size=(1500, 2, 2)), [[0], [1]], rng)
    assert abs(fresh["same"]) < 0.05 and abs(fresh["cross"]) < 0.05


def test_the_best_of_random_partitions_is_the_true_one() -> None:
    codes = walks()[:600]
    pairs = np.concatenate([codes, codes + 0.1 * RNG.normal(size=codes.shape)], -1)  # 0 with 2, 1 with 3
    found = entangled_information(pairs, 2, np.random.default_rng(0), partitions=8)
    assert sorted(sorted(group) for group in found["groups"]) == [[0, 2], [1, 3]]
    again = entangled_information(pairs, 2, np.random.default_rng(0), partitions=8)
    assert again == found
    assert abs(found["cross"]) < 0.05 < found["same"]


@pytest.mark.parametrize(
    ("codes", "groups", "text"),
    [(np.ones((2, 2, 2)), [[0]], "2 pairs of successive frames"), (walks(), [], "at least one group"), (walks(), [[0], []], "at least one latent"),
     (walks(), [[0], [2]], "latents from 0 to 1, not 2"), (walks(), [[0], [0, 1]], "no latent in common"),
     (np.ones((4, 2)), [[0]], r"\(sequences, frames, latents\)")],
)  # fmt: skip
def test_bad_groups_are_named(codes: Any, groups: Any, text: str) -> None:
    with pytest.raises(InputError, match=text):
        temporal_information(codes, groups, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("groups", "partitions", "text"), [(3, 2, "from 1 to 2"), (2, 0, "partitions must be at least 1")]
)
def test_bad_partitions_are_named(groups: int, partitions: int, text: str) -> None:
    with pytest.raises(InputError, match=text):
        entangled_information(walks(), groups, np.random.default_rng(0), partitions)


def test_content_distance_by_hand() -> None:
    """Corners of a triangle of sides 3, 4 and 5, and a video that stands still."""
    features = np.array([[[0, 0], [3, 0], [3, 4]], [[1, 1], [1, 1], [1, 1]]])
    assert acd(features).tolist() == [4, 0]
    assert acd(torch.from_numpy(features * 2)).tolist() == [8, 0]
    noise = RNG.normal(size=(1, 3, 2))
    found = [float(acd(features[1:] + scale * noise)) for scale in (0, 0.5, 1, 2)]
    assert found == sorted(found) and found[3] == pytest.approx(2 * found[2])


def test_mean_colours_are_of_the_mask() -> None:
    videos = np.zeros((1, 2, 2, 2, 3), dtype=np.uint8)
    videos[0, 0, 0] = [[10, 20, 30], [30, 40, 50]]
    masks = np.zeros((1, 2, 2, 2), dtype=bool)
    masks[0, 0, 0] = True
    assert mean_colours(videos, masks).tolist() == [[[20, 30, 40], [0, 0, 0]]]


@pytest.mark.parametrize(
    ("call", "text"),
    [(lambda: acd(np.ones((2, 1, 3))), "1 frame a video"), (lambda: acd(np.ones((2, 3))), r"\(videos, frames, features\)"),
     (lambda: mean_colours(np.ones((1, 1, 2, 2, 3)), np.ones((1, 1, 2, 3))), r"frames \(1, 1, 2, 2\) and masks \(1, 1, 2, 3\)")],
)  # fmt: skip
def test_bad_videos_are_named(call: Any, text: str) -> None:
    with pytest.raises(InputError, match=text):
        call()


def brute_force(kl: Any, counts: Any) -> float:
    between = np.unique(np.concatenate([[0], kl.flatten()]))
    return max(float(((kl > threshold).sum(1) == counts).mean()) for threshold in between)


@given(st.integers(0, 10_000))
@settings(max_examples=30)
def test_no_threshold_counts_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    kl, counts = rng.integers(0, 5, size=(12, 4)).astype(float), rng.integers(0, 6, size=12)
    found = object_count(kl, counts, kl, counts)
    assert found["accuracy_train"] == found["accuracy_test"] == pytest.approx(brute_force(kl, counts))


def test_counts_by_hand() -> None:
    kl = np.array([[[5.0, 0.5], [0.1, 0]], [[4, 3], [0.2, 0]], [[0.3, 0.1], [0, 0]]])
    found = object_count(kl, [1, 2, 0], torch.tensor([[9.0, 1.0]]), torch.tensor([2]))
    assert found == {"threshold": pytest.approx((0.5 + 3) / 2), "accuracy_train": 1.0, "accuracy_test": 0.0}


def test_counts_that_no_threshold_gives() -> None:
    assert object_count(np.ones((3, 2)), [1, 1, 3], np.ones((1, 2)), [2])["accuracy_train"] == 0
    empty = object_count(np.ones((3, 2)), [0, 0, 0], np.ones((1, 2)), [0])
    assert empty["accuracy_train"] == empty["accuracy_test"] == 1


@pytest.mark.parametrize(
    ("kl", "counts", "text"),
    [(np.ones((3, 2)), np.ones(2), "kl has 3 images and counts 2"), (-np.ones((3, 2)), np.ones(3), "kl must be at least 0 everywhere, not -1"),
     (np.ones((3, 2)), -np.ones(3), "counts must be at least 0"), (np.ones((3, 2)), [1, 1.5, 2], "counts must be whole numbers, not 1.5"),
     (np.full((3, 2, 2), np.nan), np.ones(3), "kl holds NaN")],
)  # fmt: skip
def test_bad_divergences_are_named(kl: Any, counts: Any, text: str) -> None:
    with pytest.raises(InputError, match=text):
        object_count(kl, counts, kl, counts)
