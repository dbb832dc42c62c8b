"""Time the worlds and the training loop, beside peers in the same run, metrics, planning or grasping, on one core."""

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
        what: envs: steps per second of the worlds; train: CPU-seconds per step of the training loop and of pythae, each
            in turns with a bare loop; metrics: CPU-seconds of each metric, and how they grow with points; plan:
            CPU-seconds of planning an episode from pixels, by planner; grasp: grasps tried out per CPU-second, and how
            well they agree with a finer simulation.
        only: Only cases, metrics or planners with this in their name, as in maze; dci_exact takes minutes and must be
            named.
        batch: Environments in a native batch.
        seconds: Of each measurement.
        rounds: Measurements of each case, in turn with the others; the median counts (of metrics, the best).
        steps: Of train: steps of each loop.
        scales: Of metrics: multiples of 10,000 points to measure on.
        device: Where the worlds compute; MiniGrid stays on the CPU.
        fused: Time steps that are compiled into one program (for a GPU; minutes to build).
        json: Print one JSON object.
    """

    what: Annotated[Literal["envs", "train", "metrics", "plan", "grasp"], tyro.conf.Positional] = "envs"
    only: str = ""
    batch: int = 1024
    seconds: float = 0.5
    rounds: int = 5
    steps: int = 100
    scales: tuple[int, ...] = (1, 4)
    device: str = "cpu"
    fused: bool = False
    json: bool = False


def main(argv: Sequence[str]) -> None:
    """``unbraid bench (envs | train | metrics | plan | grasp) [OPTIONS]``."""
    options = parse(Options, argv, "bench", __doc__)
    if min(options.batch, options.rounds, options.steps) < 1 or options.seconds <= 0:
        raise InputError("--batch, --rounds and --steps must be at least 1, --seconds more than 0")
    timed, shown = {
        "envs": (_time_envs, _print_envs),
        "train": (_time_training, _print_training),
        "metrics": (_time_metrics, _print_metrics),
        "plan": (_time_planning, _print_planning),
        "grasp": (_time_grasps, _print_grasps),
    }[options.what]
    found = timed(options)
    (print_json if options.json else shown)(found)


def _time_training(options: Options) -> dict[str, Any]:
    from ..benchmarks_train import measure

    with working("timing") as status:
        return measure(options.steps, lambda what: status.update(f"timing, {what}"))


def _time_metrics(options: Options) -> dict[str, Any]:
    if not options.scales or min(options.scales) < 1:
        raise InputError(f"--scales must be numbers of at least 1, as in 1 4, not {list(options.scales)}")
    from ...representation.metrics import names
    from ..benchmarks_metrics import chosen, measure

    metrics = chosen(options.only)
    if not metrics:
        raise InputError(f"--only {options.only!r}: there are {', '.join(names())}")
    with working("timing") as status:
        return measure(metrics, options.rounds, options.scales, lambda what: status.update(f"timing {what}"))


def _time_planning(options: Options) -> dict[str, Any]:
    from ...agents._control import PLANNERS
    from ..benchmarks_plan import measure

    if not any(options.only in name for name in PLANNERS):
        raise InputError(f"--only {options.only!r}: there are {', '.join(PLANNERS)}")
    with working("timing") as status:
        return measure(options.only, lambda what: status.update(f"timing, {what}"))


def _time_grasps(options: Options) -> dict[str, Any]:
    from ..benchmarks_grasp import measure

    with working("timing") as status:
        return measure(lambda what: status.update(f"timing, {what}"))


def _time_envs(options: Options) -> dict[str, Any]:
    import torch

    from ..benchmarks import CASES, Plan, measure

    if options.device.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"--device {options.device}: no GPU is at hand")
    cases = tuple(case for case in CASES if options.only in case.name)
    if not cases:
        raise InputError(f"--only {options.only!r}: there are {', '.join(repr(case.name) for case in CASES)}")
    plan = Plan(options.batch, options.seconds, options.rounds, options.device, options.fused)
    with working("timing") as status:
        return measure(cases, plan, lambda what: status.update(f"timing, {what}"))


def _print_training(found: dict[str, Any]) -> None:
    print_table("beta-VAE, 64x64x1, batch 64, one thread", flat_rows(found))


def _print_grasps(found: dict[str, Any]) -> None:
    print_table("grasps tried out, one core", flat_rows(found))


def _print_metrics(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    scales = list(next(iter(found["cpu_seconds"].values())))
    table = Table("", *(f"CPU-s at {scale}x points" for scale in scales), "growth", "wanted")
    for name, seconds in found["cpu_seconds"].items():
        limit = found["wanted"].get(name)
        growth = seconds[scales[-1]] / seconds[scales[0]]
        cells = (
            *(f"{seconds[scale]:.2f}" for scale in scales),
            f"{growth:.1f}",
            "" if limit is None else f"<= {limit:g}",
        )
        table.add_row(name, *cells)
    Console().print(table)


def _print_planning(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    sizes = list(next(iter(found["seconds_per_episode"].values())))
    table = Table("", *(f"CPU-s an episode, {n} at once" for n in sizes), "wanted")
    for planner, seconds in found["seconds_per_episode"].items():
        table.add_row(planner, *(f"{seconds[n]:.3f}" for n in sizes), f"<= {found['wanted']:g}")
    Console().print(table)


def _print_envs(found: dict[str, Any]) -> None:
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
