"""Random streams: uniform, independent of the batch they are in, exact to restore."""

from __future__ import annotations

import pytest
import torch
from scipy import stats

from unbraid.envs import Streams


def test_a_row_depends_on_its_own_seed_and_draws_alone() -> None:
    batch = Streams([7, 8, 9])
    alone = Streams([8])
    assert torch.equal(batch.uniform(5)[1], alone.uniform(5)[0])
    middle = torch.tensor([1])
    part = batch.take(middle)
    assert torch.equal(part.integers(1000, 3), alone.integers(1000, 3))
    untouched = batch.take(torch.tensor([0])).uniform(4)
    batch.put(middle, part)
    assert torch.equal(batch.uniform(4)[[0]], untouched)
    assert torch.equal(batch.take(middle).counters, torch.tensor([12]))


def test_splitmix64_reference_values() -> None:
    """The generator of Steele, Lea & Flood started at state 0, whose first outputs are published."""
    stream = Streams([0])
    stream.keys = torch.zeros(1, dtype=torch.int64)
    first = [value % 2**64 for value in stream.bits(3)[0].tolist()]
    assert first == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]


@pytest.mark.parametrize("rows", [1, 1000])
def test_uniform_passes_kolmogorov_smirnov_along_and_across_streams(rows: int) -> None:
    values = Streams(range(rows)).uniform(20_000 // rows).flatten()
    assert values.min() >= 0 and values.max() < 1
    assert stats.kstest(values.numpy(), "uniform").pvalue > 0.001


def test_choice_takes_allowed_columns_equally_often() -> None:
    allowed = torch.tensor([True, False, True, True, False]).expand(30_000, -1)
    picked = torch.bincount(Streams(range(30_000)).choice(allowed), minlength=5)
    assert picked[[1, 4]].tolist() == [0, 0]
    assert stats.chisquare(picked[[0, 2, 3]].numpy()).pvalue > 0.001


def test_integers_stay_below_high_and_cover_it() -> None:
    values = Streams(range(1000)).integers(7, 10)
    assert values.unique().tolist() == list(range(7))


def test_restored_streams_go_on() -> None:
    streams = Streams([1, 2])
    streams.uniform(3)
    saved = streams.state_dict()
    expected = streams.uniform(4)
    fresh = Streams([0, 0])
    fresh.load_state_dict(saved)
    assert torch.equal(fresh.uniform(4), expected)
