"""Scores of interventions: on rows, on a sampler made by hand, and on a world."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from unbraid.errors import InputError
from unbraid.representation.interventions import WorldSampler
from unbraid.representation.metrics import Arrays, beta_vae, beta_vae_2016, evaluate, factor_vae
from unbraid.representation.metrics._groups import Rows, all_but, only

SIZES = (4, 5, 3)
GRID = np.stack(np.meshgrid(*(np.arange(size) for size in SIZES), indexing="ij"), -1).reshape(-1, 3).repeat(10, 0)
ORDER = np.random.default_rng(0).permutation(len(GRID))
FACTORS = GRID[ORDER].astype(float)
STANDARD = (FACTORS - FACTORS.mean(0)) / FACTORS.std(0)
TURN = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
NAMES = ("factor_vae", "beta_vae", "beta_vae_2016")


class Uniform:
    """A sampler whose observations are its factors."""

    factors = 3

    def draw(self, held: Sequence[bool], groups: int, size: int, rng: np.random.Generator) -> tuple[Any, Any]:
        each = [rng.integers(n, size=(groups, 1 if same else size)) for n, same in zip(SIZES, held, strict=True)]
        values = np.stack([np.broadcast_to(part, (groups, size)).ravel() for part in each], 1)
        return values, values


def score(name: str, codes: np.ndarray, **how: Any) -> float:
    return float(evaluate([name], codes, FACTORS, **how)[name]["score"])


@pytest.mark.parametrize("name", NAMES)
def test_extreme_codes_of_rows(name: str) -> None:
    noise = np.random.default_rng(3).normal(size=STANDARD.shape)
    assert score(name, STANDARD) > 0.999
    assert score(name, np.repeat(STANDARD, 2, axis=1)) > 0.999
    assert score(name, np.ones_like(STANDARD)) < 0.5
    assert score(name, noise) < 0.6
    assert score(name, STANDARD[:, [2, 0, 1]] * -3) > 0.999
    noisy = [score(name, STANDARD + level * noise) for level in (0, 0.7, 3)]
    assert noisy == sorted(noisy, reverse=True) and noisy[-1] < 0.8


@pytest.mark.parametrize("name", ["factor_vae", "beta_vae"])
def test_the_protocol_draws_from_all_rows(name: str) -> None:
    codes = STANDARD + np.random.default_rng(1).normal(size=STANDARD.shape)
    ours, library = score(name, codes), score(name, codes, protocol="disentanglement_lib")
    assert ours != library and ours == pytest.approx(library, abs=0.1)


@pytest.mark.parametrize("name", NAMES)
def test_seeds_decide_draws(name: str) -> None:
    codes = STANDARD + np.random.default_rng(1).normal(size=STANDARD.shape)
    first, again, other = (evaluate([name], codes, FACTORS, seed=seed)[name] for seed in (1, 1, 2))
    assert first == again != other


def test_groups_of_rows_share_what_is_held_and_nothing_is_drawn_from_the_lonely() -> None:
    labels = torch.tensor([[0, 0], [0, 1], [1, 0], [2, 1], [2, 1]])
    rows = Rows(torch.arange(5.0).double()[:, None], labels)
    drawn = rows.draw(only(0, 2), 50, 4, np.random.default_rng(0))
    assert drawn.codes.shape == (50, 4, 1) and drawn.factors.shape == (50, 4, 2)
    assert set(drawn.codes.flatten().tolist()) == {0, 1}  # row 2 is alone, rows 3 and 4 are equal
    assert rows.able(all_but(0, 2)) and not Rows(rows.codes[3:], labels[3:]).able(only(0, 2))
    free = rows.draw((False, False), 200, 1, np.random.default_rng(0))
    assert set(free.codes.flatten().tolist()) == {0, 1, 2, 3, 4}


def test_rows_without_pairs_are_refused_where_pairs_are_needed() -> None:
    apart = np.tile(np.arange(6.0), 3)[:, None].repeat(2, 1)
    with pytest.raises(InputError, match=r"rows that differ in one factor alone.*intervene"):
        evaluate(["beta_vae_2016"], apart, apart)
    alone = evaluate(["factor_vae", "beta_vae"], apart, apart)
    assert alone["factor_vae"]["score"] is alone["beta_vae"]["score"] is None


def test_a_sampler_gives_the_same_as_the_rows_it_could_have_drawn() -> None:
    def encode(seen: Any) -> Any:
        return torch.as_tensor((seen - FACTORS.mean(0)) / FACTORS.std(0) @ TURN[:, :1])

    rows = evaluate(["factor_vae", "beta_vae"], STANDARD @ TURN[:, :1], FACTORS, protocol="disentanglement_lib")
    assert all(found["score"] < 0.95 for found in rows.values())
    for module, name in ((factor_vae, "factor_vae"), (beta_vae, "beta_vae")):
        found = module.from_sampler(encode, Uniform(), np.random.default_rng(0), 3000, 1500)
        assert found["score"] == pytest.approx(rows[name]["score"], abs=0.04)
    changed = beta_vae_2016.from_sampler(lambda seen: seen, Uniform(), np.random.default_rng(0), 300, 300)
    assert changed["score"] == 1 and changed["factors"] == [0, 1, 2]


def test_differences_are_divided_by_their_maximum() -> None:
    arrays = Arrays.of(STANDARD * 1e-3, FACTORS)
    found = beta_vae_2016.beta_vae_2016(arrays, np.random.default_rng(0))
    assert found["score"] == 1 and 1 / 3 <= found["chance"] < 0.5


def test_an_encoder_must_give_a_code_for_each_observation() -> None:
    with pytest.raises(InputError, match=r"encode must give codes \(\d+, D\), not \(3,\)"):
        factor_vae.from_sampler(lambda seen: torch.zeros(3), Uniform(), np.random.default_rng(0))
    for module in (factor_vae, beta_vae, beta_vae_2016):
        with pytest.raises(InputError, match="encode gave codes that are not finite"):
            module.from_sampler(lambda seen: torch.full((len(seen), 2), torch.nan), Uniform(), np.random.default_rng(0))


def test_a_world_is_intervened_on() -> None:
    sampler = WorldSampler("unbraid/Sprites-v0")
    assert sampler.names == ("agent.shape", "agent.scale", "agent.orientation", "agent.x", "agent.y")
    images, values = sampler.draw([False, False, False, True, False], 90, 4, np.random.default_rng(0))
    assert images.shape == (360, 64, 64, 1) and values.shape == (360, 5)
    grouped = values.view(90, 4, 5)
    spread = (grouped.amax(1) - grouped.amin(1)).amax(0)
    assert spread[3] == 0 and (spread[[0, 1, 2, 4]] > 0).all()
    assert len(torch.unique(values[:, 3])) > 20
    sampler.env.set_factors(values[[300] * sampler.env.num_envs])
    assert torch.equal(sampler.env.observe()[0], images[300])

    def centre(seen: torch.Tensor) -> torch.Tensor:
        """Where the sprite is, in units of its spread."""
        mass = (seen[..., 0] > 0).double()
        places = torch.arange(64.0).double()
        total = mass.sum((1, 2))
        return torch.stack([(mass.sum(1) @ places) / total, (mass.sum(2) @ places) / total], 1) / 16

    found = factor_vae.from_sampler(centre, sampler, np.random.default_rng(0), 60, 60, 8)
    assert found["active"] == 2 and 0.3 < found["score"] < 0.8  # two of five factors are coded
    told = beta_vae_2016.from_sampler(centre, sampler, np.random.default_rng(0), 200, 200)
    assert told["score"] > 0.4


def test_a_world_without_choices_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Still:
        factors = ()

        def reset(self, seed: int) -> None:
            pass

    monkeypatch.setattr("unbraid.representation.interventions.make_factored", lambda *given, **more: Still())
    with pytest.raises(InputError, match="env 'Still-v0' has no factor with two values"):
        WorldSampler("Still-v0")
