"""Lets the docs find the package, whatever the checkout's folder is called, and draws the gallery of worlds."""

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
    sys.path[:0] = [str(package.parent), str(ROOT / "tools")]


def on_files(files, config):
    """MkDocs asks for the files of the site: the gallery's are made now."""
    from gallery import pages
    from mkdocs.structure.files import File

    for path, content in pages().items():
        files.append(File.generated(config, path, content=content))
    return files
