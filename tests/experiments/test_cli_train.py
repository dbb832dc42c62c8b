"""unbraid train: every objective, ensembles, stored images, a user's own objective, precision."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from unbraid.experiments import work
from unbraid.experiments.runs import MEMBERS, WEIGHTS, open_run
from unbraid.representation.objectives import names
from unbraid.representation.storage import load_tensors
from unbraid.representation.training import CHECKPOINT, SCALARS

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*srun.*")
SPRITES = ("--env", "unbraid.envs:unbraid/Sprites-v0", "--draw", "fresh")
TINY = ("--steps", "3", "--batch-size", "4", "--latents", "3", "--device", "cpu")


def refused(done: Any, *words: str) -> None:
    assert done.status == 2 and done.err.count("\n") == 1, done.err
    for word in words:
        assert word in done.err


@pytest.mark.parametrize("name", names())
def test_every_objective_trains_from_the_command_line(cli: Any, tmp_path: Path, name: str) -> None:
    small = ("--units", "8") if name == "factor_vae" else ()
    draw = ("--draw", "pairs") if name == "ada_gvae" else ()
    done = cli("train", "vae", "--objective", name, *SPRITES, *draw, *TINY, *small, "--out", str(tmp_path / "run"))
    assert done.status == 0, done.err
    run = open_run(tmp_path / "run")
    assert run.to_dict()["config"]["objective"]["name"] == name
    assert run.load().encode(run.source(2).reset(seed=0)[0]).shape == (2, 3)


@pytest.mark.parametrize(
    ("how", "folders"), [(("--ensemble", "2"), ["seed-0", "seed-1"]), (("--vary", "beta=1,8"), ["beta-1", "beta-8"])]
)
def test_ensembles_leave_a_run_a_member(cli: Any, tmp_path: Path, how: tuple[str, str], folders: list[str]) -> None:
    asked = ("train", "vae", *SPRITES, *TINY, *how, "--out", str(tmp_path / "all"))
    done = cli(*asked, "--json")
    assert done.status == 0, done.err
    members = json.loads(done.out)["members"]
    assert [Path(member["out"]).name for member in members] == folders
    weights = [load_tensors(tmp_path / "all" / name / WEIGHTS) for name in folders]
    assert any((weights[0][name] != weights[1][name]).any() for name in weights[0])
    assert cli("evaluate", str(tmp_path / "all" / folders[1]), "--metrics", "mig", "--points", "60").status == 0
    refused(cli(*asked), "exists; go on with --resume, replace it with --overwrite")
    assert cli(*asked, "--resume").status == 0
    assert cli(*asked, "--overwrite").status == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--ensemble", "0"), ("--ensemble must be at least 1, not 0",)),
        (("--ensemble", "2", "--vary", "beta=1,2"), ("give one of them",)),
        (("--vary", "gamma=1,2"), ("NAME=V1,V2,... of a coefficient; here beta",)),
        (("--vary", "beta=1,x"), ("'1,x' is not a list of numbers",)),
        (("--objective", "ada_gvae", "--draw", "fresh"), ("learns from pairs", "draw must be pairs or walk")),
        (("--likelihood", "gaussian", "--sigma", "0"), ("sigma must be above 0",)),
        (("--corruption", "1.5"), ("corruption must be from 0 to 1, not 1.5",)),
        (("--objective", "covariance", "--layer", "encoder.99"), ("layer 'encoder.99' isn't there", "encoder.0")),
        (("--network", "burgess", "--env", "unbraid.envs:unbraid/Planar-v0"), ("multiples of 16", "40x40")),
        (("--images", "nowhere.npy"), ("there is no such file",)),
    ],
)
def test_wrong_options_are_named_and_leave_nothing(
    cli: Any, tmp_path: Path, options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    refused(cli("train", "vae", *options, "--out", str(tmp_path / "run")), *words)
    assert not (tmp_path / "run").exists()


def test_images_from_a_file(cli: Any, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(256, size=(20, 16, 16, 3), dtype=np.uint8)
    np.save(tmp_path / "images.npy", images)
    run, file = str(tmp_path / "run"), str(tmp_path / "images.npy")
    assert cli("train", "vae", "--images", file, *TINY, "--likelihood", "categorical", "--out", run).status == 0
    assert open_run(tmp_path / "run").load().encode(open_run(tmp_path / "run").source(3).draw().image).shape == (3, 3)
    for command in (("evaluate", run), ("report", run)):
        refused(cli(*command), "images without known factors", "--codes FILE.npz")
    refused(cli("train", "icf", "--images", file, "--out", str(tmp_path / "icf")), "needs --env and not --images")
    pairs = ("--objective", "ada_gvae", *TINY, "--images", file, "--out", str(tmp_path / "pairs"))
    refused(cli("train", "vae", *pairs), "which stored images don't make")


def test_a_users_own_objective_is_named_by_its_file(cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "shrink.py").write_text(
        "from dataclasses import dataclass\n\n@dataclass(frozen=True)\nclass Config:\n    weight: float = 1.0\n\n"
        "def loss_terms(config, model, batch):\n    mu, _ = model.posterior(batch.seen)\n"
        "    distortion = model.distortion(batch.x, model.decoder(mu))\n"
        "    return {'loss': distortion + config.weight * mu.square().mean()}\n"
    )
    own = ("--objective", "folder:shrink", "--weight", "3", *SPRITES, *TINY, "--out", "run")
    assert cli("train", "vae", *own).status == 0
    assert open_run(Path("run")).config.objective.weight == 3
    refused(cli("train", "vae", "--objective", "folder:none", *TINY), "objective 'folder:none' can't be imported")


OWN = """
from dataclasses import dataclass
from torch import nn

@dataclass(frozen=True)
class Config:
    layer: int = 2

def loss_terms(config, model, batch):
    mu, _ = model.posterior(batch.seen)
    return {"loss": model.distortion(batch.x, model.decoder(mu)) + model.extra(mu).mean(), "size": mu.square().MEAN}

def extra(config, latents):
    return started(nn.Linear(latents, 1))

def encoder(shape, outputs):
    return nn.Sequential(nn.Flatten(), started(nn.Linear(shape.size, outputs)))

def decoder(latents, shape):
    return nn.Sequential(nn.Linear(latents, shape.size), nn.Unflatten(1, (shape.channels, shape.height, shape.width)))

def started(layer):
    nn.init.zeros_(layer.weight)
    nn.init.constant_(layer.bias, -2)
    return layer
"""


def test_a_users_own_weights_are_kept_as_they_are_made(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "kept.py").write_text(OWN.replace("MEAN", "mean()"))
    own = ("--objective", "kept:kept", "--network", "kept:kept", *SPRITES, *TINY)
    assert cli("train", "vae", *own, "--out", tmp_path / "run").status == 0
    one, other = (work.prepare(open_run(tmp_path / "run")).learner for _ in range(2))
    for layer in (one.encoder[1], one.extra):
        assert not layer.weight.any() and (layer.bias == -2).all()
    assert torch.equal(one.decoder[0].weight, other.decoder[0].weight) and one.decoder[0].weight.any()


def test_terms_that_are_no_numbers_are_refused(cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "rows.py").write_text(OWN.replace("MEAN", "mean(1)"))
    own = ("--objective", "rows:rows", *SPRITES, *TINY, "--out", tmp_path / "run")
    refused(cli("train", "vae", *own), "fails on its first batch: its size has shape (4,)", "must be one finite number")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("objective", ["beta", "factor_vae", "mutual_information", "grouped_vae"])
def test_bfloat16_changes_the_loss_by_rounding_alone(cli: Any, tmp_path: Path, objective: str) -> None:
    from unbraid.experiments.figures import read_scalars

    losses = []
    asked = ("--objective", objective, *(("--units", "8") if objective == "factor_vae" else ()))
    for precision in ("32", "bf16"):
        run = ("--precision", precision, "--out", str(tmp_path / precision))
        assert cli("train", "vae", *SPRITES, *asked, "--steps", "20", "--batch-size", "8", *run).status == 0
        losses.append(read_scalars(tmp_path / precision / SCALARS)["loss"][1])
        assert all(part.dtype == torch.float32 for part in load_tensors(tmp_path / precision / WEIGHTS).values())
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)


def test_another_ensemble_does_not_take_up_the_first_ones_checkpoint(cli: Any, tmp_path: Path) -> None:
    asked = ("train", "vae", *SPRITES, *TINY, "--out", str(tmp_path / "all"))
    assert cli(*asked, "--vary", "beta=1,4").status == 0
    for how in (("--vary", "beta=50,200"), ("--ensemble", "2", "--resume")):
        refused(cli(*asked, *how), "holds the ensemble beta-1, beta-4; choose another --out, or --overwrite it")
    assert cli(*asked, "--vary", "beta=50,200", "--overwrite").status == 0
    alone = ("train", "vae", *SPRITES, *TINY, "--beta", "200", "--out", str(tmp_path / "alone"))
    assert cli(*alone).status == 0
    weights = [load_tensors(tmp_path / name / WEIGHTS) for name in ("all/beta-200", "alone")]
    assert max(float((weights[0][name] - weights[1][name]).abs().max()) for name in weights[0]) < 2e-3
    refused(cli("evaluate", str(tmp_path / "all")), "is an ensemble: name one of its runs", "beta-50")


def test_a_folder_of_something_else_is_left_as_it_is_unless_it_is_to_be_replaced(cli: Any, tmp_path: Path) -> None:
    run = tmp_path / "run"
    alone = ("train", "vae", *SPRITES, *TINY, "--out", run)
    assert cli(*alone).status == 0
    before = sorted(run.rglob("*"))
    for flags in ((), ("--resume",)):
        refused(cli(*alone, "--ensemble", "2", *flags), "holds a run, and no ensemble; choose another --out")
    assert sorted(run.rglob("*")) == before
    assert cli(*alone, "--ensemble", "2", "--overwrite").status == 0
    assert {path.name for path in run.iterdir()} == {MEMBERS, CHECKPOINT, SCALARS, "seed-0", "seed-1"}
    (run / "notes.txt").write_text("mine")
    refused(cli(*alone), "holds the ensemble seed-0, seed-1; choose another --out")
    assert cli(*alone, "--overwrite").status == 0
    assert {path.name for path in run.iterdir()} == {path.name for path in before if path.parent == run} | {"notes.txt"}


@pytest.mark.parametrize("text", ["", "3", "- ../other", ": :"])
def test_a_damaged_list_of_an_ensemble_is_named(cli: Any, tmp_path: Path, text: str) -> None:
    (tmp_path / MEMBERS).write_text(text)
    refused(cli("evaluate", tmp_path), f"{MEMBERS} is damaged: it isn't a list of folders")
    refused(cli("train", "vae", *SPRITES, *TINY, "--out", tmp_path, "--overwrite"), f"{MEMBERS} is damaged")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (("--objective", "factor_vae", "--units", "8", "--vary", "discriminator_rate=1e-5,1e-2"), "share a program"),
        (("--ensemble", "2", "--precision", "bf16"), "train in --precision 32"),
        (("--vary", "beta=4,4"), "a value is given twice"),
        (("--vary", "beta=4,4.0000000000001"), "a value is given twice"),
        (("--objective", "capacity", "--start", "30"), "start must be at most capacity, 25, not 30"),
        (("--learning-rate", "inf"), "learning_rate must be above 0, and finite, not inf"),
        (("--vary", "beta=1,-2"), "beta must be at least 0, not -2"),
        (("--objective", "grouped_vae", "--groups", "20"), "groups must be at most the number of latents, 3, not 20"),
        (("--objective", "covariance", "--batch-size", "1"), "objective 'covariance' with network 'conv' fails on its"),
        (("--images", "x.npy"), "give one of --images and --env"),
        (("--objective", "own:broken"), "SyntaxError"),
        (("--objective", "own:silent"), "has no term 'loss' among other"),
        (("--objective", "own:wrong"), "no attribute 'postrior' (wrong.py, line 6)"),
        (("--objective", "own:many"), "its loss has shape (4, 3), and must be one finite number"),
        (("--objective", "own:stuck"), "its loss has no gradient"),
        (("--objective", "own:plain"), "its size is of type int, and must be a tensor"),
        (("--objective", "own:half"), "has second_turn but no second_terms"),
        (("--objective", "own:taken"), "calls a coefficient steps, which is an option of train already"),
    ],
)
def test_what_would_fail_is_said_before_anything_is_written(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: tuple[str, ...], words: str
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own").mkdir()
    config = "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Config:\n    FIELD: float = 1.0\n"
    body = "def loss_terms(config, model, batch):\n    return {'NAME': model.posterior(batch.seen)[0]}\n"
    files = {
        "broken": "def loss_terms(:",
        "silent": config.replace("FIELD", "weight") + body.replace("NAME", "other"),
        "wrong": config.replace("FIELD", "weight") + body.replace("posterior", "postrior"),
        "many": config.replace("FIELD", "weight") + body.replace("NAME", "loss"),
        "stuck": config.replace("FIELD", "weight")
        + body.replace("NAME", "loss").replace("seen)[0]", "x)[0].detach().sum()"),
        "plain": config.replace("FIELD", "weight") + body.replace("{'NAME'", "{'size': 3, 'loss'"),
        "half": config.replace("FIELD", "weight") + body + "def second_turn(config, model): ...\n",
        "taken": config.replace("FIELD", "steps") + body.replace("NAME", "loss"),
    }
    for name, text in files.items():
        (tmp_path / "own" / f"{name}.py").write_text(text)
    for name in [name for name in sys.modules if name.partition(".")[0] == "own"]:
        monkeypatch.delitem(sys.modules, name)
    refused(cli("train", "vae", *SPRITES, *TINY, *how, "--out", str(tmp_path / "run")), words)
    assert not (tmp_path / "run").exists()
