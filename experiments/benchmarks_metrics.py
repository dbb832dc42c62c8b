"""What the metrics cost: CPU-seconds of one thread on the sizes of dSprites' factors, and how they grow with points."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..representation import metrics

SIZES = (3, 6, 40, 32, 32)
LATENTS, TRAIN, TEST = 10, 10_000, 5_000
LIMITS = {"dci": 25.0, "sap": 0.6, "factor_vae": 0.6}
SLOW = ("dci_exact",)


def chosen(only: str) -> list[str]:
    """Metrics with ``only`` in their name; of all, those that take minutes are left out unless one is named in full."""
    return [name for name in metrics.names() if only == name or (only in name and name not in SLOW)]


def measure(
    names: Sequence[str], rounds: int, scales: Sequence[int], progress: Callable[[str], None]
) -> dict[str, Any]:
    """CPU-seconds of each metric, the best of some rounds, on each scale's multiple of the points."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        _seconds(names[0], sample(1, 300))  # imports are nobody's cost
        seconds: dict[str, dict[str, float]] = {name: {} for name in names}
        for scale in scales:
            data = sample(scale, TRAIN * scale)
            for name in names:
                progress(f"{name}, {scale} x {TRAIN:,} points")
                metrics.check_names([name])
                seconds[name][str(scale)] = min(_seconds(name, data) for _ in range(rounds))
    finally:
        torch.set_num_threads(threads)
    return {
        "points": {"train": TRAIN, "test": TEST, "latents": LATENTS, "factor_sizes": SIZES},
        "cpu_seconds": seconds,
        "wanted": {name: limit for name, limit in LIMITS.items() if name in seconds},
        "torch": torch.__version__,
    }


def sample(seed: int, train: int) -> tuple[NDArray[np.float64], ...]:
    """Codes and factors of train rows, and of half as many test rows, like a trained model's.

    Half of the latents hold a factor each, mixed with a little of the next; the rest hardly move.
    """
    rng = np.random.default_rng(seed)
    factors = rng.integers(SIZES, size=(train + train // 2, len(SIZES))).astype(np.float64)
    standard = (factors - factors.mean(0)) / factors.std(0)
    used = standard + 0.2 * np.roll(standard, 1, axis=1) + 0.2 * rng.normal(size=standard.shape)
    codes = np.concatenate([used, 0.1 * rng.normal(size=(len(used), LATENTS - len(SIZES)))], axis=1)
    return codes[:train], factors[:train], codes[train:], factors[train:]


def _seconds(name: str, data: tuple[NDArray[np.float64], ...]) -> float:
    start = time.process_time()
    codes, factors, codes_test, factors_test = data
    metrics.evaluate([name], codes, factors, codes_test, factors_test)
    return time.process_time() - start
