"""What planners refuse."""

from __future__ import annotations

from ...errors import InputError


def at_least(bound: float, **settings: float) -> None:
    """Raise `InputError` for a setting below the bound."""
    for name, value in settings.items():
        if not value >= bound:
            raise InputError(f"{name} must be at least {bound}, not {value}")
