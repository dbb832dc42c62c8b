"""Where data is that can't be part of this package."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "UNBRAID_DATA"


def find_data(given: str | Path | None, below: str, what: str) -> Path:
    """A file or folder of data.

    Args:
        given: Where it is; None to look below the folder that the environment variable ``UNBRAID_DATA`` names.
        below: Where it is in that folder.
        what: What it is, for people.

    Raises:
        ValueError: It isn't there; the message says where it was looked for, and what to set.
    """
    home = os.environ.get(VARIABLE)
    if given is None and not home:
        raise ValueError(f"{what} not found: give its path, or set {VARIABLE} to the folder that holds {below}")
    place = Path(given) if given is not None else Path(home or "") / below
    if not place.exists():
        raise ValueError(f"{what} not found: there is no {place}; give its path, or set {VARIABLE} to where {below} is")
    return place
