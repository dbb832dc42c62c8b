"""Correlation, retrieval and probes on codes whose scores are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from unbraid.errors import InputError
from unbraid.representation.metrics import evaluate, probe
from unbraid.representation.metrics.correlation import layer_correlation
from unbraid.representation.metrics.retrieval import recall_at_k

POINTS = 900
RNG = np.random.default_rng(0)
FACTORS = RNG.integers(0, (2, 3), size=(POINTS, 2)).astype(float)
STANDARD = (FACTORS - FACTORS.mean(0)) / FACTORS.std(0)
NOISE = RNG.normal(size=(POINTS, 2))
ROTATION = np.array([[1, -1], [1, 1]]) / np.sqrt(2)
CODES = {
    "perfect": STANDARD + 0.01 * NOISE,
    "constant": np.ones((POINTS, 2)),
    "duplicated": np.repeat(STANDARD + 0.01 * NOISE, 2, axis=1),
    "rotated": (STANDARD + 0.01 * NOISE) @ ROTATION,
    "random": NOISE,
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The MLP's steps, fewer where the points are few and the factors easy."""
    monkeypatch.setattr(probe, "STEPS", 120)


def scores(name: str, codes: Any, factors: Any = FACTORS, seed: int = 0) -> dict[str, Any]:
    return evaluate([name], codes, factors, seed=seed)[name]


def test_layer_correlation_by_hand() -> None:
    """Covariance [[2, -1], [-1, 2]] / 3 * 2, of three points in the plane, and a unit that rests."""
    points = np.array([[1.0, 0, 7], [-1, 1, 7], [0, -1, 7]])
    found = layer_correlation(points, top=1)
    assert found["mapc"] == pytest.approx(0.5)
    assert found["cvr"] == pytest.approx((1 + 1 + 0.5 + 0.5) / 2)
    assert found["cvr_printed"] == pytest.approx(1.5 / 9)
    assert found["tdv"] == pytest.approx(0.5)
    assert found["ud90"] == 2


def test_utilised_dimensions_are_counted_up_to_nine_tenths() -> None:
    points = np.concatenate([np.diag(np.sqrt([6.0, 3, 1, 0])), -np.diag(np.sqrt([6.0, 3, 1, 0]))])
    found = layer_correlation(points, top=2)
    assert found["ud90"] == 2 and found["tdv"] == pytest.approx(0.9)
    assert found["cvr"] == pytest.approx(1) and found["mapc"] == pytest.approx(0)


def test_correlation_of_extreme_codes() -> None:
    found = {name: scores("correlation", codes) for name, codes in CODES.items()}
    for name in ("perfect", "rotated", "random"):
        assert found[name]["mapc"] < 0.08 and found[name]["cvr"] < 1.08 and found[name]["tdv"] == pytest.approx(1)
    assert found["duplicated"]["cvr"] == pytest.approx(2, abs=0.1)
    assert found["duplicated"]["mapc"] == pytest.approx(1 / 3, abs=0.05)
    assert found["duplicated"]["tdv"] == pytest.approx(0.5, abs=0.02)
    assert found["constant"] == {"mapc": 0, "cvr": 1, "cvr_printed": 0.25, "tdv": 1, "ud90": 0}


def test_all_units_alike_have_the_largest_cvr() -> None:
    found = layer_correlation(np.repeat(NOISE[:, :1], 84, axis=1), top=84)
    assert found["cvr"] == pytest.approx(84) and found["mapc"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("activations", "top", "text"),
    [(np.ones((1, 2)), 1, "activations has 1 point"), (np.ones((4, 2)), 3, "top must be from 1 to 2"),
     (np.ones((4, 2)), 0, "not 0"), (np.full((4, 2), np.nan), 1, "activations holds NaN"), (np.ones(4), 1, r"\(points, units\)")],
)  # fmt: skip
def test_bad_activations_are_named(activations: Any, top: int, text: str) -> None:
    with pytest.raises(InputError, match=text):
        layer_correlation(activations, top)


def test_areas_agree_with_scikit_learn() -> None:
    codes = (STANDARD + NOISE).round(1)  # rounded: with ties
    found = scores("retrieval", codes)["auc"]
    assert [len(row) for row in found] == [1, 3]
    for value in range(3):
        theirs = [roc_auc_score(FACTORS[:, 1] == value, column) for column in codes.T]
        assert found[1][value] == pytest.approx(max(max(area, 1 - area) for area in theirs))


def test_area_by_hand() -> None:
    """Of the pairs of an unlike kind (1, 3 against 2, 4; and so on) three in four are ordered."""
    codes, factors = np.tile([[1.0], [2], [3], [4]], (5, 1)), np.tile([[0.0], [1], [0], [1]], (5, 1))
    assert scores("retrieval", codes, factors)["auc"] == [[0.75]]


def test_retrieval_of_extreme_codes() -> None:
    found = {name: scores("retrieval", codes) for name, codes in CODES.items()}
    for name in ("perfect", "duplicated"):
        assert found[name]["auc"][0] == [1]
        assert found[name]["auc"][1][0] == found[name]["auc"][1][2] == 1 > 0.6 > found[name]["auc"][1][1]
        assert found[name]["recall"]["1"] == [1, 1]
    assert found["rotated"]["recall"]["1"] == [1, 1] and found["rotated"]["score"] < found["perfect"]["score"]
    assert 0.5 <= found["random"]["score"] < 0.56
    assert found["random"]["recall"]["1"] == pytest.approx([1 / 2, 1 / 3], abs=0.1)
    assert found["random"]["recall"]["5"] == pytest.approx([1 - 1 / 2**5, 1 - (2 / 3) ** 5], abs=0.06)
    assert found["constant"]["score"] == 0.5


def test_one_hot_codes_are_perfectly_predictive() -> None:
    assert scores("retrieval", np.eye(3)[FACTORS[:, 1].astype(int)])["auc"][1] == [1, 1, 1]


def test_retrieval_leaves_out_constant_factors() -> None:
    found = scores("retrieval", CODES["perfect"], np.ones((POINTS, 1)))
    assert found["auc"] == [None] and found["score"] is None


def test_recall_agrees_with_scikit_learn() -> None:
    near = NearestNeighbors(n_neighbors=5).fit(NOISE).kneighbors(return_distance=False)
    hits = FACTORS[:, 1][near] == FACTORS[:, [1]]
    expected = {1: hits[:, :1].any(1).mean(), 5: hits.any(1).mean()}
    assert recall_at_k(NOISE, FACTORS[:, 1], [1, 5]) == pytest.approx(expected)


def test_recall_by_hand() -> None:
    """The third point's nearest is of another class, and the last one's class has no other member."""
    codes, labels = torch.tensor([[0.0], [1], [3], [10]]), torch.tensor([0, 0, 1, 2])
    assert recall_at_k(codes, labels, [1, 3]) == {1: 0.5, 3: 0.5}
    assert recall_at_k(codes, torch.tensor([0, 0, 1, 1]), [1, 3]) == {1: 0.75, 3: 1.0}


def test_a_point_is_never_its_own_neighbour() -> None:
    assert recall_at_k(np.zeros((30, 2)), np.arange(30), [1, 5]) == {1: 0, 5: 0}


@pytest.mark.parametrize(
    ("labels", "ranks", "text"),
    [(np.ones(3), [1], "codes has 4 points and labels 3"), (np.ones(4), [4], "from 1 to 3"), (np.ones((4, 1)), [1], r"labels must have shape \(points,\)")],
)  # fmt: skip
def test_bad_input_to_recall_is_named(labels: Any, ranks: list[int], text: str) -> None:
    with pytest.raises(InputError, match=text):
        recall_at_k(np.eye(4), labels, ranks)


def test_probes_of_extreme_codes() -> None:
    found = {name: scores("probe", codes) for name, codes in CODES.items()}
    for name in ("perfect", "duplicated", "rotated"):
        for part in ("linear_r2", "linear_accuracy", "mlp_r2", "mlp_accuracy"):
            assert min(found[name][part]) > 0.98
    for name in ("random", "constant"):
        assert max(found[name]["linear_r2"] + found[name]["mlp_r2"]) < 0.05
        for part in ("linear_accuracy", "mlp_accuracy"):
            assert found[name][part] == pytest.approx([1 / 2, 1 / 3], abs=0.12)


def test_linear_probes_agree_with_least_squares() -> None:
    codes, cut = STANDARD + NOISE, 600
    design = np.column_stack([codes, np.ones(POINTS)])
    rest = FACTORS[cut:] - design[cut:] @ np.linalg.lstsq(design[:cut], FACTORS[:cut], rcond=None)[0]
    expected = 1 - (rest**2).sum(0) / ((FACTORS[cut:] - FACTORS[cut:].mean(0)) ** 2).sum(0)
    assert scores("probe", codes)["linear_r2"] == pytest.approx(expected.tolist())


def test_only_the_hidden_layer_reads_what_is_folded() -> None:
    factors = RNG.uniform(0, 1, size=(POINTS, 1))
    bit = (np.abs(factors - 0.5) < 0.25).astype(float)
    found = scores("probe", factors, np.column_stack([factors, bit]))
    assert found["linear_r2"][1] < 0.05 and found["linear_accuracy"][1] < 0.7
    assert found["mlp_r2"][1] > 0.8 and found["mlp_accuracy"][1] > 0.95
    assert found["linear_accuracy"][0] is None and found["mlp_accuracy"][0] is None
    assert found["linear_r2"][0] == pytest.approx(1)


def test_probes_leave_out_constant_factors() -> None:
    found = scores("probe", CODES["perfect"], np.column_stack([np.ones(POINTS), FACTORS]))
    assert all(found[part][0] is None and found[part][1] > 0.98 for part in found)
    assert scores("probe", CODES["perfect"], np.ones((POINTS, 1)))["mlp_r2"] == [None]
    continuous = scores("probe", NOISE, NOISE[:, :1])
    assert continuous["mlp_accuracy"] == [None] and continuous["mlp_r2"][0] > 0.95


def test_probes_seed_decides() -> None:
    draws = [scores("probe", STANDARD + NOISE, seed=seed)["mlp_r2"] for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


@given(order=st.permutations(range(3)), scale=st.floats(0.1, 50), flip=st.booleans())
@settings(max_examples=5)
def test_order_scale_and_sign_of_latents_do_not_matter(order: list[int], scale: float, flip: bool) -> None:
    codes = np.column_stack([STANDARD + 0.3 * NOISE, NOISE[:, 0]])[:300]
    changed, factors = codes[:, order] * scale * (-1 if flip else 1), FACTORS[:300]
    before, after = scores("correlation", codes, factors), scores("correlation", changed, factors)
    assert after == pytest.approx(before)
    before, after = scores("retrieval", codes, factors), scores("retrieval", changed, factors)
    assert after["score"] == pytest.approx(before["score"]) and after["recall"] == before["recall"]


def test_more_noise_never_helps() -> None:
    noisy = [STANDARD + noise * NOISE for noise in (0.1, 0.5, 1, 3)]
    found_by_name = {name: [scores(name, codes) for codes in noisy] for name in ("retrieval", "probe")}
    for name, part in (("retrieval", "score"), ("probe", "linear_r2"), ("probe", "mlp_accuracy")):
        found = [float(np.mean(one[part])) for one in found_by_name[name]]
        assert found == sorted(found, reverse=True) and found[0] > found[-1] + 0.1
