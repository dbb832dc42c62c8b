"""What metrics fit: separating lines, logistic regression, trees, the lasso; and scores of extreme codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.svm import LinearSVC

from unbraid.errors import InputError
from unbraid.representation.metrics import Arrays, _boosting, _svm, evaluate
from unbraid.representation.metrics._logistic import fit_logistic, predict_log
from unbraid.representation.metrics._tensors import standardised_alike
from unbraid.representation.metrics.mic import mic
from unbraid.representation.metrics.modularity import roc_areas

POINTS, SIZES = 900, (3, 5)
RNG = np.random.default_rng(0)
FACTORS = RNG.integers(SIZES, size=(POINTS, 2)).astype(float)
STANDARD = (FACTORS - FACTORS.mean(0)) / FACTORS.std(0)
NOISE = RNG.normal(size=(POINTS, 2))
ROTATED = STANDARD @ np.array([[1, -1], [1, 1]]) / np.sqrt(2)
TEACHER = np.column_stack([STANDARD[:, 0] + 0.5 * NOISE[:, 0], ROTATED + 0.3 * NOISE])
PASSIVE = ("mig", "mic", "sap", "modularity", "irs")


def score(name: str, codes: Any, factors: Any = FACTORS) -> float:
    return float(evaluate([name], codes, factors)[name]["score"])


@pytest.mark.parametrize("k", [0, 1])
def test_separating_lines_are_those_of_a_tight_liblinear(k: int) -> None:
    y = torch.from_numpy(FACTORS[:, k]).long()
    w, b = _svm._newton(_svm._Problem.of(torch.from_numpy(TEACHER), y))
    for d in range(3):
        machine = LinearSVC(C=0.01, class_weight="balanced", tol=1e-12, max_iter=100_000).fit(
            TEACHER[:, [d]], y.numpy()
        )
        assert w[d].numpy() == pytest.approx(machine.coef_[:, 0], abs=1e-6)
        assert b[d].numpy() == pytest.approx(machine.intercept_, abs=1e-6)


def test_two_classes_are_one_problem_and_missing_ones_are_no_matter() -> None:
    y = (FACTORS[:, 1] > 1).astype(int) * 4
    machine = [LinearSVC(C=0.01, class_weight="balanced", tol=1e-12).fit(TEACHER[:, [d]], y) for d in range(3)]
    wanted = [one.score(TEACHER[:, [d]], y) for d, one in enumerate(machine)]
    x, labels = torch.from_numpy(TEACHER), torch.from_numpy(y)
    assert _svm.accuracies(x, labels, x, labels).tolist() == pytest.approx(wanted, abs=1e-9)
    assert _svm.accuracies(torch.zeros(900, 1).double(), labels, x[:, :1], labels).item() in (
        np.mean(y == 0),
        np.mean(y == 4),
    )


def test_logistic_regression_reaches_scikit_learn_s_optimum() -> None:
    x, y = TEACHER * [1, 2, 0.5] + 1, FACTORS[:, 1].astype(int)
    model = LogisticRegression(tol=1e-8, max_iter=2000).fit(x, y)
    weights = fit_logistic(torch.from_numpy(x), torch.from_numpy(y), 5)
    assert predict_log(weights, torch.from_numpy(x)).exp().numpy() == pytest.approx(model.predict_proba(x), abs=1e-4)
    assert weights[:-1].numpy() == pytest.approx(model.coef_.T, rel=1e-2, abs=1e-3)


def test_logistic_regression_by_hand() -> None:
    """Two points at -1 and 1 of two classes: the slope solves w = 2 sigmoid(-2w), between the classes w and -w."""
    weights = fit_logistic(torch.tensor([[-1.0], [1.0]]).double(), torch.tensor([0, 1]), 2)
    w = float(weights[0, 1])
    assert w == pytest.approx(2 / (1 + np.exp(2 * w)), abs=1e-5)
    assert weights[0].sum().item() == pytest.approx(0, abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=4, max_size=30))
def test_roc_areas_are_scikit_learn_s_with_ties(pairs: list[tuple[int, bool]]) -> None:
    scores, hits = np.array([pair[0] for pair in pairs], float), np.array([pair[1] for pair in pairs])
    hits[:2] = False, True
    found = roc_areas(torch.from_numpy(scores)[:, None], torch.from_numpy(hits)[:, None])
    assert found.item() == pytest.approx(roc_auc_score(hits, scores))


def test_a_constant_column_stays_out_of_standardisation() -> None:
    x, more = standardised_alike(torch.tensor([[1.0, 3.0], [3.0, 3.0]]), torch.tensor([[5.0, 9.0]]))
    assert x.tolist() == [[-1, 0], [1, 0]] and more.tolist() == [[3, 0]]


@pytest.mark.parametrize(
    ("name", "perfect", "duplicated", "rotated", "random"),
    [("mic", (-0.1, 0.1), (-0.1, 0.1), (-0.2, 0.2), (-0.1, 0.1)), ("sap", (0.4, 1), (0, 1e-9), (0, 0.2), (0, 0.1)),
     ("modularity", (0.98, 1), (0.98, 1), (0, 0.7), (0, 1)), ("irs", (0.999, 1), (0.999, 1), (0, 0.8), (0, 0.5))],
)  # fmt: skip
def test_extreme_codes(name: str, perfect: Any, duplicated: Any, rotated: Any, random: Any) -> None:
    codes = (STANDARD, np.repeat(STANDARD, 2, axis=1), ROTATED, NOISE)
    for (low, high), code in zip((perfect, duplicated, rotated, random), codes, strict=True):
        assert low <= score(name, code) <= high + 1e-9
    assert score(name, np.ones((POINTS, 2))) == 0
    assert np.isfinite(score(name, STANDARD[:, :1]))


@given(order=st.permutations(range(3)), scale=st.floats(0.1, 50), shift=st.floats(-5, 5))
@settings(max_examples=4)
def test_order_scale_and_origin_of_latents_do_not_matter(order: list[int], scale: float, shift: float) -> None:
    changed = TEACHER[:, order] * scale + shift
    for name in ("sap", "modularity", "irs"):
        assert score(name, changed) == pytest.approx(score(name, TEACHER), abs=0.01)


def test_more_noise_never_helps() -> None:
    for name in ("sap", "irs", "modularity"):
        found = [score(name, STANDARD + level * NOISE) for level in (0, 0.5, 2)]
        assert found == sorted(found, reverse=True) and found[0] > found[-1] + 0.01


def test_explicitness_is_kept_by_rotation_and_lost_in_noise() -> None:
    kept, lost = (evaluate(["modularity"], codes, FACTORS)["modularity"]["explicitness"] for codes in (ROTATED, NOISE))
    assert kept > 0.8 and lost == pytest.approx(0.5, abs=0.1)


def test_dead_latents_and_constant_factors_count_in_the_protocol_alone() -> None:
    codes, factors = np.column_stack([STANDARD, np.ones(POINTS)]), np.column_stack([FACTORS, np.ones(POINTS)])
    ours = evaluate(["modularity"], codes, factors)["modularity"]
    library = evaluate(["modularity"], codes, factors, protocol="disentanglement_lib")["modularity"]
    assert ours["score"] > 0.98 and ours["per_latent"][2] is None
    assert library["score"] == pytest.approx(2 / 3, abs=0.02) and ours["explicitness_per_factor"][2] is None


def test_mic_by_hand() -> None:
    """A factor of four values: the first latent holds it, the second its upper half, the third nothing."""
    factor = np.tile([0.0, 1, 2, 3], 25)
    arrays = Arrays.of(np.column_stack([factor, factor // 2, 0 * factor]), factor[:, None])
    rng = np.random.default_rng(0)
    assert mic(arrays, rng)["subset"] == [0] and mic(arrays, rng)["score"] == pytest.approx(0.5)
    assert mic(arrays, rng, subset=[0, 1])["score"] == pytest.approx(1.5)
    assert mic(arrays, rng, subset=[2])["score"] == pytest.approx(-1.5)
    for wrong in ([], [3], [0, 0]):
        with pytest.raises(InputError, match=r"subset must hold different numbers of latents, 0 .. 2, not"):
            mic(arrays, rng, subset=wrong)


def test_irs_by_hand() -> None:
    """Two groups of deviations 0, 1 (of latent -1 .. 1 and 9 .. 11): 0.99 of them, by the largest, 6."""
    codes = np.tile([-1.0, 0, 1, 9, 10, 11], 20)[:, None]
    factor = np.tile([0.0, 0, 0, 1, 1, 1], 20)[:, None]
    assert score("irs", codes, factor) == pytest.approx(1 - 1 / 6)


def test_a_tree_of_one_feature_splits_where_it_must() -> None:
    x = torch.arange(8.0).double()[:, None]
    y = torch.tensor([0, 0, 0, 0, 1, 1, 2, 2])
    rng = np.random.default_rng(0)
    (share, guess), (_, numbers) = _boosting.boost(
        x, x + 0.4, [_boosting.classes(y), _boosting.continuum(y.double())], rng
    )
    assert share.tolist() == [1] and guess.tolist() == y.tolist()
    assert numbers.numpy() == pytest.approx(y.numpy(), abs=1e-3)


@pytest.mark.parametrize("name", ["dci_lasso", "dci_forest"])
def test_the_paper_s_regressors(name: str) -> None:
    found = evaluate([name], STANDARD + 1e-3 * NOISE, FACTORS)[name]
    for part in ("disentanglement", "completeness", "informativeness"):
        assert found[part] == pytest.approx(1, abs=0.01)
    assert evaluate([name], NOISE, FACTORS)[name]["error"] == pytest.approx(1, abs=0.05)
    mixed = evaluate([name], ROTATED, FACTORS)[name]
    assert mixed["disentanglement"] < 0.2 and mixed["informativeness"] > 0.9
    assert np.array(mixed["importance"]).shape == (2, 2)


def test_the_gap_on_unseen_combinations() -> None:
    """A code that holds the second factor shifted wherever the first is 2 and it is 4, a combination not trained on."""
    unseen = (FACTORS[:, 0] == 2) & (FACTORS[:, 1] == 4)
    codes = STANDARD.copy()
    codes[unseen, 1] -= 1
    train, test = np.flatnonzero(~unseen)[:500], np.concatenate([np.flatnonzero(~unseen)[500:], np.flatnonzero(unseen)])
    for name in ("dci_lasso", "dci"):
        found = evaluate([name], codes[train], FACTORS[train], codes[test], FACTORS[test])[name]
        assert found["zero_shot_gap"] > 0.2
        assert evaluate([name], codes[train], FACTORS[train])[name]["zero_shot_gap"] is None
