"""How fast the worlds are: steps per second of one core, beside MiniGrid in the same run."""

from __future__ import annotations

import importlib
import importlib.metadata
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import gymnasium
import numpy as np
import torch

from ..envs import Rollout, make_single
from ..errors import InputError

Peer = Literal["full", "rgb"]
PEER_ENV = "MiniGrid-Empty-8x8-v0"


@dataclass(frozen=True)
class Case:
    """One thing that is timed.

    Args:
        name: As it is reported.
        env: An id.
        peer: What it stands beside: MiniGrid's full symbolic view, or its RGB image.
        wanted: The ratio to reach.
        options: Options of the environment.
        single: One environment through ``gymnasium.make``, instead of a native batch.
    """

    name: str
    env: str
    peer: Peer
    wanted: float | None
    options: dict[str, Any] = field(default_factory=dict)
    single: bool = False


def _both_views(name: str, env: str, wanted: float | None, single: bool = False) -> list[Case]:
    return [
        Case(f"{name}, symbolic", env, "full", wanted, {"observation": "grid"}, single),
        Case(f"{name}, pixels", env, "rgb", wanted, {}, single),
    ]


CASES = (
    *_both_views("maze", "unbraid/Maze-v0", 150),
    *_both_views("maze with a goal", "unbraid/MazeGoal-v0", None),
    *_both_views("generated maze", "unbraid/MazeSingleGoal-v0", None),
    *_both_views("one maze", "unbraid/Maze-v0", 1, single=True),
    *_both_views("one maze with a goal", "unbraid/MazeGoal-v0", 1, single=True),
    *_both_views("one generated maze", "unbraid/MazeSingleGoal-v0", 1, single=True),
    Case("sprites, antialiased", "unbraid/Sprites-v0", "rgb", 30, {"antialiased": True}),
    Case("sprites, antialiased colour", "unbraid/Sprites-v0", "rgb", 30, {"antialiased": True, "colour": "rgb"}),
    Case("four sprites", "unbraid/SpritesMulti-v0", "rgb", 30),
    Case("planar, 40x40", "unbraid/Planar-v0", "rgb", 100),
)


@dataclass(frozen=True)
class Plan:
    """How to measure.

    Args:
        batch: Environments in a native batch.
        seconds: Of each measurement.
        rounds: Measurements of each case, in turn with the others; the median counts.
        device: Where the worlds compute.
        fused: Time `Rollout` with fused steps instead of the vector environment.
    """

    batch: int = 1024
    seconds: float = 0.5
    rounds: int = 5
    device: str = "cpu"
    fused: bool = False


def measure(cases: tuple[Case, ...], plan: Plan, progress: Callable[[str], None]) -> dict[str, Any]:
    """Rates of all cases and of their peers, in rounds; threads are limited to one meanwhile."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        runs = {case.name: _runner(case, plan) for case in cases}
        peers = {peer: _peer(peer) for peer in sorted({case.peer for case in cases})}
        rates: dict[str, list[float]] = {name: [] for name in (*peers, *runs)}
        for k in range(plan.rounds):
            for name, run in (*peers.items(), *runs.items()):
                progress(f"round {k + 1} of {plan.rounds}: {name}")
                rates[name].append(_rate(run, plan.seconds, _clock(plan.device if name in runs else "cpu")))
        limit = written_per_s(plan.device)
    finally:
        torch.set_num_threads(threads)
    middle = {name: statistics.median(found) for name, found in rates.items()}
    spread = {name: (max(found) - min(found)) / middle[name] for name, found in rates.items()}
    return {
        "minigrid": {peer: {"steps_per_s": middle[peer], "spread": spread[peer]} for peer in peers},
        "cases": {case.name: _result(case, middle, spread, plan, limit) for case in cases},
        "machine": _machine(plan) | {"bytes_written_per_s": limit},
        "memory_mb": memory_of_mazes(),
    }


def _result(case: Case, middle: dict[str, float], spread: dict[str, float], plan: Plan, limit: float) -> dict[str, Any]:
    rate = middle[case.name]
    found = {"env": case.env, "options": case.options, "batch": 1 if case.single else plan.batch}
    found |= {"steps_per_s": rate, "spread": spread[case.name], "peer": case.peer}
    found |= {"ratio": rate / middle[case.peer], "wanted": case.wanted}
    if case.peer == "rgb" and not case.single:
        image = make_single(case.env, **case.options).observation_space.shape
        found["of_write_limit"] = rate * float(np.prod(image)) / limit
    return found


def _runner(case: Case, plan: Plan) -> Iterator[int]:
    """Endless steps: each ``next`` takes some and says how many."""
    if case.single:
        return _steps(make_single(case.env, **case.options), 1)
    if plan.fused:
        world = gymnasium.make_vec(case.env, 1, device=plan.device, **case.options).unwrapped.world  # type: ignore[attr-defined]
        return _fused_steps(Rollout(world, plan.batch, fused=True))
    env = gymnasium.make_vec(case.env, plan.batch, device=plan.device, output=_output(plan), **case.options)
    return _steps(env, plan.batch)


def _output(plan: Plan) -> str:
    return "numpy" if plan.device == "cpu" else "torch"


def _fused_steps(rollout: Rollout) -> Iterator[int]:
    while True:
        rollout.step()
        yield rollout.n


def _steps(env: Any, each: int) -> Iterator[int]:
    """Random actions, drawn before; ``each`` environments step at once, and one alone is reset where it ends."""
    env.reset(seed=0)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(200 if each == 1 else 16)]
    while True:
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if each == 1 and (terminated or truncated):
                env.reset()
            yield each


def _peer(peer: Peer) -> Iterator[int]:
    try:
        wrappers: Any = importlib.import_module("minigrid.wrappers")
    except ImportError:
        raise InputError("bench needs MiniGrid to stand beside: pip install 'unbraid[bench]'") from None
    env = gymnasium.make(PEER_ENV)
    seen = wrappers.FullyObsWrapper(env) if peer == "full" else wrappers.RGBImgObsWrapper(env, tile_size=8)
    return _steps(seen, 1)


def _rate(run: Iterator[int], seconds: float, clock: Callable[[], float]) -> float:
    for _ in range(3):
        next(run)
    steps, start = 0, clock()
    while (now := clock()) - start < seconds:
        steps += sum(next(run) for _ in range(8))
    return steps / (now - start)


def _clock(device: str) -> Callable[[], float]:
    """Seconds of this process's own work on a CPU; on a GPU, of the wall, all work done."""
    if not device.startswith("cuda"):
        return time.process_time

    def now() -> float:
        torch.cuda.synchronize()
        return time.perf_counter()

    return now


def _machine(plan: Plan) -> dict[str, Any]:
    found: dict[str, Any] = {"device": plan.device, "torch": torch.__version__, "gymnasium": gymnasium.__version__}
    found |= {"minigrid": importlib.metadata.version("minigrid"), "python": sys.version.split()[0]}
    if plan.device.startswith("cuda"):
        found["gpu"] = torch.cuda.get_device_name()
    return found


def written_per_s(device: str) -> float:
    """How many bytes a second the device can write, the limit of anything that makes images: the best of some runs."""
    big = torch.empty(2**28, dtype=torch.uint8, device=device)
    clock = _clock(device)
    big.zero_()
    best = 0.0
    for _ in range(5):
        start = clock()
        for _ in range(4):
            big.zero_()
        best = max(best, 4 * 2**28 / (clock() - start))
    return best


_MEMORY = """
import resource, sys
from pathlib import Path
import gymnasium, torch, unbraid.envs

def peak():
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would tell of the process that started this one, too
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20

before = peak()
env = gymnasium.make_vec("unbraid/MazeSingleGoal-v0", 1024)
env.reset(seed=0)
for _ in range(200):
    env.step(env.action_space.sample())
print(before, peak())
"""


def memory_of_mazes() -> dict[str, float]:
    """What 1,024 generated mazes in pixels add to a fresh process that has imported everything, in MB."""
    done = subprocess.run([sys.executable, "-c", _MEMORY], capture_output=True, text=True, check=True)
    before, after = (float(value) for value in done.stdout.split())
    return {"imports": before, "with_1024_mazes": after, "mazes": after - before}
