"""Search among codes: lattices by hand, ways around walls that are foreseen and around others that are not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from unbraid.agents._foresight import Foresight, Look
from unbraid.agents.icf.search import OUTSIDE, Search, costs, from_start, lattice, to_goal, unfold, whole_moves
from unbraid.representation.networks import ImageShape

EFFECTS = torch.tensor([[-1.0, 0], [1, 0], [0, 2], [0, -2]])
WAYS = ((-1, 0), (1, 0), (0, -1), (0, 1))

NOTHING = Look(torch.zeros(0), torch.zeros(0), torch.zeros(0))


class Told(Foresight):
    """It knows how far moves go, and of a 5x5 room that one can't leave it, nor stand on (2, 0) .. (2, 3)."""

    def __init__(self, walls: bool = True) -> None:
        super().__init__(ImageShape(64, 64, 3), 2, 4)
        self.walls = {(2, y) for y in range(4)} if walls else set()

    def moves(self, codes: Tensor) -> Tensor:
        return EFFECTS.expand(*codes.shape[:-1], 4, 2)

    def lets(self, seen: Look, codes: Tensor) -> Tensor:
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
    price = costs(Told(), NOTHING, codes[None], lattice(whole_moves(EFFECTS), 1) or grid)
    assert (price[0, ~reached] == OUTSIDE).all()


def test_ways_lead_around_walls() -> None:
    """From (1, 1) to (3, 1) there are 8 moves through the gap at (2, 4), 2 without the wall."""
    for walls, moves in ((True, 8), (False, 2)):
        search = Search(Told(walls), NOTHING, at((1, 1)), at((3, 1)), EFFECTS)
        assert search.far[0, 0].item() == pytest.approx(moves, abs=1e-3)
        assert from_start(search.grid, search.price)[0, search.goal[0]].item() == pytest.approx(moves, abs=1e-3)


def test_what_turns_out_to_be_barred_is_not_tried_again() -> None:
    search = Search(Told(walls=False), NOTHING, at((1, 1)), at((3, 1)), EFFECTS)
    assert search.choose(at((1, 1))).tolist() == [1]
    search.note(torch.tensor([1]), torch.tensor([False]))
    assert search.choose(at((1, 1))).item() in (2, 3)
    assert search.far[0, 0].item() == pytest.approx(4, abs=1e-3)


def test_the_goal_is_no_further_than_any_first_move_says() -> None:
    search = Search(Told(), NOTHING, at((0, 0)), at((4, 4)), EFFECTS)
    far = to_goal(search.grid, search.price, search.goal)
    best = (search.price + far[:, search.grid.after]).amin(2)
    assert torch.allclose(far[:, :-1], torch.where(far[:, :-1] == 0, 0, best))


class Fixed(nn.Module):
    """The same answer to whatever it is given."""

    def __init__(self, answer: Tensor) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, x: Tensor) -> Tensor:
        return self.answer


def test_the_nearest_patch_is_asked_wherever_the_episodes_codes_lie() -> None:
    """The agent stands in the upper left corner and has the code (5, 5) there; patches are 3 apart."""
    foresight = Foresight(ImageShape(64, 64, 3), 2, 4)
    with torch.no_grad():
        foresight.code_of_row_and_column[5] = 3 * torch.eye(2)
        foresight.trust[5] = 1
    stands = torch.zeros(1, 8, 8, 8)
    stands[:, 5, 0, 0] = 100
    lets = torch.randn(1, 4, 8, 8)
    foresight.agent, foresight.picture = Fixed(stands), Fixed(lets)  # type: ignore[assignment]
    seen = foresight.look(torch.zeros(1, 3, 64, 64), torch.tensor([[5.0, 5.0]]))
    asked = foresight.lets(seen, torch.tensor([[[5.0, 5.0], [5.0, 8.0], [5.0, 8.2], [11.0, 5.0]]]))
    assert torch.allclose(
        asked[0], torch.stack([lets[0, :, y, x] for y, x in ((0, 0), (0, 1), (0, 1), (2, 0))]), atol=1e-3
    )
    assert torch.allclose(foresight.lets(seen, torch.tensor([[5.0, 8.0]])), lets[:, :, 0, 1], atol=1e-3)


def test_foresight_learns_what_bars_the_way_from_one_picture() -> None:
    """An agent at any of 16 places, and walls; codes are places, off by an episode's own offset."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    foresight = Foresight(ImageShape(32, 32, 3), 2, 4)
    optimiser = torch.optim.Adam(foresight.parameters(), 3e-3)

    def episodes(n: int) -> tuple[Tensor, ...]:
        walls = torch.rand(n, 6, 6, generator=generator) < 0.2
        walls[:, [0, -1]] = walls[:, :, [0, -1]] = True
        (stands, place), each = torch.randint(4, (2, n, 2), generator=generator), torch.arange(n)
        walls[each, stands[:, 0] + 1, stands[:, 1] + 1] = False
        action = torch.randint(4, (n,), generator=generator)
        way = torch.tensor([[-1, 0], [1, 0], [0, -1], [0, 1]])[action]
        into = place + way + 1
        change = way * ~walls[each, into[:, 0], into[:, 1]][:, None]
        tiles = torch.stack([walls[:, 1:-1, 1:-1].float(), torch.zeros(n, 4, 4), torch.zeros(n, 4, 4)], 1)
        tiles[each, 1, stands[:, 0], stands[:, 1]] = 1
        offset = 0.3 * torch.randn(n, 2, generator=generator)
        image = tiles.repeat_interleave(8, 2).repeat_interleave(8, 3)
        return image, stands - 1.5 + offset, place - 1.5 + offset, action, change.float()

    for _ in range(500):
        optimiser.zero_grad()
        torch.stack(list(foresight(*episodes(64)).values())).sum().backward()
        optimiser.step()
    image, code, before, action, change = episodes(1000)
    with torch.no_grad():
        logits = foresight.lets(foresight.look(image, code), before)[torch.arange(1000), action]
    assert ((logits > 0) == change.any(1)).float().mean() > 0.98


@pytest.mark.parametrize("far", [1e20, 1e30, 3e38])
def test_codes_far_from_all_patches_have_a_price(far: float) -> None:
    """As those that an untrained agent unfolds: without one the search for ways would never settle."""
    grid = lattice(whole_moves(EFFECTS), 1)
    assert grid is not None
    foresight = Foresight(ImageShape(64, 64, 3), 2, 4)
    with torch.no_grad():
        foresight.code_of_row_and_column.fill_(1.0)
        seen = foresight.look(torch.zeros(1, 3, 64, 64), torch.zeros(1, 2))
        price = costs(foresight, seen, torch.full((1, len(grid.offsets), 2), far), grid)
    assert price.isfinite().all() and (price >= 1).all()
