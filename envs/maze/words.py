"""The fixed vocabulary that grids, sentences and instructions share."""

from __future__ import annotations

_COUNT = 32
"""Coordinates go up to the largest map's side."""

PLAIN = (
    "block", "water", "outside", "corner", "goal", "visited", "switch", "door", "open", "closed", "box", "breadcrumb",
    "agent", "npc", "enemy",
)  # fmt: skip
NUMBERED = {"goal": 10, "colour": 10, "agent": 5, "enemy": 5, "health": 10, "cooldown": 10}
TOLD = (
    "go", "visit", "avoid", "if", "push", "match", "shoot", "to", "at", "left", "right", "top", "bottom", "then",
    "opens",
)  # fmt: skip

GRID = (*PLAIN, *(f"{stem}{k}" for stem, count in NUMBERED.items() for k in range(count)))
"""Words that can describe what is on a tile."""

VOCABULARY = (
    "<pad>", *GRID, *TOLD,
    *(f"{axis}{k}" for axis in "xy" for k in range(_COUNT)),
    *(f"{axis}{k:+d}" for axis in "xy" for k in range(1 - _COUNT, _COUNT)),
)  # fmt: skip
"""All words; a word's number is its place here, and 0 pads. ``x3`` is absolute, ``x+3`` as seen from the agent."""

_NUMBERS = {word: k for k, word in enumerate(VOCABULARY)}


def number_of(word: str) -> int:
    """A word's number in the vocabulary."""
    return _NUMBERS[word]


def words_of(numbers: list[int]) -> str:
    """The sentence of these word numbers."""
    return " ".join(VOCABULARY[k] for k in numbers if k)
