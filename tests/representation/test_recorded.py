"""Recordings: what is written is read, and what is wrong with a file is said in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from unbraid.envs import make_factored
from unbraid.errors import InputError
from unbraid.experiments.collecting import Asked, collect, draw
from unbraid.representation.recorded import Recording, read_recording, write_set

PLANAR = "unbraid/Planar-v0"
MOVES = Asked(PLANAR, {"protocol": "pcc"}, "transitions", {}, 3)
PAIRS = Asked(PLANAR, {"protocol": "pcc"}, "pairs", {"content": "y"}, 3)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "planar.h5"
    for name, asked, rows in (("x", MOVES, 40), ("pairs", PAIRS, 20)):
        collect(asked, rows, path, name, progress=False)
    return path


def test_what_is_recorded_is_what_happened(recording: Path) -> None:
    sets = read_recording(recording)
    moves, pairs = sets["x"].arrays, sets["pairs"].arrays
    assert {name: len(one) for name, one in moves.items()} == dict.fromkeys(
        ("image", "action", "next_image", "factors", "next_factors"), 40
    )
    env = make_factored(PLANAR, 40, protocol="pcc")
    env.reset(seed=0)
    env.set_factors(moves["factors"])
    assert torch.equal(env.observe(), moves["image"])
    assert torch.equal(env.step(moves["action"])[0], moves["next_image"])
    assert torch.equal(env.get_factors(), moves["next_factors"])
    other = make_factored(PLANAR, 20, content="y", protocol="pcc")
    other.reset(seed=0)
    other.set_factors(pairs["factors"])
    assert torch.equal(other.observe(), pairs["other"]) and not torch.equal(pairs["image"], pairs["other"])
    assert (sets["pairs"].other_options, sets["x"].options) == ({"content": "y"}, {"protocol": "pcc"})


def test_rows_are_the_same_however_they_are_parted() -> None:
    whole, late = draw(MOVES, 0, 12), draw(MOVES, 5, 7)
    assert all(np.array_equal(rows[5:], late[name]) for name, rows in whole.items())


def test_kinds_and_seeds_draw_other_states() -> None:
    states = [draw(asked, 0, 8)["factors"] for asked in (MOVES, PAIRS, Asked(PLANAR, {}, "transitions", {}, 4))]
    assert not np.array_equal(states[0], states[1]) and not np.array_equal(states[0], states[2])
    rows = draw(Asked("unbraid/PlanarPendulum-v0", {}, "transitions", {}, 0, "uniform"), 0, 200)
    anywhere = rows["factors"]
    assert np.abs(anywhere).max() > 5 and np.abs(anywhere[:, 0]).max() > 2.8  # speeds and angles of their whole range
    alike = np.corrcoef(anywhere.T, rows["action"].T)
    assert np.abs(alike - np.eye(3)).max() < 0.2  # and actions that know nothing of either


def test_an_interrupted_recording_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from unbraid.experiments import collecting

    monkeypatch.setattr(collecting, "PART", 8)
    made: list[int] = []
    record = collecting._record

    def stop(path: Path, make: Any) -> None:
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(int(path.stem))
        record(path, make)

    monkeypatch.setattr(collecting, "_record", stop)
    with pytest.raises(KeyboardInterrupt):
        collect(MOVES, 30, tmp_path / "a.h5", "x", progress=False)
    assert made == [0, 8] and not (tmp_path / "a.h5").exists()
    with pytest.raises(InputError, match="holds parts of another recording"):
        collect(MOVES, 31, tmp_path / "a.h5", "x", progress=False)
    monkeypatch.setattr(collecting, "_record", record)
    collect(MOVES, 30, tmp_path / "a.h5", "x", progress=False)
    found = read_recording(tmp_path / "a.h5")["x"].arrays
    whole = draw(MOVES, 0, 30)
    assert all(np.array_equal(rows, found[name].numpy()) for name, rows in whole.items())
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


def test_a_set_is_not_replaced_by_mistake(recording: Path) -> None:
    with pytest.raises(InputError, match="holds a set 'x'; give another --name or --out, or --overwrite"):
        collect(MOVES, 10, recording, "x", progress=False)
    collect(MOVES, 10, recording, "x", overwrite=True, progress=False)
    sets = read_recording(recording)
    assert len(sets["x"].arrays["image"]) == 10 and len(sets["pairs"].arrays["image"]) == 20


def test_batches_are_of_the_rows_and_go_on_where_they_were(recording: Path) -> None:
    data = Recording(recording, 6, 0)
    batch = data.draw()
    known = read_recording(recording)
    assert batch.image.shape == (6, 40, 40, 1) and batch.action.shape == (6, 2)
    assert [len(seen.image) for seen in batch.pairs] == [3] and batch.images == ()
    row = int((known["x"].arrays["action"] == batch.action[0]).all(1).nonzero()[0])
    assert torch.equal(batch.next_image[0], known["x"].arrays["next_image"][row])
    saved = data.state_dict()
    after = data.draw()
    again = Recording(recording, 6, 1)
    again.load_state_dict(saved)
    assert torch.equal(again.draw().image, after.image)


def spoil(path: Path, how: str) -> None:
    with h5py.File(path, "r+") as file:
        group = file["x"]
        if how == "missing":
            del group["action"]
        elif how == "nan":
            group["action"][3, 1] = np.nan
        elif how == "short":
            group["action"].resize(7, 0)
        elif how == "kind":
            del group.attrs["kind"]
        elif how == "format":
            file.attrs["format"] = "something else"
        elif how in ("actions", "images"):
            name = how[:-1]
            wide = np.repeat(group[name][()], 2, axis=1)
            del group[name]
            group[name] = wide


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("missing", "set 'x' has no action; transitions have image, action, next_image"),
        ("nan", "set 'x': action is NaN or infinite in row 3"),
        ("short", "action has 7 rows and image 40; they must agree"),
        ("kind", "set 'x' doesn't say its kind"),
        ("format", "is no recording"),
        ("actions", r"actions have shape \(4,\), and unbraid/Planar-v0 takes \(2,\)"),
        ("images", r"image is \(80, 40, 1\), and unbraid/Planar-v0 shows \(40, 40, 1\)"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(recording: Path, how: str, words: str) -> None:
    spoil(recording, how)
    with pytest.raises(InputError, match=words):
        Recording(recording, 4, 0)


def test_damage_is_noticed(recording: Path, tmp_path: Path) -> None:
    whole = recording.read_bytes()
    with h5py.File(recording) as file:
        place = file["x/image"].id.get_chunk_info(0).byte_offset
    for number, bad in enumerate(
        (whole[: len(whole) // 2], whole[: place + 40] + bytes(8) + whole[place + 48 :], b"no")
    ):
        path = tmp_path / f"{number}.h5"
        path.write_bytes(bad)
        with pytest.raises(InputError, match="is damaged, cut short or no HDF5 file"):
            read_recording(path)
    with pytest.raises(InputError, match="there is no such file; make one with unbraid collect"):
        read_recording(tmp_path / "nowhere.h5")


def test_transitions_are_needed(tmp_path: Path) -> None:
    rows = draw(PAIRS, 0, 5)
    made = {"kind": "pairs", "env": PLANAR, "options": {}, "other_options": {"content": "y"}, "seed": 0}
    write_set(tmp_path / "a.h5", "pairs", made, [rows])
    with pytest.raises(InputError, match="holds 0 sets of transitions; one is needed"):
        Recording(tmp_path / "a.h5", 4, 0)


def test_what_cannot_be_seen_otherwise_is_refused(tmp_path: Path) -> None:
    other = Asked(PLANAR, {}, "pairs", {"goal": True}, 0)
    with pytest.raises(InputError, match="states can't be seen otherwise with"):
        collect(other, 5, tmp_path / "a.h5", "pairs", progress=False)
    assert list(tmp_path.iterdir()) == []
