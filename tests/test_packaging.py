"""The house itself: packages, the direction of imports, what importing costs, the set-up script."""

from __future__ import annotations

import ast
import configparser
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

LAYERS = ["envs", "representation", "agents", "experiments"]


def sources(root: Path) -> list[Path]:
    """Every Python file of the package."""
    return [path for layer in [*LAYERS, "assets"] for path in (root / layer).rglob("*.py")]


def test_every_package_folder_is_listed_in_setup_cfg(root: Path) -> None:
    config = configparser.ConfigParser()
    config.read(root / "setup.cfg")
    listed = config["options"]["packages"].split()
    folders = {".".join(["unbraid", *path.parent.relative_to(root).parts]) for path in sources(root)}
    assert sorted(listed) == sorted(folders | {"unbraid"})
    assert all((root / Path(*name.split(".")[1:]) / "__init__.py").exists() for name in listed)


def imported(path: Path, root: Path) -> set[str]:
    """The layers that a file imports from, also inside functions."""
    found: set[str] = set()
    depth = len(path.parent.relative_to(root).parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == depth + 1:
            found |= {(node.module or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("unbraid."):
            found.add((node.module or "").split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("unbraid.")}
    return found & set(LAYERS)


def test_imports_flow_rightwards_only(root: Path) -> None:
    seen = set()
    for path in sources(root):
        layer = path.relative_to(root).parts[0]
        if layer in LAYERS:
            for other in imported(path, root):
                seen.add((layer, other))
                assert LAYERS.index(other) <= LAYERS.index(layer), f"{path} imports from {other}"
    assert {("representation", "envs"), ("agents", "representation"), ("experiments", "representation")} <= seen


def test_importing_unbraid_is_cheap_and_loads_no_torch() -> None:
    code = (
        "import sys, time; start = time.perf_counter(); import unbraid; seconds = time.perf_counter() - start; "
        "assert seconds < 0.2, seconds; assert not {'torch', 'numpy', 'gymnasium'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["trian"]])
def test_the_bare_command_loads_no_torch(args: list[str]) -> None:
    code = f"import sys; from unbraid.experiments.cli import main; main({args!r}); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.fixture
def make_venv(root: Path) -> ModuleType:
    """The set-up script, as a module."""
    spec = importlib.util.spec_from_file_location("make_venv", root / "tools" / "make_venv.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("version", [(2, 7), (3, 10), (3, 14)])
def test_a_wrong_python_gets_one_line(
    make_venv: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], version: tuple[int, int]
) -> None:
    here = SimpleNamespace(version_info=version, executable="/python", stderr=sys.stderr, exit=sys.exit)
    monkeypatch.setattr(make_venv, "sys", here)
    with pytest.raises(SystemExit) as stop:
        make_venv.check()
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"Python {version[0]}.{version[1]}" in said and "PYTHON=" in said


def test_the_set_up_script_can_be_read_by_old_pythons(root: Path) -> None:
    source = (root / "tools" / "make_venv.py").read_text()
    ast.parse(source, feature_version=(3, 4))
    assert 'f"' not in source


def test_a_full_disk_gets_one_line(root: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(root / "tools" / "make_venv.py"),
        str(tmp_path / "venv"),
        str(tmp_path / "stamp"),
        "dev",
    ]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env={**os.environ, "UNBRAID_NEEDED_GB": "1e9"}
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "GB free" in done.stderr and "1e+09 GB are needed" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_versions_agree(root: Path) -> None:
    import unbraid

    assert f"version: {unbraid.__version__}" in (root / "CITATION.cff").read_text()
    assert f"## {unbraid.__version__}" in (root / "CHANGELOG.md").read_text()
