"""No task: a maze to explore, without reward or end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from ..places import Places
from ..settings import Span
from ..state import MazeState
from ._game import Game


class Explore(Game):
    """Switches, where asked for, can be toggled (the 4x4 world of arXiv:1802.09484, appendix B.3)."""

    spans: ClassVar[Mapping[str, Span]] = {"goals": 0, "switches": 0}
    toggles = True
    endless = True

    def done(self, places: Places, state: MazeState) -> Tensor:
        """Never."""
        return torch.zeros(len(state.agent), dtype=torch.bool, device=state.agent.device)

    def solvable(self, places: Places, state: MazeState) -> Tensor:
        """Whether every switch can be reached."""
        return (places.at(state.switch, places.reachable(state)) | (state.switch < 0)).all(1)


GAME = Explore()
