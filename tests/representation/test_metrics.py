"""Metrics on codes whose scores are known: perfect, constant, duplicated, rotated, random."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unbraid.errors import InputError, UnknownNameError
from unbraid.representation import metrics
from unbraid.representation.metrics import dci as dci_module
from unbraid.representation.metrics.mig import mutual_information

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
    return {name: scores(codes) for name, codes in CODES.items()}


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
@settings(max_examples=8)
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


def test_mutual_information_by_hand() -> None:
    a, b = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    assert mutual_information(a, b) == pytest.approx(0)
    assert mutual_information(a, a) == pytest.approx(np.log(2))
    assert mutual_information(a, np.array([0, 0, 1, 2])) == pytest.approx(np.log(2))
    joint = np.array([[3, 1], [1, 3]]) / 8
    expected = (joint * np.log(joint / 0.25)).sum()
    assert mutual_information(np.array([0] * 4 + [1] * 4), np.array([0, 0, 0, 1, 0, 1, 1, 1])) == pytest.approx(
        expected
    )


def test_mig_by_hand() -> None:
    """One latent holds the factor, the other half of it: the gap is half of the entropy of two bits."""
    factor = np.tile([0, 1, 2, 3], 25).astype(float)
    codes = np.column_stack([factor, factor // 2])
    assert scores(codes, "mig", factors=factor[:, None])["mig"]["score"] == pytest.approx(0.5)


def test_dci_from_importances_by_hand() -> None:
    importance = np.array([[1.0, 0.0], [0.0, 0.5], [0.0, 0.5]])
    assert dci_module.disentanglement(importance) == pytest.approx(1, abs=1e-6)
    assert dci_module.completeness(importance) == pytest.approx((1 + 1 - np.log(2) / np.log(3)) / 2, abs=1e-6)
    even = np.full((2, 2), 0.5)
    assert (dci_module.disentanglement(even), dci_module.completeness(even)) == pytest.approx((0, 0), abs=1e-6)


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
    assert (nothing["disentanglement"], nothing["completeness"], nothing["informativeness"]) == (0, 0, 0)


def test_continuous_factors_are_binned_or_regressed() -> None:
    factors = np.random.default_rng(1).uniform(size=(600, 2))
    found = scores(factors * 3 - 1, "mig", "dci", "factor_vae", factors=factors)
    assert found["mig"]["score"] > 0.8
    assert found["dci"]["informativeness"] > 0.95
    assert found["factor_vae"]["score"] == 1


def test_tensors_and_arrays_give_the_same() -> None:
    tensors = scores(torch.from_numpy(CODES["rotated"]), "mig", factors=torch.from_numpy(FACTORS))
    assert tensors == scores(CODES["rotated"], "mig")


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
    with pytest.raises(UnknownNameError, match="unknown metric 'mog'; did you mean mig"):
        metrics.evaluate(["mog"], STANDARD, FACTORS)
