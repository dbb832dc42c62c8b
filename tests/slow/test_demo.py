"""The demo, cut short: the whole path, again and resumed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*srun.*"),
]


def test_the_demo_leaves_what_it_promises_and_can_be_run_again(cli: Any, tmp_path: Path) -> None:
    run = tmp_path / "demo"
    first = cli("demo", "--steps", 30, "--out", run, "--json", "--device", "cpu")
    assert first.status == 0, first.err
    numbers = json.loads(first.out)
    for name in ("icf", "beta-VAE"):
        assert {"mig", "dci", "factor_vae", "r2"} <= set(numbers[name]["evaluation"])
    assert numbers["icf"]["plan"]["episodes"] == 100
    assert len(numbers["icf"]["evaluation"]["agent"]["prefers"]) == 4
    kinds = {path.name for path in (run / "figures").iterdir()}
    assert {"icf-learning-curves.png", "icf-latents.png", "icf-traversals.png", "icf-policies.gif"} <= kinds
    assert {"config.yaml", "model.safetensors", "metrics.json", "report.html"} <= {path.name for path in run.iterdir()}
    page = (run / "report.html").read_text()
    assert "beta-VAE" in page and "agent.x" in page

    refused = cli("demo", "--steps", 30, "--out", run)
    assert refused.status == 2 and "--resume" in refused.err
    again = cli("demo", "--steps", 30, "--out", run, "--resume", "--json", "--device", "cpu")
    assert again.status == 0, again.err
    second = json.loads(again.out)
    assert second["icf"]["evaluation"] == numbers["icf"]["evaluation"]
    assert second["icf"]["plan"] == numbers["icf"]["plan"]
