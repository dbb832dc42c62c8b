"""Lets the docs find the package: the checkout, whatever its folder is called, under the name ``unbraid``."""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PARTS = ("__init__.py", "errors.py", "lookup.py", "envs", "representation", "agents", "experiments", "assets")


def on_startup(command, dirty):
    """MkDocs calls this before anything else."""
    package = Path(tempfile.mkdtemp()) / "unbraid"
    package.mkdir()
    for part in PARTS:
        (package / part).symlink_to(ROOT / part)
    sys.path.insert(0, str(package.parent))
