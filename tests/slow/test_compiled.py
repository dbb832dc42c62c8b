"""A compiled training loses what a plain one loses, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unbraid.experiments.figures import read_scalars
from unbraid.representation.training import SCALARS

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
SPRITES = ("--env", "unbraid.envs:unbraid/Sprites-v0", "--steps", "12", "--batch-size", "8", "--device", "cpu")


@pytest.mark.parametrize("name", ["capacity", "factor_vae"])
def test_compiling_changes_nothing_but_speed(cli: Any, tmp_path: Path, name: str) -> None:
    losses = []
    small = ("--units", "8") if name == "factor_vae" else ()
    for compiled in ((), ("--compile",)):
        out = tmp_path / f"run{len(losses)}"
        asked = ("--objective", name, *small, "--draw", "fresh", *compiled, "--out", str(out))
        assert cli("train", "vae", *SPRITES, *asked).status == 0
        losses.append(read_scalars(out / SCALARS)["loss"][1])
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
