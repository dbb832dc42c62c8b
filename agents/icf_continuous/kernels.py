"""How well a factor names the change that it caused: ``log A(h', h, phi)`` (arXiv:1802.09484, section 3)."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import cosine_similarity

FLOOR = 1e-3
"""Added to scores that can be 0, as in the authors' code."""


def gaussian(change: Tensor, factor: Tensor, sigma: Tensor) -> Tensor:
    """``-|dh - phi|^2 / (2 sigma^2)`` (appendix A.2): the change should be the factor."""
    return -(change - factor).square().sum(-1) / (2 * sigma**2)


def relu(change: Tensor, factor: Tensor, sigma: Tensor) -> Tensor:
    """``log max(0, <dh, phi>)`` (section 3), from a floor of .001: the change should go the factor's way, and far."""
    del sigma
    return ((change * factor).sum(-1).clamp_min(0) + FLOOR).log()


def absolute(change: Tensor, factor: Tensor, sigma: Tensor) -> Tensor:
    """``log |<dh, phi>|``, from the same floor: as `relu`, whichever of the two ways it goes."""
    del sigma
    return ((change * factor).sum(-1).abs() + FLOOR).log()


def cosine(change: Tensor, factor: Tensor, sigma: Tensor) -> Tensor:
    """``cos(dh, phi) / sigma^2``: the change should have the factor's direction; its length is free."""
    return cosine_similarity(change, factor, dim=-1, eps=FLOOR) / sigma**2


KERNELS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "gaussian": gaussian, "relu": relu, "absolute": absolute, "cosine": cosine
}  # fmt: skip
"""Each from changes and factors ``(..., K)``, and a bandwidth, to ``(...)``."""
