"""The wheel holds every package and asset, and works where the checkout isn't."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """Built from a copy of what git would hand out, so that leftovers in the checkout play no part."""
    folder = tmp_path_factory.mktemp("wheel")
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=root, check=True, capture_output=True, text=True
    ).stdout
    for name in filter(None, files.split("\0")):
        if (root / name).is_file():
            (folder / "src" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "src" / name).write_bytes((root / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "-q", "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), "."]
    subprocess.run(pip, cwd=folder / "src", check=True)
    return next(folder.glob("*.whl"))


def test_it_holds_what_the_checkout_does_and_no_tests(wheel: Path, root: Path) -> None:
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("unbraid/")}
    wanted = {"unbraid/py.typed", "unbraid/assets/report.html.j2", "unbraid/assets/gripper.urdf"}
    for folder in ("envs", "representation", "agents", "experiments", "assets"):
        wanted |= {f"unbraid/{path.relative_to(root)}" for path in (root / folder).rglob("*.py")}
    wanted |= {f"unbraid/{path.name}" for path in root.glob("*.py")}
    assert inside == wanted


def test_it_works_installed(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "-q", "install", "--no-deps", "--target", str(site), str(wheel)], check=True
    )
    code = (
        "import unbraid, sys; assert unbraid.__file__.startswith(sys.argv[1]), unbraid.__file__\n"
        "from unbraid.experiments.cli import main\n"
        "for args in (['list'], ['train', 'icf', '--steps', '3', '--out', 'r'], ['report', 'r']):\n"
        "    assert main(args) == 0\n"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(site)], check=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(site)}
    )
    assert (tmp_path / "r" / "report.html").stat().st_size > 50_000
