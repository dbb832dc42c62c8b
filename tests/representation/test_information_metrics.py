"""Nearest-neighbour information, InfoMEC and leakage on codes and laws whose values are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, mutual_info_score

from unbraid.errors import InputError
from unbraid.representation.metrics import evaluate
from unbraid.representation.metrics._information import entropy
from unbraid.representation.metrics._information import mutual_information as plug_in
from unbraid.representation.metrics._ksg import with_labels
from unbraid.representation.metrics._softmax import Softmax
from unbraid.representation.metrics._spec import Arrays
from unbraid.representation.metrics.infomec import concentration, infomec
from unbraid.representation.metrics.ksg import mutual_information

POINTS = 1500
RNG = np.random.default_rng(0)
FACTORS = RNG.integers(0, (4, 4), size=(POINTS, 2)).astype(float)
STANDARD = (FACTORS - FACTORS.mean(0)) / FACTORS.std(0)
NOISE = RNG.normal(size=(POINTS, 2))
CODES = {
    "perfect": STANDARD + 0.05 * NOISE,
    "constant": np.ones((POINTS, 2)),
    "duplicated": np.repeat(STANDARD + 0.05 * NOISE, 2, axis=1),
    "rotated": (STANDARD + 0.05 * NOISE) @ np.array([[1, -1], [1, 1]]) / np.sqrt(2),
    "random": NOISE,
}


def scores(name: str, codes: Any, factors: Any = FACTORS, seed: int = 0) -> dict[str, Any]:
    return evaluate([name], codes, factors, seed=seed)[name]


@pytest.mark.parametrize("rho", [0, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("variables", [1, 2])
def test_information_of_correlated_gaussians_is_the_closed_form(rho: float, variables: int) -> None:
    x, rest = np.random.default_rng(1).normal(size=(2, 3000, variables))
    y = rho * x + np.sqrt(1 - rho**2) * rest
    truth = -0.5 * variables * np.log(1 - rho**2)
    assert mutual_information(x, y, np.random.default_rng(0)) == pytest.approx(truth, abs=0.05 + 0.02 * truth)


def test_information_agrees_with_scikit_learn() -> None:
    x, y = NOISE[:, :1], NOISE[:, 0] + 0.3 * NOISE[:, 1]
    theirs = mutual_info_regression(x, y, n_neighbors=3, random_state=0)[0]
    assert mutual_information(x, y[:, None], np.random.default_rng(0)) == pytest.approx(theirs, abs=1e-6)
    ours = with_labels(torch.from_numpy(CODES["rotated"]), torch.from_numpy(FACTORS[:, 0]).long(), 10)
    theirs = mutual_info_classif(CODES["rotated"], FACTORS[:, 0].astype(int), n_neighbors=10, random_state=0)
    assert ours.numpy() == pytest.approx(theirs, abs=1e-3)


def test_rare_labels_take_fewer_neighbours_and_lone_ones_none() -> None:
    labels = np.array([0] * 40 + [1] * 3 + [2])
    values = np.random.default_rng(2).normal(size=(len(labels), 1))
    ours = with_labels(torch.from_numpy(values), torch.from_numpy(labels), 5)
    theirs = mutual_info_classif(values + 2 * labels[:, None], labels, n_neighbors=5, random_state=0)
    shifted = with_labels(torch.from_numpy(values + 2 * labels[:, None]), torch.from_numpy(labels), 5)
    assert shifted.numpy() == pytest.approx(theirs, abs=1e-6)
    assert shifted > ours
    assert with_labels(torch.from_numpy(values[:3]), torch.arange(3), 5).tolist() == [0]


def test_equal_values_are_parted_so_that_labels_give_their_entropy() -> None:
    found = scores("ksg", STANDARD)["information"]
    assert np.array(found).diagonal() == pytest.approx(np.log([4, 4]), abs=0.01)
    assert abs(found[0][1]) < 0.05
    one, two = FACTORS[:, :1], FACTORS
    assert mutual_information(one, two, np.random.default_rng(0)) == pytest.approx(np.log(4), abs=0.05)


def test_ksg_of_extreme_codes() -> None:
    rotated, random = (np.array(scores("ksg", CODES[name])["information"]) for name in ("rotated", "random"))
    assert 0.3 < rotated.min() <= rotated.max() < 1
    assert np.abs(random).max() < 0.05
    assert scores("ksg", CODES["constant"])["information"] == [[0, 0], [0, 0]]
    double = np.array(scores("ksg", CODES["duplicated"])["information"])
    assert double[0] == pytest.approx(double[1], abs=1e-3)


def test_ksg_of_continuous_factors() -> None:
    factors = np.random.default_rng(3).uniform(size=(800, 2))
    found = np.array(scores("ksg", factors + 0.1 * NOISE[:800], factors)["information"])
    assert found.diagonal().min() > 0.5 > 0.1 > abs(found[0, 1])


@pytest.mark.parametrize(
    ("x", "y", "neighbours", "text"),
    [(np.ones((5, 1)), np.ones((4, 1)), 3, "x has 5 points and y 4"), (np.ones((5, 1)), np.ones((5, 1)), 5, "from 1 to 4"),
     (np.ones(5), np.ones((5, 1)), 3, r"x must have shape \(points, variables\)"), (np.ones((5, 1)), np.full((5, 1), np.inf), 3, "y holds NaN or infinity"),
     ([["a"]], np.ones((5, 1)), 3, "x must be an array of real numbers, not list")],
)  # fmt: skip
def test_bad_input_to_mutual_information_is_named(x: Any, y: Any, neighbours: int, text: str) -> None:
    with pytest.raises(InputError, match=text):
        mutual_information(x, y, np.random.default_rng(0), neighbours)


def test_plug_in_information_by_hand_and_as_scikit_learn() -> None:
    a, b = torch.tensor([[0, 0], [0, 1], [1, 2], [1, 2]]), torch.tensor([0, 0, 1, 1])
    assert plug_in(a, b[:, None])[:, 0].tolist() == pytest.approx([np.log(2), np.log(2)])
    assert entropy(b[:, None]).item() == pytest.approx(np.log(2))
    columns = torch.from_numpy(np.random.default_rng(4).integers(0, 5, size=(200, 2)))
    ours = plug_in(columns, columns[:, :1] // 2)[:, 0]
    theirs = [mutual_info_score(column, columns[:, 0] // 2) for column in columns.T]
    assert ours.tolist() == pytest.approx(theirs)


def test_logistic_regression_agrees_with_scikit_learn() -> None:
    x, labels = STANDARD + NOISE, (FACTORS[:, 0] > 0).astype(int) + (FACTORS[:, 1] > 2)
    theirs = LogisticRegression(C=np.inf, class_weight="balanced", tol=1e-6).fit(x, labels)
    ours = Softmax(torch.from_numpy(x), torch.from_numpy(labels), 3, balanced=True)
    expected = log_loss(labels, theirs.predict_proba(x))
    assert ours.log_loss(torch.from_numpy(x), torch.from_numpy(labels)) == pytest.approx(expected, abs=1e-3)
    assert ours.accuracy(torch.from_numpy(x), torch.from_numpy(labels)) == pytest.approx(
        theirs.score(x, labels), abs=0.01
    )


def test_concentration_by_hand() -> None:
    assert concentration(torch.tensor([[1.0, 0.0], [0.0, 2.0]])) == 1
    assert concentration(torch.tensor([[1.0, 1.0], [0.0, 0.0]])) == 0
    assert concentration(torch.tensor([[3.0, 1.0, 0.0]])) == pytest.approx((3 / 4 - 1 / 3) / (2 / 3))
    assert concentration(torch.tensor([[5.0], [0.0]])) == 1


def test_infomec_of_extreme_codes() -> None:
    found = {name: scores("infomec", codes) for name, codes in CODES.items()}
    assert all(found["perfect"][part] > 0.93 for part in ("infom", "infoe", "infoc"))
    assert found["rotated"]["infoe"] > 0.9 and max(found["rotated"]["infom"], found["rotated"]["infoc"]) < 0.1
    assert found["duplicated"]["infom"] > 0.93 and found["duplicated"]["infoc"] == pytest.approx(1 / 3, abs=0.05)
    assert found["random"]["infoe"] < 0.02
    assert [found["constant"][part] for part in ("infom", "infoe", "infoc")] == [0, 0, 0]
    assert found["constant"]["active"] == []


def reference(codes: Any, factors: Any) -> dict[str, float]:
    """The definition, pair by pair, with scikit-learn's estimators, fitted and scored on all points."""
    labels = factors.astype(int)
    nmi = np.array(
        [mutual_info_classif(codes, s, n_neighbors=10, random_state=0) / mutual_info_score(s, s) for s in labels.T]
    )
    shares = [np.mean(matrix.max(1) / matrix.sum(1)) for matrix in (nmi.T, nmi)]
    floors = [1 / nmi.shape[0], 1 / nmi.shape[1]]
    infom, infoc = ((share - floor) / (1 - floor) for share, floor in zip(shares, floors, strict=True))
    seen, nothing = (codes - codes.mean(0)) / codes.std(0), np.zeros_like(codes)
    model = LogisticRegression(C=np.inf, class_weight="balanced")
    losses = [[log_loss(s, model.fit(x, s).predict_proba(x)) for x in (seen, nothing)] for s in labels.T]
    return {"infom": infom, "infoe": np.mean([1 - loss / null for loss, null in losses]), "infoc": infoc}


@pytest.mark.parametrize("name", ["rotated", "duplicated", "noisy"])
def test_infomec_agrees_with_its_definition(name: str) -> None:
    codes = STANDARD + 0.5 * NOISE if name == "noisy" else CODES[name]
    ours = infomec(Arrays.of(codes, FACTORS), np.random.default_rng(0), held_out=False)
    for part, value in reference(codes, FACTORS).items():
        assert ours[part] == pytest.approx(value, abs=2e-3)


def test_infomec_takes_discrete_latents_by_frequencies() -> None:
    found = scores("infomec", FACTORS)
    assert np.array(found["nmi"]).diagonal() == pytest.approx([1, 1])
    assert min(found["infom"], found["infoe"], found["infoc"]) > 0.98
    arrays = Arrays.of(FACTORS, FACTORS)
    forced = infomec(arrays, np.random.default_rng(0), discrete_latents=False)
    assert np.array(forced["nmi"]).diagonal() == pytest.approx([1, 1], abs=0.01)
    assert forced["nmi"] != found["nmi"]


def test_infomec_prunes_dead_latents_and_leaves_out_constant_factors() -> None:
    codes = np.column_stack([CODES["perfect"], 0.01 * NOISE[:, 0]])
    found = scores("infomec", codes, np.column_stack([FACTORS, np.ones(POINTS)]))
    assert found["active"] == [0, 1]
    assert found["nmi"][2] is None and len(found["nmi"][0]) == 3
    assert found["infom"] == pytest.approx(scores("infomec", CODES["perfect"])["infom"], abs=1e-2)
    nothing = scores("infomec", codes, np.ones((POINTS, 1)))
    assert nothing["infom"] is nothing["infoe"] is nothing["infoc"] is None


def test_infomec_held_out_and_as_the_authors_do() -> None:
    few = Arrays.of(RNG.normal(size=(60, 12)), FACTORS[:60])
    honest, theirs = (infomec(few, np.random.default_rng(0), held_out=held)["infoe"] for held in (True, False))
    assert honest < 0.05 < 0.2 < theirs


def test_leakage_of_extreme_codes() -> None:
    found = {name: scores("leakage", codes) for name, codes in CODES.items()}
    assert found["perfect"]["score"] < 0.03 and found["perfect"]["own"] == pytest.approx(np.log([4, 4]), abs=0.03)
    assert found["perfect"]["latent"] == [0, 1]
    assert found["rotated"]["leaks"] == pytest.approx(found["rotated"]["own"], abs=0.15)
    assert found["rotated"]["score"] > 0.4
    assert found["duplicated"]["score"] < 0.03
    assert found["random"]["score"] < 0.05 and max(found["random"]["own"]) < 0.05
    assert found["constant"]["score"] < 0.05 and found["constant"]["own"] == [0, 0]


def test_leakage_without_latents_enough_or_factors_that_vary() -> None:
    found = scores("leakage", CODES["perfect"][:, :1], np.column_stack([np.ones(POINTS), FACTORS]))
    assert found["latent"] == [None, 0, None] and found["leaks"][0] is None and found["leaks"][2] is None
    alone = scores("leakage", CODES["perfect"], FACTORS[:, :1])
    assert alone["leaks"] == [0] and alone["own"][0] > 1.3
    assert scores("leakage", CODES["perfect"], np.ones((POINTS, 1)))["score"] is None


@given(order=st.permutations(range(3)), scale=st.floats(0.1, 50), flip=st.booleans())
@settings(max_examples=6)
def test_order_scale_and_sign_of_latents_do_not_matter(order: list[int], scale: float, flip: bool) -> None:
    codes = np.column_stack([STANDARD + 0.3 * NOISE, NOISE[:, 0]])[:600]
    changed, factors = codes[:, order] * scale * (-1 if flip else 1), FACTORS[:600]
    for name, parts in (("infomec", ("infom", "infoe", "infoc")), ("leakage", ("score",))):
        before, after = scores(name, codes, factors), scores(name, changed, factors)
        assert [after[part] for part in parts] == pytest.approx([before[part] for part in parts], abs=0.02)
    information = np.array(scores("ksg", codes, factors)["information"])
    assert np.array(scores("ksg", changed, factors)["information"]) == pytest.approx(information[order], abs=1e-3)


def test_more_noise_never_helps() -> None:
    noisy = [STANDARD + noise * NOISE for noise in (0.05, 0.4, 1, 3)]
    explicit = [scores("infomec", codes)["infoe"] for codes in noisy]
    own = [np.mean(scores("leakage", codes)["own"]) for codes in noisy]
    for found in (explicit, own):
        assert found == sorted(found, reverse=True) and found[0] > found[-1] + 0.5


@pytest.mark.parametrize("name", ["ksg", "infomec", "leakage"])
def test_the_same_seed_gives_the_same_numbers(name: str) -> None:
    assert scores(name, STANDARD + 0.3 * NOISE, seed=1) == scores(name, STANDARD + 0.3 * NOISE, seed=1)
