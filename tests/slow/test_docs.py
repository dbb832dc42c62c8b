"""Every command and every example of the README and of the docs is run, as it stands, page by page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(bash|python)(?: title=\"(?P<file>[^\"]+)\")?\n(?P<code>.*?)^```", re.M | re.S)
BY_HAND = ("make ", "git ", "cd ", "pip install unbraid", "unbraid demo", "--mode keys", "--mode window")


def blocks(page: Path) -> list[tuple[str, str | None, str]]:
    """Language, file name and text of each code block."""
    return [(found[1], found["file"], found["code"]) for found in BLOCK.finditer(page.read_text())]


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.stem)
def test_a_page_does_what_it_says(page: Path, tmp_path: Path) -> None:
    scripts = Path(sys.executable).parent
    folders = os.pathsep.join(filter(None, [str(tmp_path / "site"), os.environ.get("PYTHONPATH")]))
    env = {**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}", "PYTHONPATH": folders}
    ran = 0
    for language, file, code in blocks(page):
        if file is not None:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text(code)
            continue
        if language == "bash":
            lines = code.replace("\\\n", " ").splitlines()
            lines = [
                line
                for line in lines
                if line and not line.startswith("#") and not any(word in line for word in BY_HAND)
            ]
            # A third party's package is installed beside, not into, the environment that runs the tests.
            code = "\n".join(
                line.replace("pip install ./", "pip install -q --no-deps --no-build-isolation --target site ./")
                for line in lines
            )
            command = ["bash", "-euo", "pipefail", "-c", code]
        else:
            command = [sys.executable, "-W", "error::FutureWarning", "-c", code]
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{page.name}:\n{code}\n{done.stderr[-3000:]}"
        ran += bool(code.strip())
    assert ran


def test_links_between_pages_lead_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            generated = target == "worlds.md"  # the gallery, made when the docs are built
            assert generated or (page.parent / target).exists(), f"{page.name} links to {target}"
