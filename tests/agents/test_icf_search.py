"""Search among codes: lattices by hand, ways around walls that are foreseen and around others that are not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from unbraid.agents.icf.foresight import Foresight
from unbraid.agents.icf.search import OUTSIDE, Search, costs, from_start, lattice, to_goal, unfold, whole_moves
from unbraid.representation.networks import ImageShape

EFFECTS = torch.tensor([[-1.0, 0], [1, 0], [0, 2], [0, -2]])
WAYS = ((-1, 0), (1, 0), (0, -1), (0, 1))


class Told(Foresight):
    """It knows how far moves go, and of a 5x5 room that one can't leave it, nor stand on (2, 0) .. (2, 3)."""

    def __init__(self, walls: bool = True) -> None:
        super().__init__(ImageShape(64, 64, 3), 2, 4)
        self.walls = {(2, y) for y in range(4)} if walls else set()

    def moves(self, codes: Tensor) -> Tensor:
        return EFFECTS.expand(*codes.shape[:-1], 4, 2)

    def lets(self, seen: Tensor, codes: Tensor) -> Tensor:
        inside = {(x, y) for x in range(5) for y in range(5)} - self.walls
        flat = (codes / torch.tensor([1.0, -2.0])).round().flatten(0, -2).tolist()
        free = [[(x + dx, y + dy) in inside for dx, dy in WAYS] for x, y in flat]
        return torch.where(torch.tensor(free), 20.0, -20.0).view(*codes.shape[:-1], 4)


def at(*places: tuple[float, float]) -> Tensor:
    return torch.tensor(places) * torch.tensor([1.0, -2.0])


def test_moves_are_whole() -> None:
    assert whole_moves(EFFECTS * 1.03 + 0.02).tolist() == [[-1, 0], [1, 0], [0, 1], [0, -1]]


def test_a_lattice_by_hand() -> None:
    grid = lattice(whole_moves(EFFECTS), 1)
    assert grid is not None
    offsets = grid.offsets.tolist()
    assert offsets[0] == [0, 0] and sorted(offsets) == sorted([x, y] for x in (-1, 0, 1) for y in (-1, 0, 1))
    for offset, after in zip(offsets, grid.after.tolist(), strict=True):
        for (dx, dy), number in zip([(-1, 0), (1, 0), (0, 1), (0, -1)], after, strict=True):
            wanted = [offset[0] + dx, offset[1] + dy]
            assert (offsets[number] == wanted) if max(map(abs, wanted)) <= 1 else number == 9


def test_lattices_that_are_too_large_are_not_made() -> None:
    assert lattice(torch.eye(4, dtype=torch.int64), 4) is None


def test_codes_are_walked_to_and_others_are_infinitely_far() -> None:
    grid = lattice(torch.tensor([[1, 0], [0, 1]]), 1)
    assert grid is not None
    foresight = Foresight(ImageShape(64, 64, 3), 2, 2)
    foresight.moves = lambda codes: torch.eye(2).expand(*codes.shape[:-1], 2, 2)  # type: ignore[method-assign]
    codes = unfold(grid, foresight, torch.tensor([[5.0, 7.0]]))[0]
    reached = (grid.offsets >= 0).all(1)
    assert torch.equal(codes[reached], grid.offsets[reached] + torch.tensor([5.0, 7.0]))
    assert codes[~reached].isinf().all()
    price = costs(Told(), torch.zeros(1), codes[None], lattice(whole_moves(EFFECTS), 1) or grid)
    assert (price[0, ~reached] == OUTSIDE).all()


def test_ways_lead_around_walls() -> None:
    """From (1, 1) to (3, 1) there are 8 moves through the gap at (2, 4), 2 without the wall."""
    for walls, moves in ((True, 8), (False, 2)):
        search = Search(Told(walls), torch.zeros(1), at((1, 1)), at((3, 1)), EFFECTS)
        assert search.far[0, 0].item() == pytest.approx(moves, abs=1e-3)
        assert from_start(search.grid, search.price)[0, search.goal[0]].item() == pytest.approx(moves, abs=1e-3)


def test_what_turns_out_to_be_barred_is_not_tried_again() -> None:
    search = Search(Told(walls=False), torch.zeros(1), at((1, 1)), at((3, 1)), EFFECTS)
    assert search.choose(at((1, 1))).tolist() == [1]
    search.note(torch.tensor([1]), torch.tensor([False]))
    assert search.choose(at((1, 1))).item() in (2, 3)
    assert search.far[0, 0].item() == pytest.approx(4, abs=1e-3)


def test_the_goal_is_no_further_than_any_first_move_says() -> None:
    search = Search(Told(), torch.zeros(1), at((0, 0)), at((4, 4)), EFFECTS)
    far = to_goal(search.grid, search.price, search.goal)
    best = (search.price + far[:, search.grid.after]).amin(2)
    assert torch.allclose(far[:, :-1], torch.where(far[:, :-1] == 0, 0, best))
