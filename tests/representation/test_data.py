"""Where batches come from: fresh states, pairs, stored images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from unbraid.envs import make_factored
from unbraid.errors import InputError
from unbraid.representation.data import DRAWN, FreshPairs, FreshStates, RandomWalk, StoredImages
from unbraid.representation.networks import ImageShape


def sprites(n: int = 8) -> Any:
    return make_factored("unbraid/Sprites-v0", n)


@pytest.mark.parametrize("name", sorted(DRAWN))
def test_draws_repeat_by_seed_and_go_on_where_they_were_saved(name: str) -> None:
    one, other = (DRAWN[name](sprites(), 3) for _ in range(2))
    for _ in range(2):
        assert all(torch.equal(a, b) for a, b in zip(one.draw(), other.draw(), strict=True))
    saved = one.state_dict()
    expected = one.draw()
    third = DRAWN[name](sprites(), 4)
    third.load_state_dict(saved)
    assert all(torch.equal(a, b) for a, b in zip(third.draw(), expected, strict=True))


def test_fresh_states_are_new_each_time_and_their_images_show_their_factors() -> None:
    data = FreshStates(sprites(), 0)
    first, second = data.draw(), data.draw()
    assert not torch.equal(first.factors, second.factors)
    env = sprites()
    env.set_factors(second.factors)
    assert torch.equal(env.observe(), second.image)


def test_pairs_differ_in_at_most_one_factor_and_every_factor_has_its_turn() -> None:
    pair = FreshPairs(sprites(64), 0).draw()
    changed = pair.factors != pair.next_factors
    assert changed.sum(1).max() == 1
    assert changed.any(0).sum() >= 4
    assert (pair.image != pair.next_image).flatten(1).any(1).sum() >= 20


def test_stored_images_come_once_an_epoch_from_memory_or_a_mapped_file(tmp_path: Path) -> None:
    images = np.arange(10, dtype=np.uint8)[:, None, None] * np.ones((1, 4, 5), np.uint8)
    np.save(tmp_path / "images.npy", images)
    data = StoredImages(tmp_path / "images.npy", 3, seed=1)
    assert isinstance(data.images, np.memmap) and data.shape == ImageShape(4, 5, 1)
    epoch = torch.cat([data.draw().image for _ in range(3)])
    assert epoch.shape == (9, 4, 5, 1) and len(epoch[:, 0, 0, 0].unique()) == 9
    saved = data.state_dict()
    expected = [data.draw().image for _ in range(4)]
    again = StoredImages(images, 3, seed=2)
    again.load_state_dict(saved)
    assert all(torch.equal(again.draw().image, image) for image in expected)


def test_what_is_no_image_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        StoredImages(tmp_path / "none.npy", 2, 0)
    (tmp_path / "text.npy").write_text("no array")
    with pytest.raises(InputError, match=r"must be an .npy file of an array"):
        StoredImages(tmp_path / "text.npy", 2, 0)
    with pytest.raises(InputError, match=r"images must be uint8 of shape .*, not float64 of \(3, 4\)"):
        StoredImages(np.zeros((3, 4)), 2, 0)
    with pytest.raises(InputError, match="there are 3 images, fewer than a batch of 4"):
        StoredImages(np.zeros((3, 4, 4), np.uint8), 4, 0)


def test_images_with_their_channels_first_are_refused() -> None:
    with pytest.raises(InputError, match=r"channels first; they are wanted last"):
        StoredImages(np.zeros((20, 3, 32, 32), np.uint8), 4, 0)
    assert StoredImages(np.zeros((20, 3, 3, 3), np.uint8), 4, 0).shape == (3, 3, 3)


def test_walks_remember_what_each_episode_began_with() -> None:
    walk = RandomWalk(make_factored("unbraid/Maze-v0", 3, max_episode_steps=4), 0)
    first = walk.image
    for step in range(9):
        batch = walk.draw()
        if step % 4 == 0:
            assert torch.equal(batch.first_image, batch.image)
            first = batch.image
        assert torch.equal(batch.first_image, first)
