"""Squares, ellipses and triangles as a world."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from unbraid.envs import Streams
from unbraid.envs.sprites import SquareEllipseTriangle
from unbraid.envs.sprites import square_ellipse_triangle as shapes
from unbraid.envs.sprites.triangle import PROPERTIES, TriangleState

LAST_ANGLE = math.radians(177)


def test_factors_have_the_papers_numbers_of_values() -> None:
    sizes = {factor.name: factor.size for factor in SquareEllipseTriangle.factors}
    assert sizes == {"agent.shape": 3, "agent.scale": 6, "agent.rotation": 60, "agent.x": 16, "agent.y": 16}


def test_pictures_are_those_of_the_enumeration() -> None:
    world, grid = SquareEllipseTriangle(), shapes.factor_grid()
    ends = grid[np.isin(grid[:, 1:4], (0, 15, 5)).all(1)]  # edges of the places, smallest and largest
    sample = np.concatenate([grid[::397], ends[::7]])
    state = TriangleState(torch.from_numpy(sample[:, [0, 3, 4, 1, 2]]))
    expected = shapes.images(sample)
    assert np.array_equal(world.observe(state).numpy(), expected)
    assert np.array_equal(world.get_masks(state)[:, 0].numpy(), expected[..., 0] > 0)


def test_every_value_is_read_and_set_as_its_index() -> None:
    world = SquareEllipseTriangle()
    for k, held in enumerate(PROPERTIES):
        indices = torch.zeros((held.size, len(PROPERTIES)), dtype=torch.int64)
        indices[:, k] = torch.arange(held.size)
        values = world.get_factors(TriangleState(indices))
        assert torch.allclose(values[:, k], held.values, rtol=1e-6, atol=0)
        assert torch.equal(world.set_factors(values).indices, indices)


def test_an_upright_square_by_hand() -> None:
    world = SquareEllipseTriangle()
    image = world.observe(world.set_factors(torch.tensor([[0, 9.0, 0, 26, 29]])))[0, :, :, 0]
    expected = torch.zeros((64, 64), dtype=torch.uint8)
    expected[29 - 9 : 29 + 10, 26 - 9 : 26 + 10] = 255
    assert torch.equal(image, expected)


@pytest.mark.parametrize(
    ("action", "start", "end"),
    [("left", [0, 8, 0, 24, 30], [0, 8, 0, 24, 30]), ("right", [0, 8, 0, 24, 30], [0, 8, 0, 25, 30]),
     ("up", [0, 8, 0, 24, 30], [0, 8, 0, 24, 29]), ("down", [0, 8, 0, 24, 39], [0, 8, 0, 24, 39]),
     ("turn", [0, 8, 0, 24, 24], [0, 8, math.pi / 60, 24, 24]),
     ("turn", [2, 8, LAST_ANGLE, 24, 24], [2, 8, LAST_ANGLE, 24, 24]),
     ("turn back", [2, 8, LAST_ANGLE, 24, 24], [2, 8, 58 * math.pi / 60, 24, 24]),
     ("turn back", [0, 8, 0, 24, 24], [0, 8, 0, 24, 24]),
     ("grow", [1, 12, 0, 24, 24], [1, 13, 0, 24, 24]), ("grow", [1, 13, 0, 24, 24], [1, 13, 0, 24, 24]),
     ("shrink", [1, 9, 0, 24, 24], [1, 8, 0, 24, 24]),
     ("next shape", [1, 8, 0, 24, 24], [2, 8, 0, 24, 24]), ("next shape", [2, 8, 0, 24, 24], [0, 8, 0, 24, 24])],
)  # fmt: skip
def test_each_action_changes_one_factor(action: str, start: list[float], end: list[float]) -> None:
    world = SquareEllipseTriangle()
    taken = torch.tensor([world.action_names.index(action)])
    state, reward, done = world.step(world.set_factors(torch.tensor([start])), taken, Streams([0]))
    assert world.get_factors(state)[0].tolist() == pytest.approx(end)
    assert (reward.item(), done.item()) == (0, False)


def test_fresh_states_are_uniform_and_independent_and_keep_what_is_fixed() -> None:
    world, n = SquareEllipseTriangle(), 6000
    drawn = world.reset(n, Streams(range(n))).indices
    for k, held in enumerate(PROPERTIES):
        counts = torch.bincount(drawn[:, k], minlength=held.size).double()
        assert ((counts - n / held.size) ** 2 * held.size / n).sum() < held.size + 6 * math.sqrt(2 * held.size)
    assert (torch.corrcoef(drawn.double().T) - torch.eye(5)).abs().max() < 6 / math.sqrt(n)
    fixed = world.reset(n, Streams(range(n)), {"factors": {"agent.shape": 2, "agent.rotation": math.pi / 2}}).indices
    assert (fixed[:, 0] == 2).all() and (fixed[:, 2] == 30).all()
    assert torch.equal(fixed[:, [1, 3, 4]], drawn[:, [1, 3, 4]])


def test_values_between_those_of_the_grid_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'agent.scale' can't be 8.5: it takes 6 values from 8 to 13 px"):
        SquareEllipseTriangle().set_factors(torch.tensor([[0, 8.5, 0, 24, 24]]))
