"""Metrics on codes whose scores are known: perfect, constant, duplicated, rotated, random."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unbraid.errors import InputError, UnknownNameError
from unbraid.representation import metrics
from unbraid.representation.metrics import _dci
from unbraid.representation.metrics._information import mutual_information
from unbraid.representation.metrics._spec import equal_width_bins
from unbraid.representation.other_metrics.ari import ari

POINTS, SIZES = 900, (4, 6)
RNG = np.random.default_rng(0)
FACTORS = np.stack([RNG.integers(size, size=POINTS) for size in SIZES], 1).astype(float)
STANDARD = (FACTORS - FACTORS.mean(0)) / FACTORS.std(0)
ANGLE = np.pi / 4
CODES = {
    "perfect": STANDARD,
    "constant": np.ones((POINTS, 2)),
    "duplicated": np.repeat(STANDARD, 2, axis=1),
    "rotated": STANDARD @ np.array([[np.cos(ANGLE), -np.sin(ANGLE)], [np.sin(ANGLE), np.cos(ANGLE)]]),
    "random": RNG.normal(size=(POINTS, 2)),
}


def scores(codes: Any, *names: str, factors: Any = FACTORS, **more: Any) -> dict[str, dict[str, Any]]:
    return metrics.evaluate(names or metrics.names(), codes, factors, **more)


@pytest.fixture(scope="module")
def known() -> dict[str, dict[str, dict[str, Any]]]:
    return {name: scores(codes, "mig", "dci", "factor_vae", "r2") for name, codes in CODES.items()}


def test_perfect_codes(known: Any) -> None:
    found = known["perfect"]
    assert found["mig"]["score"] == pytest.approx(1, abs=0.01)
    assert found["factor_vae"] == {"score": 1.0, "active": 2}
    assert found["r2"]["single"] == pytest.approx([1, 1])
    assert found["r2"]["latent"] == [0, 1]
    assert [found["dci"][part] for part in ("disentanglement", "completeness", "informativeness")] == pytest.approx(
        [1, 1, 1], abs=1e-3
    )


def test_constant_codes_know_nothing(known: Any) -> None:
    found = known["constant"]
    assert found["mig"]["score"] == 0
    assert found["factor_vae"] == {"score": 0.0, "active": 0}
    assert found["r2"]["score"] < 0.01
    assert found["dci"]["informativeness"] < 0.3
    assert found["dci"]["disentanglement"] == pytest.approx(0, abs=1e-6)


def test_duplicated_codes_lose_the_gap_and_completeness_alone(known: Any) -> None:
    found = known["duplicated"]
    assert found["mig"]["score"] == pytest.approx(0, abs=1e-9)
    assert found["factor_vae"]["score"] == 1
    assert found["r2"]["score"] == pytest.approx(1)
    assert found["dci"]["disentanglement"] == pytest.approx(1, abs=1e-3)
    assert found["dci"]["completeness"] < 0.9


def test_rotated_codes_keep_the_information_and_lose_the_order(known: Any) -> None:
    found = known["rotated"]
    assert found["mig"]["score"] < 0.1
    assert found["factor_vae"]["score"] < 0.95
    assert found["r2"]["linear"] == pytest.approx([1, 1])
    assert max(found["r2"]["single"]) < 0.65
    assert found["dci"]["informativeness"] > 0.95
    assert found["dci"]["disentanglement"] < 0.4


def test_random_codes(known: Any) -> None:
    found = known["random"]
    assert found["mig"]["score"] < 0.05
    assert found["r2"]["score"] < 0.05
    assert found["factor_vae"]["score"] < 0.65
    assert found["dci"]["informativeness"] < 0.4


@given(order=st.permutations(range(3)), scale=st.floats(0.1, 50), flip=st.booleans())
@settings(max_examples=4)
def test_order_scale_and_sign_of_latents_do_not_matter(order: list[int], scale: float, flip: bool) -> None:
    codes = np.column_stack([STANDARD + 0.1 * CODES["random"], CODES["random"][:, 0]])
    changed = codes[:, order] * scale * (-1 if flip else 1)
    passive = ("mig", "r2")
    for name in passive:
        assert scores(changed, name)[name]["score"] == pytest.approx(scores(codes, name)[name]["score"], abs=0.02)
    assert scores(changed, "factor_vae")["factor_vae"]["score"] == pytest.approx(
        scores(codes, "factor_vae")["factor_vae"]["score"], abs=0.02
    )


def test_more_noise_never_helps() -> None:
    noisy = [STANDARD + noise * CODES["random"] for noise in (0, 0.2, 0.6, 2)]
    for name in ("mig", "r2", "factor_vae"):
        found = [scores(codes, name)[name]["score"] for codes in noisy]
        assert found == sorted(found, reverse=True)
        assert found[0] > found[-1] + 0.1


def information(a: list[int], b: list[int]) -> float:
    return float(mutual_information(torch.tensor(a)[:, None], torch.tensor(b)[:, None]))


def test_mutual_information_by_hand() -> None:
    assert information([0, 0, 1, 1], [0, 1, 0, 1]) == pytest.approx(0)
    assert information([0, 0, 1, 1], [0, 0, 1, 1]) == pytest.approx(np.log(2))
    assert information([0, 0, 1, 1], [0, 0, 1, 2]) == pytest.approx(np.log(2))
    joint = np.array([[3, 1], [1, 3]]) / 8
    expected = (joint * np.log(joint / 0.25)).sum()
    assert information([0] * 4 + [1] * 4, [0, 0, 0, 1, 0, 1, 1, 1]) == pytest.approx(expected)
    assert information([3, 3, 3, 3], [0, 1, 2, 3]) == 0


def test_mig_by_hand() -> None:
    """One latent holds the factor, the other half of it: the gap is half of the entropy of two bits."""
    factor = np.tile([0, 1, 2, 3], 25).astype(float)
    codes = np.column_stack([factor, factor // 2])
    assert scores(codes, "mig", factors=factor[:, None])["mig"]["score"] == pytest.approx(0.5)


def test_dci_from_importances_by_hand() -> None:
    importance = torch.tensor([[1.0, 0.0], [0.0, 0.5], [0.0, 0.5]], dtype=torch.float64)
    assert _dci.disentanglement(importance) == pytest.approx(1, abs=1e-6)
    assert _dci.completeness(importance) == pytest.approx((1 + 1 - np.log(2) / np.log(3)) / 2, abs=1e-6)
    even = torch.full((2, 2), 0.5, dtype=torch.float64)
    assert (_dci.disentanglement(even), _dci.completeness(even)) == pytest.approx((0, 0), abs=1e-6)


def test_held_out_arrays_are_used_for_testing_only() -> None:
    apart = {"codes_test": CODES["random"][:300], "factors_test": FACTORS[:300]}
    found = scores(STANDARD, "r2", "dci", **apart)
    assert max(found["r2"]["single"]) < 0.05
    assert found["dci"]["disentanglement"] > 0.99
    assert found["dci"]["informativeness"] < 0.5


def test_a_constant_factor_is_left_out() -> None:
    factors = np.column_stack([FACTORS, np.full(POINTS, 3)])
    found = scores(STANDARD, "mig", "r2", "factor_vae", factors=factors)
    assert found["mig"]["per_factor"][2] is None and found["r2"]["single"][2] is None
    assert found["mig"]["score"] == pytest.approx(1, abs=0.01)
    assert found["factor_vae"]["score"] == 1


def test_dci_leaves_out_what_is_constant_on_either_part() -> None:
    late = np.where(np.arange(POINTS) < POINTS - 10, 0, 1)
    more = scores(STANDARD, "dci", factors=np.column_stack([np.full(POINTS, 3), FACTORS, late]))["dci"]
    alone = scores(STANDARD, "dci")["dci"]
    for name in ("disentanglement", "completeness", "informativeness"):
        assert more[name] == alone[name]
    assert np.array(more["importance"]).shape == (STANDARD.shape[1], 4)
    assert not np.array(more["importance"])[:, [0, 3]].any()
    nothing = scores(STANDARD, "dci", factors=np.ones((POINTS, 1)))["dci"]
    assert nothing["disentanglement"] is nothing["completeness"] is nothing["informativeness"] is None


def test_continuous_factors_are_binned_or_regressed() -> None:
    factors = np.random.default_rng(1).uniform(size=(600, 2))
    found = scores(factors * 3 - 1, "mig", "dci", "factor_vae", factors=factors)
    assert found["mig"]["score"] > 0.8
    assert found["dci"]["informativeness"] > 0.95
    assert found["factor_vae"]["score"] == 1


def test_tensors_lists_and_arrays_give_the_same() -> None:
    wanted = scores(CODES["rotated"], "mig")
    assert (
        scores(torch.from_numpy(CODES["rotated"]).requires_grad_(), "mig", factors=torch.from_numpy(FACTORS)) == wanted
    )
    assert scores(CODES["rotated"].tolist(), "mig", factors=FACTORS.astype(np.int16)) == wanted


def test_arrays_hold_double_tensors_and_say_which_rows_are_measured() -> None:
    codes = torch.arange(24, dtype=torch.float16).view(12, 2)
    cut = metrics.Arrays.of(codes, np.arange(12)[:, None] % 2 == 0)
    assert all(part.dtype == torch.float64 for part in (cut.codes, cut.factors, cut.codes_test, cut.factors_test))
    assert len(cut.codes) == 8 and torch.equal(cut.measured_codes, codes.double())
    apart = metrics.Arrays.of(codes, np.zeros((12, 1)), codes[:10], np.ones((10, 1)))
    assert len(apart.measured_codes) == len(apart.measured_labels) == 12 and len(apart.all_codes) == 22


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=2, max_size=40), st.integers(2, 30))
def test_bins_are_those_of_numpy(values: list[float], bins: int) -> None:
    column = np.array(values)
    wanted = np.digitize(column, np.histogram(column, bins)[1][:-1])
    assert equal_width_bins(torch.from_numpy(column)[:, None], bins)[:, 0].tolist() == wanted.tolist()


def test_draws_measure_what_was_measured() -> None:
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 80, size=(170, 2))  # few values for so many rows, many for half of them
    arrays = metrics.Arrays.of(factors, factors)
    half = arrays.resampled(rng, halves=True)
    assert half.is_discrete(0) and half.is_discrete(1) and half.are_codes_discrete
    assert not metrics.Arrays.of(half.all_codes, half.all_factors).is_discrete(0)
    continuous = metrics.Arrays.of(rng.normal(size=(300, 1)), rng.integers(0, 150, size=(300, 1)), discrete=[False])
    assert not continuous.resampled(rng).is_discrete(0)


def test_standard_errors_of_whatever_is_of_rows() -> None:
    values = np.random.default_rng(0).normal(size=400)
    mean = metrics.standard_errors(lambda rows: {"mean": rows.mean(), "count": len(rows)}, values)
    assert mean == {"mean": pytest.approx(1 / 20, rel=0.25), "count": 0}
    half = metrics.standard_errors(lambda rows: {"mean": rows.mean()}, torch.from_numpy(values), halves=True)
    assert half["mean"] == pytest.approx(1 / 20, rel=0.25)
    segments = torch.from_numpy(np.random.default_rng(1).integers(0, 3, size=(50, 40)))
    found = metrics.standard_errors(lambda *pair: {"score": ari(*pair).mean()}, segments, segments.roll(1, 1), draws=20)
    assert 0 < found["score"] < 0.05
    for rows, draws in (((values, values[1:]), 5), ((values[:1],), 5), ((values,), 1)):
        with pytest.raises(InputError, match="at least 2 rows, as many in all, and 2 draws"):
            metrics.standard_errors(lambda *rows: {"mean": rows[0].mean()}, *rows, draws=draws)


def test_draws_may_lack_some_of_the_numbers() -> None:
    codes, factors = RNG.normal(size=(60, 3)), RNG.integers(0, 3, size=(60, 2))
    found = metrics.evaluate(["retrieval"], codes, factors, bootstrap=3)["retrieval"]
    assert set(found["std_error"]["recall"]) < set(found["recall"]) and found["std_error"]["score"] > 0


def test_bootstrap_tells_how_far_scores_are_from_those_of_other_rows() -> None:
    """Of disjoint thirds of the rows, the scores spread about as far as the standard error of one third says."""
    found = scores(CODES["random"], "mig", "r2", bootstrap=20)
    assert set(found["mig"]["std_error"]) == {"score", "per_factor"} and 0 < found["mig"]["std_error"]["score"] < 0.02
    noisy = STANDARD + CODES["random"]
    many = [scores(noisy[k::3], "r2", factors=FACTORS[k::3])["r2"]["score"] for k in range(3)]
    error = scores(noisy[::3], "r2", factors=FACTORS[::3], bootstrap=40)["r2"]["std_error"]["score"]
    assert 0.2 < error / np.std(many, ddof=1) < 5
    assert scores(noisy, "r2", bootstrap=3) == scores(noisy, "r2", bootstrap=3)
    assert "std_error" not in scores(noisy, "r2")["r2"]
    assert len(scores(noisy, "r2", bootstrap=3)["r2"]["std_error"]["linear"]) == FACTORS.shape[1]
    recall = scores(noisy, "retrieval", bootstrap=10)["retrieval"]["std_error"]["recall"]
    assert all(0 < error < 0.1 for row in recall.values() for error in row) and len(recall["1"]) == FACTORS.shape[1]
    for wrong in (-1, 1):
        with pytest.raises(
            InputError, match=f"bootstrap must be 0, for no standard errors, or at least 2 draws, not {wrong}"
        ):
            scores(noisy, "r2", bootstrap=wrong)


def test_a_protocol_reaches_the_metrics_that_know_it() -> None:
    found = scores(STANDARD + 5, "mig", "sap", protocol="disentanglement_lib")
    assert found["mig"] == scores(STANDARD + 5, "mig")["mig"]
    assert found["sap"] != scores(STANDARD + 5, "sap")["sap"]
    with pytest.raises(UnknownNameError, match="unknown protocol 'disent'; did you mean disentanglement_lib"):
        scores(STANDARD, "mig", protocol="disent")


def test_importing_the_metrics_imports_nothing_else_of_the_package() -> None:
    code = (
        "import sys, unbraid.representation.metrics as m; m.check_names(m.names()); "
        "print(*sorted(n for n in sys.modules if n.startswith('unbraid.')))"
    )
    names = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    allowed = ("unbraid.errors", "unbraid.lookup", "unbraid.representation")
    assert [n for n in names if n not in allowed and not n.startswith("unbraid.representation.metrics")] == []


def test_seeds_decide() -> None:
    draws = [scores(CODES["rotated"], "factor_vae", seed=seed)["factor_vae"]["score"] for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


@pytest.mark.parametrize(
    ("codes", "factors", "text"),
    [(np.ones((20, 2)), np.ones((19, 2)), "codes has 20 rows and factors 19"), (np.ones(20), np.ones((20, 1)), r"not \(20,\)"),
     (np.ones((5, 1)), np.ones((5, 1)), "at least 10"), (np.full((20, 1), np.nan), np.ones((20, 1)), r"codes\[0, 0\] is nan"),
     (np.ones((20, 0)), np.ones((20, 1)), r"\(points, columns\)"), ([["a"]] * 20, np.ones((20, 1)), "matrix of real numbers")],
)  # fmt: skip
def test_bad_arrays_are_named(codes: Any, factors: Any, text: str) -> None:
    with pytest.raises(InputError, match=text):
        metrics.evaluate(["mig"], codes, factors)


def test_test_arrays_come_in_pairs_that_match() -> None:
    with pytest.raises(InputError, match="come together"):
        metrics.evaluate(["mig"], STANDARD, FACTORS, codes_test=STANDARD)
    with pytest.raises(InputError, match="codes has 2 columns and codes_test 1"):
        metrics.evaluate(["mig"], STANDARD, FACTORS, STANDARD[:, :1], FACTORS)


def test_unknown_metrics_get_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown metric 'mog'; did you mean mig.*known: beta_vae, .*sap"):
        metrics.evaluate(["mog"], STANDARD, FACTORS)
    with pytest.raises(InputError, match=r"ari takes other things .* call unbraid\.representation\.other_metrics\.ari"):
        metrics.evaluate(["ari"], STANDARD, FACTORS)


def test_a_single_name_is_no_list_of_names() -> None:
    with pytest.raises(InputError, match=r"metrics must be a list of names, such as \['mig'\]"):
        metrics.evaluate("mig", STANDARD, FACTORS)


def test_standard_errors_are_of_the_draws_that_have_the_number() -> None:
    factors = np.random.default_rng(0).integers(0, [2, 2, 2], size=(60, 3)).astype(float)
    factors[-1] = [2, 2, 2]  # one combination that the train rows lack: draws may miss it
    numbers = metrics.evaluate(["dci_lasso"], factors, factors, bootstrap=4)["dci_lasso"]
    assert set(numbers["std_error"]) >= {"disentanglement", "completeness", "informativeness"}
    with pytest.raises(InputError, match="seed must be at least 0, not -1"):
        metrics.evaluate(["mig"], factors, factors, seed=-1)
    with pytest.raises(InputError, match="codes must be a matrix; its rows differ in length"):
        metrics.evaluate(["mig"], [[1.0, 2.0], [3.0]], factors)


def test_neighbours_are_drawn_as_halves_not_twice() -> None:
    """With rows drawn twice the information of independent columns would be nats; its error here is that of noise."""
    rng = np.random.default_rng(0)
    found = metrics.evaluate(["ksg"], rng.normal(size=(600, 1)), rng.normal(size=(600, 1)), bootstrap=10)["ksg"]
    other = [
        np.ravel(metrics.evaluate(["ksg"], rng.normal(size=(600, 1)), rng.normal(size=(600, 1)))["ksg"]["information"])
        for _ in range(20)
    ]
    assert 0.3 < found["std_error"]["information"][0][0] / float(np.std(other, ddof=1)) < 3


def test_a_metric_that_is_no_function_is_refused() -> None:
    with pytest.raises(InputError, match="its file defines no function decoder"):
        metrics.evaluate(["json:decoder"], FACTORS, FACTORS)


@pytest.mark.parametrize("name", ["dci", "dci_lasso", "dci_forest"])
@pytest.mark.parametrize("constant", [0.1, 1.0])
def test_constant_factors_count_in_no_dci(name: str, constant: float) -> None:
    factors = np.concatenate([FACTORS, np.full((len(FACTORS), 1), constant)], 1)
    with_it, without = (metrics.evaluate([name], CODES["perfect"], part)[name] for part in (factors, FACTORS))
    assert with_it["error_per_factor"][-1] is None
    for number in ("completeness", "informativeness"):
        assert with_it[number] == pytest.approx(without[number], abs=1e-6)


@pytest.mark.parametrize("name", ["mig", "mic", "sap", "modularity", "irs", "dci", "r2", "beta_vae", "factor_vae"])
def test_without_a_factor_that_varies_nothing_is_known(name: str) -> None:
    found = metrics.evaluate([name], CODES["perfect"], np.ones_like(FACTORS))[name]
    scores = {part: value for part, value in found.items() if part not in ("importance", "scores", "subset", "active")}
    assert scores and all(value is None or set(value) == {None} for value in scores.values())
