"""What planning from pixels costs: CPU time of an episode, by planner and by how many are planned at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ..agents import dynamics_content as agent
from ..agents._control import PLANNERS
from ..envs import make_factored

ENV, STEPS = "unbraid.envs:unbraid/Planar-v0", 40
SIZES = (1, 10, 100)
WANTED = 1.0
"""CPU-seconds an episode, at most."""


def measure(only: str, progress: Callable[[str], None]) -> dict[str, Any]:
    """CPU-seconds of an episode of 40 actions in the planar system, planned ahead by 10 before each, on one thread.

    The dynamics are an untrained learner's, whose network costs what a trained one's does; images are encoded, too.

    Args:
        only: Planners with this in their name.
        progress: Told what is being measured.

    Returns:
        ``seconds_per_episode``: planner -> episodes at once -> CPU-seconds; and ``wanted``.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        learner = agent.build(agent.Config(), make_factored(ENV, 1), torch.Generator().manual_seed(0), sets=2).eval()
        found: dict[str, dict[int, float]] = {}
        for planner in [name for name in PLANNERS if only in name]:
            for n in SIZES:
                progress(f"{planner}, {n} at once")
                numbers = agent.plan(learner, ENV, n, 0, STEPS, planner=planner)[0]
                found.setdefault(planner, {})[n] = numbers["seconds_per_episode"]
    finally:
        torch.set_num_threads(threads)
    return {"seconds_per_episode": found, "wanted": WANTED, "torch": torch.__version__}
