"""disentanglement_lib's readings against references written for these tests, in NumPy, SciPy and scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import mutual_info_score
from sklearn.svm import LinearSVC

from unbraid.representation.metrics import evaluate

SIZES, TRAIN, TEST = (3, 6, 25), 500, 250
RNG = np.random.default_rng(0)
FACTORS = RNG.integers(SIZES, size=(TRAIN + TEST, len(SIZES))).astype(float)
STANDARD = (FACTORS - FACTORS.mean(0)) / FACTORS.std(0)
NOISE = RNG.normal(size=(TRAIN + TEST, 5))
TURN = np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0]
ANGLE = FACTORS[:, 2] / SIZES[2] * 2 * np.pi
CODES = {
    "random": NOISE,
    "perfect": np.column_stack([STANDARD, np.zeros((TRAIN + TEST, 2))]),
    "rotated": np.column_stack([STANDARD, 0.1 * NOISE[:, :2]]) @ TURN,
    "trained-like": np.column_stack(
        [np.cos(ANGLE), np.sin(ANGLE) + 0.2 * STANDARD[:, 0], STANDARD[:, 1], 0.3 * STANDARD[:, 0], 0 * ANGLE]
    )
    + NOISE * [0.1, 0.1, 0.3, 0.2, 0.01],
}


def split(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    codes = CODES[name]
    return codes[:TRAIN], FACTORS[:TRAIN], codes[TRAIN:], FACTORS[TRAIN:]


def ours(metric: str, name: str, **how: Any) -> dict[str, Any]:
    return evaluate([metric], *split(name), protocol="disentanglement_lib", **how)[metric]


def binned(columns: np.ndarray) -> np.ndarray:
    return np.array([np.digitize(c, np.histogram(c, 20)[1][:-1]) for c in columns.T]).T


def information(codes: np.ndarray, factors: np.ndarray) -> np.ndarray:
    cut = binned(codes)
    return np.array([[mutual_info_score(z, s) for s in factors.T] for z in cut.T])


def gap(table: np.ndarray) -> np.ndarray:
    ordered = np.sort(table, axis=0)
    return ordered[-1] - ordered[-2]


def reference_mig(codes: np.ndarray, factors: np.ndarray, *_: Any) -> float:
    entropies = [stats.entropy(np.unique(column, return_counts=True)[1]) for column in factors.T]
    return float(np.mean(gap(information(codes, factors)) / entropies))


def reference_modularity(codes: np.ndarray, factors: np.ndarray, *_: Any) -> float:
    scores = []
    for row in information(codes, factors) ** 2:
        top = row.max()
        scores.append(0.0 if top == 0 else 1 - (row.sum() - top) / (top * (len(row) - 1)))
    return float(np.mean(scores))


def reference_sap(codes: np.ndarray, factors: np.ndarray, codes_test: np.ndarray, factors_test: np.ndarray) -> float:
    table = np.zeros((codes.shape[1], factors.shape[1]))
    for d, k in np.ndindex(*table.shape):
        machine = LinearSVC(C=0.01, class_weight="balanced").fit(codes[:, [d]], factors[:, k])
        table[d, k] = machine.score(codes_test[:, [d]], factors_test[:, k])
    return float(gap(table).mean())


def reference_irs(codes: np.ndarray, factors: np.ndarray, *_: Any) -> float:
    codes = codes[:, codes.var(0) > 0]
    largest = abs(codes - codes.mean(0)).max(0)
    table = []
    for column in binned(factors).T:
        groups = [codes[column == value] for value in set(column)]
        table.append(np.mean([np.quantile(abs(z - z.mean(0)), 0.99, axis=0) for z in groups], axis=0))
    return float(np.average((1 - np.array(table) / largest).max(0), weights=largest))


REFERENCES: dict[str, Callable[..., float]] = {
    "mig": reference_mig,
    "modularity": reference_modularity,
    "sap": reference_sap,
    "irs": reference_irs,
}


@pytest.mark.parametrize("name", CODES)
@pytest.mark.parametrize("metric", REFERENCES)
def test_numbers_are_the_library_s(metric: str, name: str) -> None:
    assert ours(metric, name)["score"] == pytest.approx(REFERENCES[metric](*split(name)), abs=1e-6)


@pytest.mark.parametrize("metric", ["mig", "modularity", "sap"])
def test_every_whole_number_is_a_label_however_many_there_are(metric: str) -> None:
    factors = np.column_stack([FACTORS[:, :2], RNG.integers(150, size=TRAIN + TEST)])
    codes = factors + [0.1, 0.5, 20] * NOISE[:, :3]
    parts = codes[:TRAIN], factors[:TRAIN], codes[TRAIN:], factors[TRAIN:]
    reference = REFERENCES[metric](*parts)
    found = evaluate([metric], *parts, protocol="disentanglement_lib")[metric]["score"]
    assert found == pytest.approx(reference, abs=1e-6)
    stated = evaluate([metric], *parts, discrete=[True] * 3)[metric]["score"]
    cut = evaluate([metric], *parts)[metric]["score"]
    assert abs(stated - reference) < abs(cut - reference)


@pytest.mark.parametrize("metric", ["mig", "modularity", "irs"])
def test_without_test_arrays_all_rows_are_measured(metric: str) -> None:
    codes = CODES["trained-like"]
    found = evaluate([metric], codes, FACTORS, protocol="disentanglement_lib")[metric]["score"]
    assert found == pytest.approx(REFERENCES[metric](codes, FACTORS), abs=1e-6)


def test_sap_of_continuous_factors_is_the_squared_correlation() -> None:
    codes = STANDARD @ RNG.normal(size=(3, 4)) + NOISE[:, :4]
    factors = FACTORS + 0.3 * NOISE[:, :3]
    table = np.corrcoef(codes.T, factors.T)[:4, 4:] ** 2
    for protocol in (None, "disentanglement_lib"):
        found = evaluate(["sap"], codes, factors, protocol=protocol)["sap"]
        assert found["score"] == pytest.approx(gap(table).mean(), abs=1e-9)
        assert np.array(found["scores"]) == pytest.approx(table, abs=1e-9)


@pytest.fixture(scope="module")
def boosted() -> dict[str, tuple[np.ndarray, float]]:
    """Importances and mean accuracy of scikit-learn's boosting, of the first two factors."""
    found = {}
    for name in ("rotated", "trained-like"):
        x, y, x_test, y_test = split(name)
        models = [GradientBoostingClassifier(random_state=k).fit(x, y[:, k]) for k in range(2)]
        accuracy = np.mean([model.score(x_test, y_test[:, k]) for k, model in enumerate(models)])
        found[name] = np.array([model.feature_importances_ for model in models]).T, float(accuracy)
    return found


def entropies(table: np.ndarray) -> tuple[float, float]:
    """Disentanglement and completeness of an importance matrix ``(D, K)``."""
    rows = 1 - stats.entropy(table.T + 1e-11, base=table.shape[1])
    columns = 1 - stats.entropy(table + 1e-11, base=table.shape[0])
    return float(np.average(rows, weights=table.sum(1))), float(columns.mean())


@pytest.mark.parametrize("name", ["rotated", "trained-like"])
def test_fast_boosting_is_close_to_scikit_learn_s(name: str, boosted: Any) -> None:
    importance, accuracy = boosted[name]
    x, y, x_test, y_test = split(name)
    found = evaluate(["dci"], x, y[:, :2], x_test, y_test[:, :2])["dci"]
    assert (found["disentanglement"], found["completeness"]) == pytest.approx(entropies(importance), abs=0.02)
    assert found["informativeness"] == pytest.approx(accuracy, abs=0.02)
    assert np.array(found["importance"]) == pytest.approx(importance, abs=0.03)


def test_exact_boosting_is_scikit_learn_s(boosted: Any) -> None:
    """But for ties between splits, which it breaks at random."""
    importance = boosted["rotated"][0][:, :1]
    x, y, x_test, y_test = split("rotated")
    found = evaluate(["dci_exact"], x, y[:, :1], x_test, y_test[:, :1])["dci_exact"]
    assert np.array(found["importance"]) == pytest.approx(importance, abs=0.005)
    assert found["disentanglement"] == 1
    assert found["completeness"] == pytest.approx(entropies(np.repeat(importance, 2, 1))[1], abs=0.005)


def draw_sharing(rng: np.random.Generator, codes: np.ndarray, k: int, n: int) -> np.ndarray:
    """Codes of rows that share a value of factor ``k``."""
    return codes[rng.choice(np.flatnonzero(FACTORS[:, k] == rng.choice(FACTORS[:, k])), n)]


def reference_votes(codes: np.ndarray, rng: np.random.Generator) -> float:
    spread = codes.std(0, ddof=1)
    alive = spread >= 0.05
    table = np.zeros((2, alive.sum(), 3))
    for half, votes in enumerate((300, 600)):
        for k in rng.integers(3, size=votes):
            variances = draw_sharing(rng, codes[:, alive], k, 64).var(0, ddof=1) / spread[alive] ** 2
            table[half, variances.argmin(), k] += 1
    return float(table[1][np.arange(alive.sum()), table[0].argmax(1)].sum() / 600)


def reference_pairs(codes: np.ndarray, rng: np.random.Generator) -> float:
    labels = rng.integers(3, size=300)
    points = [np.mean([abs(np.subtract(*draw_sharing(rng, codes, k, 2))) for _ in range(64)], axis=0) for k in labels]
    return float(LogisticRegression().fit(points[:150], labels[:150]).score(points[150:], labels[150:]))


@pytest.mark.parametrize(("metric", "reference"), [("factor_vae", reference_votes), ("beta_vae", reference_pairs)])
@pytest.mark.parametrize("name", ["perfect", "trained-like"])
def test_interventional_scores_agree_up_to_sampling(metric: str, reference: Any, name: str) -> None:
    wanted = reference(CODES[name], np.random.default_rng(7))
    assert ours(metric, name)["score"] == pytest.approx(wanted, abs=0.06)
