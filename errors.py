"""Errors that a person can act on: one line that says what was given, where, and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Something a person gave is wrong. The message is one line; the command line prints it and exits with 2."""


class UnknownNameError(InputError):
    """A name that nothing answers to; the message offers the nearest names that exist, and lists them if they are few.

    Args:
        kind: What was asked for, as in ``"metric"``.
        given: The name that was asked for.
        known: The names that exist.
        listed: What to say where they are too many to be listed.
    """

    def __init__(
        self, kind: str, given: str, known: Iterable[str], listed: str = "unbraid list shows those there are"
    ) -> None:
        names = sorted(known)
        alike = difflib.get_close_matches(given.lower(), names, n=3, cutoff=0.6)
        longer = [name for name in names if given and name.startswith(given.lower())]
        near = list(dict.fromkeys(alike + longer))[:3]
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        others = f"known: {', '.join(names)}" if len(names) <= 40 else listed
        super().__init__(f"unknown {kind} {given!r}; {hint}{others}")
