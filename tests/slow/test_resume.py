"""A training killed at any moment ends, resumed, in the same weights, bit for bit."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from unbraid.experiments.runs import WEIGHTS
from unbraid.representation.training import CHECKPOINT

pytestmark = pytest.mark.slow
COMMAND = Path(sys.executable).parent / "unbraid"


def command(learner: str, out: Path, *flags: str) -> list[str]:
    sizes = ["--steps", "120", "--batch-size", "8", "--checkpoint-every", "7", "--device", "cpu"]
    return [str(COMMAND), "train", learner, *sizes, "--out", str(out), *flags]


@pytest.mark.parametrize("learner", ["icf", "vae"])
def test_sigkill_then_resume(tmp_path: Path, learner: str) -> None:
    subprocess.run(command(learner, tmp_path / "whole"), check=True, capture_output=True)
    expected = (tmp_path / "whole" / WEIGHTS).read_bytes()
    dice, broken, kills = random.Random(learner), tmp_path / "broken", 0
    for _ in range(6):
        flags = ("--resume",) if broken.exists() else ()
        process = subprocess.Popen(
            command(learner, broken, *flags), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        before = stamp(broken)
        while process.poll() is None and stamp(broken) == before:
            time.sleep(0.005)
        time.sleep(dice.uniform(0, 0.4))
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills >= 2
    assert not list(broken.glob("*.json")) or (broken / WEIGHTS).exists()
    subprocess.run(command(learner, broken, "--resume"), check=True, capture_output=True)
    assert (broken / WEIGHTS).read_bytes() == expected


def stamp(run: Path) -> int:
    """When the last checkpoint was written; 0 for never."""
    path = run / CHECKPOINT
    return path.stat().st_mtime_ns if path.exists() else 0
