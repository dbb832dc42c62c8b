"""unbraid bench train: what is paired with what."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest
import torch

from unbraid.experiments import benchmarks_train as bench

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*srun.*")


def test_every_step_of_the_loop_is_paired_with_a_bare_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "BATCH", 2)
    loop, bare = bench._fit(bench._images(64), 2)
    assert len(loop) == len(bare) == 2
    assert min(loop) > 0 and min(bare) > 0


def test_the_bare_loop_learns_and_begins_with_the_same_weights() -> None:
    bare, images = bench.Bare(0), bench._images(64)
    model = bench.vae.VAE(
        bench.SHAPE, bench.vae.Config(latents=10, network="factor_vae"), torch.Generator().manual_seed(0)
    )
    for one, other in zip(bare.encoder.parameters(), model.encoder.parameters(), strict=True):
        assert torch.equal(one, other)
    before = model.encoder(bench.to_floats(images))
    bare.step(images)
    assert not torch.equal(bare.encoder(bench.to_floats(images)), before)


def test_overheads_are_the_totals_and_the_median_of_steps() -> None:
    found = bench._compare([1.1, 2.2, 3.0], [1.0, 2.0, 2.0])
    assert found["overhead"] == pytest.approx(6.3 / 5 - 1)
    assert found["median_overhead"] == pytest.approx(0.1)
    assert found["images_per_s"] == pytest.approx(64 / 2.1)


def test_drawing_is_timed_from_worlds_and_from_a_mapped_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "WORLDS", ("Sprites",))
    monkeypatch.setattr(bench, "DRAWS", 2)
    found = dict(bench._drawing(bench._images(64)))
    assert list(found) == ["Sprites, walk", "Sprites, fresh", "mapped file"]
    assert all(0 < seconds < 1 for seconds in found.values())
    assert bench._bare_step("conv", bench._images(64)) > 0


def test_a_missing_peer_is_named(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    done = cli("bench", "train")
    assert done.status == 2 and "needs pythae to stand beside: pip install 'unbraid[bench]'" in done.err
    assert cli("bench", "train", "--steps", "0").status == 2
