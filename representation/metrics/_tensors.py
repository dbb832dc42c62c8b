"""What metrics are given, as float64 tensors; anything that isn't what it should be is named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread: metrics are made of small steps, and threads that wait for each other cost more."""
    from threadpoolctl import threadpool_limits

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)


def tensor(values: Any) -> Tensor:
    """An array or tensor as a float64 tensor, on the device where it is; NumPy arrays are copied."""
    if isinstance(values, Tensor):
        return values.detach().to(torch.float64)
    return torch.from_numpy(np.array(values, dtype=np.float64))


def checked(name: str, values: Any, axes: Sequence[str]) -> Tensor:
    """``values`` as a float64 tensor with these axes, none empty, and finite.

    Raises:
        InputError: Another number of axes, an empty one, NaN or infinity, or not numbers at all.
    """
    try:
        found = tensor(values)
    except (TypeError, ValueError):
        raise InputError(f"{name} must be an array of real numbers, not {type(values).__name__}") from None
    if found.ndim != len(axes) or not found.numel():
        shape = ", ".join(axes) + ("," if len(axes) == 1 else "")
        raise InputError(f"{name} must have shape ({shape}), none of them 0, not {tuple(found.shape)}")
    if not found.isfinite().all():
        raise InputError(f"{name} holds NaN or infinity; every number must be finite")
    return found


def dense(values: Tensor) -> Tensor:
    """Each value's place among the different values, sorted: int64, the shape of ``values``."""
    found: Tensor = torch.unique(values, return_inverse=True)[1]
    return found


def standardised(values: Tensor) -> Tensor:
    """Columns of mean 0 and standard deviation 1 (ddof 0): ``(n, D)``; a constant column is 0."""
    return standardised_alike(values)[0]


def standardised_alike(x: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    """All with the means and standard deviations of ``x``, ``(n, D)``; what is constant there becomes 0."""
    mean = x.mean(0)
    scale = torch.where(is_constant(x), torch.inf, (x - mean).square().mean(0).sqrt())
    return tuple((part - mean) / scale for part in (x, *others))


def is_constant(values: Tensor) -> Tensor:
    """Whether each column holds a single value: bool ``(D,)``."""
    return values.amax(0) == values.amin(0)


def mid_ranks(values: Tensor) -> Tensor:
    """Each column's ranks from 1, ties sharing their mean: ``(n, D)``."""
    columns = values.T.contiguous()
    line = columns.sort(dim=1).values
    below, upto = torch.searchsorted(line, columns), torch.searchsorted(line, columns, right=True)
    return ((below + upto + 1) / 2).double().T


def number_list(values: Tensor) -> list[Any]:
    """As nested Python lists."""
    return list(values.tolist())
