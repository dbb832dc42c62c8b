"""dSprites as a table: order, file, comparison."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unbraid.envs.sprites import Sprites, factor_grid, factors_at, index_of, overlap, read_dsprites
from unbraid.envs.sprites.dsprites import FILE

SIZES = (1, 3, 2, 2, 4, 5)


def contents() -> dict[str, Any]:
    """A small file in dSprites' format: its images are ours."""
    classes = np.indices(SIZES).reshape(6, -1).T
    grids = ([1.0], [1.0, 2, 3], [0.5, 1], [0, 2 * math.pi], np.arange(4) / 31, np.arange(5) / 31)
    values = np.stack([np.asarray(grid, dtype=np.float64)[k] for grid, k in zip(grids, classes.T, strict=True)], 1)
    world = Sprites()
    ours = world.observe(world.set_factors(torch.from_numpy(values[:, 1:]) - torch.tensor([1.0, 0, 0, 0, 0])))
    images = (ours[..., 0] > 0).numpy().astype(np.uint8)
    return {"imgs": images, "latents_values": values, "latents_classes": classes}


def save(path: Path, **changed: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, metadata=np.array({"author": "pickled"}, dtype=object), **{**contents(), **changed})
    return path


def test_the_grid_is_that_of_dsprites_y_fastest() -> None:
    grid = factor_grid()
    assert grid.shape == (737280, 5)
    assert grid[0].tolist() == [0, 0.5, 0, 0, 0]
    assert grid[1].tolist() == pytest.approx([0, 0.5, 0, 0, 1 / 31])
    assert grid[32].tolist() == pytest.approx([0, 0.5, 0, 1 / 31, 0])
    assert grid[1024].tolist() == pytest.approx([0, 0.5, 2 * math.pi / 39, 0, 0])
    assert grid[40960].tolist() == pytest.approx([0, 0.6, 0, 0, 0])
    assert grid[245760].tolist() == [1, 0.5, 0, 0, 0]
    assert grid[-1].tolist() == pytest.approx([2, 1, 2 * math.pi, 1, 1])
    assert torch.equal(index_of(grid), torch.arange(737280))


@given(index=st.integers(0, 737279))
def test_any_place_of_the_grid_is_a_state(index: int) -> None:
    world, factors = Sprites(), factors_at(torch.tensor([index]))
    assert torch.equal(world.get_factors(world.set_factors(factors)), factors)
    assert index_of(factors).item() == index


def test_places_outside_of_the_grid_are_refused() -> None:
    with pytest.raises(ValueError, match=r"index must be 0 .. 737279, not 737280"):
        factors_at(torch.tensor([0, 737280]))
    with pytest.raises(ValueError, match=r"'agent.scale' can't be 0.55: it takes 6 values from 0.5 to 1"):
        index_of(torch.tensor([[0, 0.55, 0, 0, 0]]))


def test_a_file_is_read_without_its_pickled_part(tmp_path: Path) -> None:
    data = read_dsprites(save(tmp_path / "some.npz"))
    expected = contents()
    assert np.array_equal(data.images, expected["imgs"]) and np.array_equal(data.classes, expected["latents_classes"])
    assert np.array_equal(data.values, expected["latents_values"])
    assert overlap(data, chunk=100).tolist() == [1.0] * 240


def test_a_file_is_found_below_the_folder_of_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNBRAID_DATA", str(tmp_path))
    save(tmp_path / FILE)
    assert len(read_dsprites().images) == 240


def test_overlap_is_intersection_over_union(tmp_path: Path) -> None:
    images = contents()["imgs"]
    images[0] = 0
    images[0, 11:22, 11:22] = 1  # ours is the same square, moved to the right and down by its half, to 11 .. 21
    images[1] = np.roll(images[0], (1, 4), (0, 1))
    found = overlap(read_dsprites(save(tmp_path / "some.npz", imgs=images)))
    assert found[0] == 1
    assert found[1] == pytest.approx(7 / 15)
    assert (found[2:] == 1).all()


def swapped() -> dict[str, Any]:
    made = contents()
    order = [0, 1, 2, 3, 5, 4]
    return {name: made[name][:, order] for name in ("latents_values", "latents_classes")}


@pytest.mark.parametrize(
    ("changed", "text"),
    [({"imgs": np.zeros((240, 32, 32), np.uint8)}, r"must be \(n, 64, 64\), \(n, 6\), \(n, 6\), not \[\(240, 32, 32\)"),
     ({"imgs": np.zeros((7, 64, 64), np.uint8)}, r"not \[\(7, 64, 64\), \(240, 6\)"),
     (swapped(), "must be a grid of color, shape, scale, orientation, posX, posY, the last varying fastest"),
     ({"latents_values": contents()["latents_values"][::-1]}, "latents_values must grow with latents_classes")],
)  # fmt: skip
def test_other_shapes_and_orders_are_refused(changed: dict[str, Any], text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=text):
        read_dsprites(save(tmp_path / "some.npz", **changed))


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("no archive")
    np.savez(tmp_path / "part.npz", imgs=np.zeros(3))
    np.save(tmp_path / "array.npy", np.zeros(3))
    for name in ("text.npz", "part.npz", "array.npy"):
        with pytest.raises(ValueError, match=f"{name} is no dSprites file: it must be an .npz with imgs"):
            read_dsprites(tmp_path / name)


def test_a_missing_file_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        ValueError, match=r"the dSprites file not found: there is no .*none\.npz; give its path, or set"
    ):
        read_dsprites(tmp_path / "none.npz")
    monkeypatch.delenv("UNBRAID_DATA", raising=False)
    with pytest.raises(ValueError, match="give its path, or set UNBRAID_DATA to the folder that holds dsprites/"):
        read_dsprites()
