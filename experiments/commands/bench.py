"""Time the worlds beside MiniGrid, or training beside a bare loop and pythae, one core, in the same run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import tyro

from ...errors import InputError
from ._options import flat_rows, parse, print_json, print_table, working


@dataclass(frozen=True)
class Options:
    """What to time.

    Args:
        what: envs: steps per second of the worlds; train: CPU seconds per step of the training loop.
        only: Of envs: only cases with this in their name, as in maze.
        batch: Environments in a native batch.
        seconds: Of each measurement.
        rounds: Measurements of each case, in turn with the others; the median counts.
        steps: Of train: steps of each loop.
        device: Where the worlds compute; MiniGrid stays on the CPU.
        fused: Time steps that are compiled into one program (for a GPU; minutes to build).
        json: Print one JSON object.
    """

    what: Annotated[Literal["envs", "train"], tyro.conf.Positional] = "envs"
    only: str = ""
    batch: int = 1024
    seconds: float = 0.5
    rounds: int = 5
    steps: int = 100
    device: str = "cpu"
    fused: bool = False
    json: bool = False


def main(argv: Sequence[str]) -> None:
    """``unbraid bench (envs | train) [OPTIONS]``."""
    options = parse(Options, argv, "bench", __doc__)
    found = {"envs": _envs, "train": _train}[options.what](options)
    if options.json:
        print_json(found)


def _train(options: Options) -> dict[str, Any]:
    if options.steps < 1:
        raise InputError(f"--steps must be at least 1, not {options.steps}")
    from ..benchmarks_train import measure

    with working("timing") as status:
        found = measure(options.steps, lambda what: status.update(f"timing, {what}"))
    if not options.json:
        print_table("beta-VAE, 64x64x1, batch 64, one thread", flat_rows(found))
    return found


def _envs(options: Options) -> dict[str, Any]:
    if options.batch < 1 or options.rounds < 1 or options.seconds <= 0:
        raise InputError("--batch and --rounds must be at least 1, --seconds more than 0")
    import torch

    from ..benchmarks import CASES, Plan, measure

    if options.device.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"--device {options.device}: no GPU is at hand")
    cases = tuple(case for case in CASES if options.only in case.name)
    if not cases:
        raise InputError(f"--only {options.only!r}: there are {', '.join(repr(case.name) for case in CASES)}")
    plan = Plan(options.batch, options.seconds, options.rounds, options.device, options.fused)
    with working("timing") as status:
        found = measure(cases, plan, lambda what: status.update(f"timing, {what}"))
    if not options.json:
        _print(found)
    return found


def _print(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", "steps/s", "beside MiniGrid's", "ratio", "wanted", "of write limit", "spread")
    for name, case in found["cases"].items():
        view = {"full": "full view", "rgb": "RGB"}[case["peer"]]
        wanted = "" if case["wanted"] is None else f">= {case['wanted']:g}"
        ratio = f"{case['ratio']:.3g}"
        share = f"{case['of_write_limit']:.0%}" if "of_write_limit" in case else ""
        table.add_row(name, f"{case['steps_per_s']:,.0f}", view, ratio, wanted, share, f"{case['spread']:.0%}")
    for view, peer in found["minigrid"].items():
        table.add_row(f"MiniGrid, {view}", f"{peer['steps_per_s']:,.0f}", "", "1", "", "", f"{peer['spread']:.0%}")
    Console().print(table)
    print(f"write limit: {found['machine']['bytes_written_per_s'] / 1e9:.1f} GB/s")
    memory = found["memory_mb"]
    print(f"1,024 mazes in pixels: {memory['mazes']:.0f} MB beside {memory['imports']:.0f} MB of imports")
