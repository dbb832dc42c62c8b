"""Files of tensors: what comes back, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from unbraid.errors import InputError
from unbraid.representation.storage import load_tensors, save_tensors, write_atomically

TREE = {"net": {"a.weight": torch.arange(6.0).view(2, 3), "on": torch.tensor([True, False])}, "state": {0: {"step": 3}}}


def test_a_tree_comes_back(tmp_path: Path) -> None:
    save_tensors(tmp_path / "x", TREE)
    back = load_tensors(tmp_path / "x")
    assert torch.equal(back["net"]["a.weight"], TREE["net"]["a.weight"])
    assert back["net"]["on"].tolist() == [True, False]
    assert back["state"][0]["step"].item() == 3


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, keep: float) -> None:
    path = tmp_path / "x"
    save_tensors(path, TREE)
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])
    with pytest.raises(InputError, match="damaged"):
        load_tensors(path)


def test_a_single_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "x"
    save_tensors(path, TREE)
    data = bytearray(path.read_bytes())
    data[-3] ^= 4
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match="checksum differs"):
        load_tensors(path)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), SafetensorError("No space left on device")])
def test_a_failed_write_leaves_what_was_there(tmp_path: Path, error: Exception) -> None:
    path = tmp_path / "x"
    path.write_text("old")

    def write(file: Path) -> None:
        file.write_text("half")
        raise error

    with pytest.raises(InputError, match=r"can't write .*No space left on device; what was there is unharmed"):
        write_atomically(path, write)
    assert [child.name for child in tmp_path.iterdir()] == ["x"]
    assert path.read_text() == "old"
