"""The papers' tables: each works at its smallest, takes up where it stopped, and holds the paper's own numbers."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from unbraid.errors import InputError
from unbraid.experiments import tables
from unbraid.experiments.commands.table import _jobs
from unbraid.experiments.runs import WEIGHTS
from unbraid.experiments.tables import (
    capacity_beta_vae,
    controllable_factors,
    covariance_penalty,
    non_synergistic_vae,
    speed_run,
)
from unbraid.experiments.tables._digits import digits
from unbraid.experiments.tables._jobs import RESULT, Job, Scale, read, repeated
from unbraid.experiments.tables._penalised import XOR_INPUTS, LinearAutoencoders, XorNetworks
from unbraid.experiments.tables._results import Row, short
from unbraid.representation.training import Player

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*srun.*")
ALONE = ("--workers", "1")
OWN = '''"""A table of one's own.

It differs in everything.
"""
from pathlib import Path
from unbraid.experiments.tables import Job, Scale
from matplotlib.figure import Figure

SCALES = {"smoke": Scale("smoke", seeds=2, steps=1, points=1)}
NUMBERS = {"value": "what was found"}
PAPER = {("good", "value"): 3.0}

def jobs(scale):
    labels = ("bad", "good") if (HERE / "broken").exists() else ("good", "bad")
    return [Job(label, seed, {"steps": scale.steps}) for seed in range(scale.seeds) for label in labels]

def run(job, folder):
    with (HERE / "log").open("a") as log:
        log.write(f"{job.name}\\n")
    if job.label == "bad" and (HERE / "broken").exists():
        raise RuntimeError("no luck")
    return {"value": 4.0 + 2 * job.seed}

def figures(done):
    return {"empty": Figure()}
'''


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a user's table, whose jobs labelled bad fail while the file broken is there."""
    name = f"own_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(OWN.replace("HERE", f"Path({str(tmp_path)!r})"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken").touch()
    return tmp_path


def own_table(own: Path) -> str:
    return f"own_{own.name}:own_{own.name}"


@pytest.mark.parametrize("name", tables.names())
def test_every_table_works_at_its_smallest(name: str, cli: Any, tmp_path: Path) -> None:
    done = cli("table", name, "--scale", "smoke", "--out", tmp_path, "--json", *ALONE)
    assert done.status == 0, done.err
    found, made = json.loads(done.out), tables.table(name)
    labels = {job.label for job in made.jobs(made.scales["smoke"])}
    assert {row["label"] for row in found["rows"]} == labels and found["failed"] == []
    assert all(math.isfinite(row["mean"]) for row in found["rows"])
    assert {row["number"] for row in found["rows"]} <= set(made.numbers)
    assert found == json.loads((tmp_path / "table.json").read_text())
    page = (tmp_path / "table.md").read_text()
    assert page.startswith(f"# {made.title}\n") and "What differs" in page
    for picture in tmp_path.glob("*.png"):
        assert f"({picture.name})" in page
    assert list(tmp_path.glob("*.png"))


@pytest.mark.parametrize("name", tables.names())
def test_every_table_is_complete(name: str) -> None:
    made = tables.table(name)
    assert set(made.scales) == {"smoke", "cpu", "paper"}
    labels: set[str] = set()
    for size, scale in made.scales.items():
        jobs = made.jobs(scale)
        assert scale.name == size
        assert len({job.name for job in jobs}) == len(jobs)
        assert all(json.loads(json.dumps(job.settings)) == job.settings for job in jobs)
        labels |= {job.label for job in jobs}
    assert {label for label, _ in made.paper} <= labels
    assert {number for _, number in made.paper} <= set(made.numbers)


def test_the_papers_values_are_theirs() -> None:
    paper = {name: tables.table(name).paper for name in tables.names()}
    assert [paper["dip_vae"][label, "metric"] for label in ("VAE", "beta-VAE, beta 4")] == [81.3, 80.7]
    assert [paper["dip_vae"][label, "metric"] for label in ("beta-VAE, beta 60", "DIP-VAE")] == [95.7, 98.7]
    assert paper["dip_vae"]["DIP-VAE", "reconstruction"] == 0.0018
    assert [paper["grouped_vae"][label, "mig"] for label in ("Grouped-VAE", "beta 5")] == [0.023, 0.027]
    assert paper["grouped_vae"]["beta 1", "reconstruction"] == 34.8
    assert paper["factor_vae"]["FactorVAE, gamma 35", "reconstruction"] == 40
    assert [paper["covariance_penalty"]["XOR, L_Sigma", f"units {layer}"] for layer in (1, 2)] == [2, 1]


def test_a_failed_job_is_named_and_the_others_finish_and_are_not_done_again(own: Path, cli: Any) -> None:
    first = cli("table", own_table(own), "--scale", "smoke", *ALONE)
    assert first.status == 1
    assert "bad-seed-0 failed: RuntimeError: no luck" in first.err and "bad-seed-1 failed" in first.err
    assert "5 ± 1.41" in first.out and "+2" in first.out
    (own / "broken").unlink()
    second = cli("table", own_table(own), "--scale", "smoke", "--json", *ALONE)
    assert second.status == 0
    assert (own / "log").read_text().split() == [
        *("bad-seed-0", "good-seed-0", "bad-seed-1", "good-seed-1"),
        *("bad-seed-0", "bad-seed-1"),
    ]
    rows = {row["label"]: row for row in json.loads(second.out)["rows"]}
    assert rows["good"] == {
        **{"label": "good", "number": "value", "paper": 3.0, "mean": 5.0, "std": math.sqrt(2), "n": 2},
        "difference": 2.0,
    }
    assert rows["bad"]["paper"] is None and rows["bad"]["n"] == 2


def test_the_jobs_of_one_label_can_be_asked_for() -> None:
    """The label "maze" is in "unseen mazes" too."""
    table = tables.table("controllable_factors")
    scale = table.scales["smoke"]
    assert {job.label for job in _jobs(table, scale, "Maze")} == {"maze"}
    assert {job.label for job in _jobs(table, scale, "maz")} == {
        *("maze", "maze, continuous", "maze, inverse dynamics", "maze, DIAYN", "maze, DUSDi", "unseen mazes")
    }


def test_a_threshold_on_the_best_latent_by_hand() -> None:
    values = torch.tensor([0.0, 0, 0, 1, 1, 1])
    useless = torch.tensor([1.0, 1, 1, 1, 1, 1])
    good = torch.tensor([0.1, 0.2, 0.9, 0.3, 0.8, 1.0])  # above .25: all of one kind, one in three of the other
    assert controllable_factors.parted(torch.stack([useless, good], 1), values) == pytest.approx((1 + 2 / 3) / 2)
    assert controllable_factors.parted(torch.stack([useless, -good], 1), values) == pytest.approx((1 + 2 / 3) / 2)
    assert controllable_factors.parted(useless[:, None], values) == 0.5
    assert controllable_factors.parted(values[:, None], values) == 1


def test_a_failure_is_kept_in_the_page(own: Path, cli: Any) -> None:
    assert cli("table", own_table(own), "--scale", "smoke", "--only", "bad", "--seeds", 1, *ALONE).status == 1
    page = (own / "tables" / f"own_{own.name}-smoke" / "table.md").read_text()
    assert "- failed: bad-seed-0: RuntimeError: no luck" in page and "It differs in everything." in page


def test_several_workers_find_what_one_does(own: Path, cli: Any) -> None:
    asked = ("table", own_table(own), "--scale", "smoke", "--only", "good", "--json")
    found = [json.loads(cli(*asked, "--out", f"w{n}", "--workers", n).out)["rows"] for n in (1, 2)]
    assert found[0] == found[1]


def test_results_of_other_settings_are_not_taken(own: Path, cli: Any) -> None:
    asked = ("table", own_table(own), "--scale", "smoke", "--only", "good", *ALONE)
    assert cli(*asked).status == 0
    again = cli(*asked, "--steps", 2)
    assert again.status == 2 and "other settings" in again.err and "--out" in again.err


def test_a_damaged_result_is_named(tmp_path: Path) -> None:
    job = Job("a b", 0, {})
    (tmp_path / job.name).mkdir()
    (tmp_path / job.name / RESULT).write_text("{")
    with pytest.raises(InputError, match=r"a-b-seed-0/result\.json is damaged"):
        read(job, tmp_path)


def test_a_stopped_job_goes_on_from_its_checkpoint(cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ("table", "non_synergistic_vae", "--scale", "smoke", "--only", "syn", "--out", tmp_path, "--json", *ALONE)
    first = json.loads(cli(*asked).out)["rows"]
    folder = tmp_path / "non-synergistic-vae-seed-0"
    for name in (RESULT, WEIGHTS):
        (folder / name).unlink()

    def no_step(player: Any, loss: Any) -> None:
        raise AssertionError("it was trained already")

    monkeypatch.setattr(Player, "update", no_step)
    assert json.loads(cli(*asked).out)["rows"] == first


def test_steps_that_fit_into_a_time() -> None:
    assert speed_run.fitting(10, short=1.0, long=2.0) == 100
    assert speed_run.fitting(10, short=5.0, long=1.3) == 1000
    assert speed_run.fitting(0.01, short=1.0, long=2.0) == 1


def test_the_capacity_from_which_a_factor_is_let_through() -> None:
    at = np.arange(5.0)
    assert capacity_beta_vae.onset(at, np.array([0, 0.5, 0.1, 0.3, 1])) == 3
    assert capacity_beta_vae.onset(at, np.ones(5)) == 0
    assert capacity_beta_vae.onset(at, np.zeros(5)) is None


def test_mean_activations_by_hand() -> None:
    codes = torch.tensor([[1.0, 0.0], [3.0, 0.0], [5.0, 2.0]])
    factors = torch.tensor([[0, 1, 0, 0.0, 0.0], [1, 1, 0, 0.0, 0.0], [2, 1, 0, 1.0, 0.5]])
    maps = non_synergistic_vae.activations(codes, factors)
    assert maps.shape == (2, 16, 16)
    assert maps[0, 0, 0] == 2 and maps[0, 8, 15] == 5 and maps[1, 8, 15] == 2
    assert int(maps.isnan().sum()) == 2 * (16 * 16 - 2)


def test_linear_autoencoders_by_hand() -> None:
    learner = LinearAutoencoders((1, 2, 1), [0.0, 2.0], "covariance", torch.Generator().manual_seed(0))
    with torch.no_grad():
        learner.encoders.copy_(torch.tensor([1.0, 1.0])[:, None].expand(1, 2, 2, 1))
        learner.decoders.copy_(torch.tensor([[0.5, 0.5]]).expand(1, 2, 1, 2))
        terms = learner(torch.tensor([[[1.0, 1.0], [1.0, -1.0], [-2.0, 0.0]]]))
    # codes 2, 0, -2 of variance 4; reconstructions (1, 1), (0, 0), (-1, -1)
    error = (0 + 0 + 1 + 1 + 1 + 1) / 6
    assert float(terms["loss"]) == pytest.approx(2 * error + 2.0 * 4)


def test_xor_networks_by_hand() -> None:
    learner = XorNetworks(1, 0.5, torch.Generator().manual_seed(0))
    with torch.no_grad():
        for part in learner.parameters():
            part.zero_()
        terms = learner(XOR_INPUTS)
    assert float(terms["loss"]) == pytest.approx(math.log(2)) and float(terms["size"]) == 0


def test_projected_data_have_four_dimensions() -> None:
    x = covariance_penalty.projected(50, torch.Generator().manual_seed(0))
    assert x.shape == (10, 50, 10)
    assert torch.linalg.matrix_rank(x, rtol=1e-4).tolist() == [4] * 10


def test_digits_are_split_without_overlap() -> None:
    found = digits(100)
    assert len(found.images) == len(found.labels) == 80 and len(found.images_test) == len(found.labels_test) == 20
    again = digits(100)
    assert torch.equal(found.images, again.images) and torch.equal(found.labels_test, again.labels_test)
    one, other = (set(map(bytes, part.numpy())) for part in (found.images, found.images_test))
    assert not one & other


def test_tables_are_listed_and_unknown_ones_get_a_hint(cli: Any) -> None:
    listed = cli("table")
    assert listed.status == 0 and all(name in listed.out for name in tables.names())
    assert json.loads(cli("table", "--json").out) == {"tables": tables.names()}
    wrong = cli("table", "dip_vea")
    assert wrong.status == 2 and "did you mean dip_vae" in wrong.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--seeds", "0"), "--seeds must be at least 1, not 0"),
        (("--workers", "0"), "--workers must be at least 1, not 0"),
        (("--seconds", "3"), "--seconds isn't for dip_vae"),
        (("--only", "gamma"), "--only 'gamma': no label holds it; there are 'VAE'"),
    ],
)
def test_wrong_options_get_one_line(cli: Any, tmp_path: Path, args: tuple[str, ...], said: str) -> None:
    done = cli("table", "dip_vae", "--out", tmp_path / "out", *args)
    assert done.status == 2 and done.err.count("\n") == 1 and said in done.err
    assert not (tmp_path / "out").exists()


def test_a_table_that_lacks_a_part_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "half_a_table.py").write_text('"""Half."""\nNUMBERS = {}\nPAPER = {}\nSCALES = {}\n')
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match="lacks jobs, run, figures"):
        tables.table("half_a_table:half_a_table")


def test_rows_and_numbers_in_words() -> None:
    assert Row("a", "b", 2.0, 1.5, None, 1).texts() == ("a", "b", "2", "1.5", "1", "-0.5")
    assert Row("a", "b", None, 1.5, 0.25, 3).texts() == ("a", "b", "", "1.5 ± 0.25", "3", "")
    assert [short(value) for value in (0.00178, 48.06, 2711.4, 1e7)] == ["0.00178", "48.1", "2711", "1e+07"]


def test_a_job_for_each_seed_and_label() -> None:
    made = repeated(Scale("smoke", seeds=2, steps=1, points=1), {"VAE, beta 1": {"a": 1}, "b": {}})
    assert [job.name for job in made] == ["vae-beta-1-seed-0", "b-seed-0", "vae-beta-1-seed-1", "b-seed-1"]
