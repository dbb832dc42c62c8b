"""Fixtures that all tests share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import settings

settings.register_profile("default", deadline=None, max_examples=40, derandomize=True)
settings.load_profile("default")
torch.set_num_threads(1)

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Callable[..., SimpleNamespace]:
    """Run ``unbraid ARGS`` in this process: status, out, err."""
    from unbraid.experiments.cli import main

    def run(*args: object) -> SimpleNamespace:
        capfd.readouterr()
        try:
            status = main([str(arg) for arg in args])
        except SystemExit as stop:
            status = stop.code if isinstance(stop.code, int) else 1
        captured = capfd.readouterr()
        return SimpleNamespace(status=status, out=captured.out, err=captured.err)

    return run


@pytest.fixture
def unbraid() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run ``unbraid ARGS`` in a process of its own."""

    def run(*args: object, **how: object) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).parent / "unbraid"), *(str(arg) for arg in args)]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "200"}, **how
        )  # type: ignore[call-overload,no-any-return]

    return run
