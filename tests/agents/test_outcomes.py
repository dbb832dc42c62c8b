"""What policies do to a world: numbers by hand on worlds of a few states."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from unbraid.agents._outcomes import agreement, axes_deg, diagonal_mass, information, modes, shares, summary

MOVES = torch.tensor([[-1.0, 0], [1, 0], [0, -1], [0, 1], [0, -1], [-1, 1]])  # left right up down up down+left
FREE = MOVES.expand(3, -1, -1)


def sure(*actions: int, n: int = 3) -> Tensor:
    """Policies that each always take one action."""
    return torch.eye(6)[list(actions)].expand(n, -1, -1)


def test_four_policies_for_four_effects_have_all_the_information_they_can() -> None:
    found = information(sure(0, 1, 2, 3), FREE)
    assert found.found == pytest.approx(math.log(4)) and found.ceiling == pytest.approx(math.log(4))


def test_actions_that_do_the_same_are_one_outcome() -> None:
    assert information(sure(2, 4), FREE).found == pytest.approx(0)
    assert information(sure(0, 1, 2, 3, 4, 5), FREE).ceiling == pytest.approx(math.log(5))


def test_information_of_policies_with_chance_by_hand() -> None:
    probabilities = torch.tensor([[[0.75, 0.25], [0.25, 0.75]]])
    effects = torch.tensor([[[1.0], [-1.0]]])
    expected = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert information(probabilities, effects).found == pytest.approx(expected)


def test_where_nothing_can_be_done_there_is_nothing_to_know() -> None:
    stuck = torch.zeros(2, 6, 2)
    assert information(sure(0, 1, n=2), stuck) == (0, 0)
    half = torch.cat([FREE[:1], stuck[:1]])
    assert information(sure(0, 1, n=2), half).found == pytest.approx(math.log(2) / 2)


def test_the_end_of_an_episode_is_an_outcome() -> None:
    ending = FREE.clone()
    ending[:, 0] = math.nan
    assert information(sure(0, 1), ending).found == pytest.approx(math.log(2))
    ending[:, 1] = math.nan
    assert information(sure(0, 1), ending).found == pytest.approx(0)


def test_shares_by_hand_count_each_factor_in_its_own_steps() -> None:
    effects = FREE * torch.tensor([1.0, 10.0])
    matrix = shares(sure(1, 3, 5), effects)
    assert torch.allclose(matrix, torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0.5, 0.5, 0]]))
    assert diagonal_mass(matrix) == pytest.approx((1 + 1 + 0.5) / 3)


def test_the_diagonal_is_one_to_one() -> None:
    assert diagonal_mass(shares(sure(0, 1, 2, 3), FREE)) == pytest.approx(1)
    assert diagonal_mass(shares(sure(2, 4), FREE)) == pytest.approx(0.5)
    assert diagonal_mass(shares(sure(0, 1), torch.zeros(3, 6, 2))) == 0
    assert diagonal_mass(shares(torch.full((3, 4, 6), 1 / 6), FREE)) < 0.5


def test_modes_by_hand() -> None:
    found = modes(sure(0, 1, 4), FREE)
    assert found is not None
    assert len(found.effects) == 5 and int(found.primitive.sum()) == 4
    wanted = {(-1.0, 0.0), (1.0, 0.0), (0.0, -1.0)}
    assert {tuple(row) for row in found.effects[found.found].round().tolist()} == wanted


def test_a_mode_counts_where_it_is_possible() -> None:
    """Against a wall a policy can do nothing, which does not speak against it; doing something else does."""
    walled = FREE.clone()
    walled[1:, 0] = 0
    assert summary(sure(0), walled, walled)["modes_found"] == 1
    fickle = sure(0).clone()
    fickle[1:, 0] = torch.eye(6)[1]
    assert summary(fickle, FREE, FREE)["modes_found"] == 1  # right, in two states of three


def test_agreement_of_a_turned_code_is_perfect_and_of_noise_is_not() -> None:
    turn = torch.tensor([[0.6, -0.8], [0.8, 0.6]])
    assert agreement(FREE @ turn, FREE) == pytest.approx(1)
    noise = torch.randn(200, 6, 2, generator=torch.Generator().manual_seed(0))
    assert agreement(noise, MOVES.expand(200, -1, -1)) < 0.1


def test_a_continuum_of_effects_has_no_agreement_and_no_modes() -> None:
    effects = torch.randn(30, 6, 2, generator=torch.Generator().manual_seed(0))
    assert agreement(effects, effects) is None and modes(torch.full((30, 4, 6), 1 / 6), effects) is None
    found = summary(torch.full((30, 4, 6), 1 / 6), effects, effects)
    assert found["modes"] is found["primitive_modes_found"] is found["agreement"] is None


def test_axes_of_a_turned_and_of_a_sheared_code() -> None:
    factors = torch.cartesian_prod(torch.arange(4.0), torch.arange(5.0))
    turned = factors @ torch.tensor([[0.6, -0.8], [0.8, 0.6]]) + 3
    assert axes_deg(turned, factors)[0][1] == pytest.approx(90, abs=1e-3)
    sheared = factors @ torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    assert axes_deg(sheared, factors)[0][1] == pytest.approx(45, abs=1e-3)


def test_the_summary_of_perfect_policies() -> None:
    found = summary(sure(0, 1, 2, 3), FREE, FREE)
    assert (found["modes"], found["modes_found"]) == (5, 4)
    assert (found["primitive_modes"], found["primitive_modes_found"]) == (4, 4)
    assert found["information_ratio"] == pytest.approx(1) and found["agreement"] == pytest.approx(1)
