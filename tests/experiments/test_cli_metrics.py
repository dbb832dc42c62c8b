"""Metrics from the command line: readings, standard errors, what they cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unbraid.experiments import benchmarks_metrics


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 4, size=(300, 2))
    np.savez(tmp_path / "codes.npz", codes=factors * 3.0 + rng.normal(size=(300, 2)), factors=factors)
    return tmp_path / "codes.npz"


def test_protocol_and_standard_errors(cli: Any, npz: Path) -> None:
    names = "mig,sap,modularity,irs,beta_vae_2016,dci_lasso"
    how = ("evaluate", "--codes", npz, "--metrics", names, "--json")
    ours = json.loads(cli(*how, "--bootstrap", 3).out)
    assert list(ours) == names.split(",")
    assert all(0 <= numbers["std_error"]["score"] < 0.3 for name, numbers in ours.items() if name != "dci_lasso")
    assert {"disentanglement", "completeness", "informativeness"} <= set(ours["dci_lasso"]["std_error"])
    library = json.loads(cli(*how, "--protocol", "disentanglement_lib").out)
    assert library["mig"] == {name: value for name, value in ours["mig"].items() if name != "std_error"}
    assert library["sap"] != ours["sap"] and "std_error" not in library["sap"]


def test_wrong_readings_are_named(cli: Any, npz: Path) -> None:
    wrong = cli("evaluate", "--codes", npz, "--protocol", "disent")
    assert wrong.status == 2 and "disentanglement_lib" in wrong.err
    few = cli("evaluate", "--codes", npz, "--metrics", "mig", "--bootstrap", 1)
    assert few.status == 2 and "bootstrap must be 0" in few.err and few.err.count("\n") == 1


def test_a_metric_of_ones_own_may_give_arrays_and_tensors(
    cli: Any, npz: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    bodies = {
        "given": "{'a': codes.var(0).numpy(), 'b': codes.mean().numpy().astype('float32'), 'c': codes[0, 0] * float('nan')}",
        "single": "3.0",
        "broken": "{'a': codes.no_such}",
        "strange": "{'a': object()}",
    }
    for name, body in bodies.items():
        (tmp_path / f"{name}.py").write_text(f"def {name}(arrays, rng):\n    codes = arrays.codes\n    return {body}\n")
    how = ("evaluate", "--codes", npz, "--json", "--metrics")
    found = json.loads(cli(*how, "given:given").out)["given:given"]
    assert len(found["a"]) == 2 and isinstance(found["b"], float) and found["c"] is None
    for name, words in (
        ("single", "metric 'single:single' fails: TypeError: it must give a dict of numbers, not float"),
        ("broken", "no attribute 'no_such' (broken.py, line 3)"),
        ("strange", "it must give a dict of numbers, not of object"),
    ):
        done = cli(*how, f"{name}:{name}")
        assert done.status == 2 and words in done.err and done.err.count("\n") == 1, done.err


def test_what_says_nothing_of_codes_in_a_file_is_refused(cli: Any, npz: Path) -> None:
    for how in (("--points", 100), ("--device", "cpu"), ("--factors", "controllable")):
        done = cli("evaluate", "--codes", npz, "--metrics", "mig", *how)
        assert done.status == 2 and how[0] in done.err and done.err.count("\n") == 1


def test_which_factors_are_labels_can_be_said(cli: Any, npz: Path) -> None:
    how = ("evaluate", "--codes", npz, "--metrics", "probe", "--json")
    found = [json.loads(cli(*how, *said).out)["probe"]["linear_accuracy"] for said in ((), ("--discrete", "1"))]
    assert None not in found[0] and found[1] == [None, found[0][1]]
    wrong = cli(*how, "--discrete", "2")
    assert wrong.status == 2 and "few, all, none or columns from 0 to 1, not '2'" in wrong.err
    assert "is for --codes" in cli("evaluate", npz, "--discrete", "all").err
    np.savez(npz, codes=np.zeros((20, 2)), factors=3)
    scalar = cli(*how)
    assert scalar.status == 2 and "factors must" in scalar.err and scalar.err.count("\n") == 1


def test_values_that_are_held_out_altogether_are_warned_of(cli: Any, tmp_path: Path) -> None:
    factors = np.column_stack([np.repeat(np.arange(3), 20), np.tile(np.arange(3), 20)])
    np.savez(tmp_path / "ordered.npz", codes=factors, factors=factors)
    done = cli("evaluate", "--codes", tmp_path / "ordered.npz", "--metrics", "mig", "--json")
    assert done.status == 0 and json.loads(done.out)["mig"]["score"] > 0.99
    assert "warning: the last third of the rows" in done.err and "the factors 0 that" in done.err


def test_metrics_of_other_things_are_pointed_to(cli: Any, npz: Path) -> None:
    done = cli("evaluate", "--codes", npz, "--metrics", "mig,udr")
    assert done.status == 2 and "call unbraid.representation.other_metrics.udr" in done.err


def test_bench_metrics(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmarks_metrics, "TRAIN", 100)
    how = ("bench", "metrics", "--only", "mi", "--rounds", 1, "--scales", 1, 2)
    found = json.loads(cli(*how, "--json").out)
    assert {"mig", "mic"} <= set(found["cpu_seconds"]) and "sap" not in found["cpu_seconds"]
    assert all(seconds["1"] > 0 and seconds["2"] > 0 for seconds in found["cpu_seconds"].values())
    assert "CPU-s at 2x points" in cli(*how).out
    assert "dci" in benchmarks_metrics.chosen("dci") and "dci_exact" not in benchmarks_metrics.chosen("dci")
    assert benchmarks_metrics.chosen("dci_exact") == ["dci_exact"]
    for wrong, word in ((("--only", "mug"), "there are"), (("--scales", 0), "--scales must be")):
        refused = cli("bench", "metrics", *wrong)
        assert refused.status == 2 and word in refused.err
