"""Factors check their own statement."""

from __future__ import annotations

import pytest
import torch

from unbraid.envs import Factor


@pytest.mark.parametrize(
    ("arguments", "text"),
    [(("ordinal", 3, 1, 2), "low 3 must not exceed high 1"), (("ordinal", 0, 1, None), "needs a size"),
     (("continuous", 0, 1, 0), "at least 1")],
)  # fmt: skip
def test_contradictory_factors_are_refused(arguments: tuple[object, ...], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Factor("thing", *arguments, "m", True)  # type: ignore[arg-type]


def test_a_continuum_takes_what_lies_within() -> None:
    factor = Factor("angle", "continuous", -1.5, 1.5, None, "rad", True)
    factor.check(torch.tensor([-1.5, 0.123, 1.5]))
    with pytest.raises(ValueError, match=r"'angle' can't be 1.6: it takes -1.5 .. 1.5 rad"):
        factor.check(torch.tensor([0, 1.6]))


def test_a_grid_takes_its_own_values_only() -> None:
    factor = Factor("scale", "ordinal", 0.5, 1.0, 6, "", False)
    factor.check(torch.tensor([0.5, 0.6, 0.7, 0.8, 0.9, 1.0]))
    with pytest.raises(ValueError, match=r"6 values from 0\.5 to 1"):
        factor.check(torch.tensor([0.65]))
