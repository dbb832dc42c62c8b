"""Errors of reconstructed images."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn import functional

from ...errors import InputError
from ..metrics._tensors import checked


def reconstruction(images: Any, reconstructed: Any, logits: bool = False) -> dict[str, Tensor]:
    """Squared error and binary cross entropy of each image, summed over it and per pixel and channel.

    ``sum (x - y)^2`` and ``-sum x ln y + (1 - x) ln(1 - y)``, in nats, of intensities x and y from 0 to 1; bytes are
    divided by 255. Both are at least 0, and smaller is better. The squared error of the image itself is 0. The cross
    entropy of the image itself is the entropy of its greys, 0 for black and white only, so its value means nothing
    across data sets; ln y counts -100 at least, so one certain and wrong pixel costs 100 nats. Both reward the right
    background first: small objects may be lost at little cost.

    Args:
        images: ``(B, H, W, C)``: bytes, or floats from 0 to 1.
        reconstructed: The same shape, bytes or floats from 0 to 1; or any floats, with ``logits``.
        logits: ``reconstructed`` holds logits, whose cross entropy is exact.

    Returns:
        float64 ``(B,)`` each: ``squared_error`` and ``bce``, per image; ``mse`` and ``bce_per_pixel``, those divided
        by H W C.

    Raises:
        InputError: Shapes that don't match, NaN or infinity, intensities out of range.
    """
    truth = _intensities("images", images)
    given = checked("reconstructed", reconstructed, _AXES) if logits else _intensities("reconstructed", reconstructed)
    if truth.shape != given.shape:
        raise InputError(f"images has shape {tuple(truth.shape)} and reconstructed {tuple(given.shape)}")
    entropy = functional.binary_cross_entropy_with_logits if logits else functional.binary_cross_entropy
    bce = entropy(given, truth, reduction="none").flatten(1)
    squared = (truth - (given.sigmoid() if logits else given)).square().flatten(1)
    return {
        "squared_error": squared.sum(1),
        "mse": squared.mean(1),
        "bce": bce.sum(1),
        "bce_per_pixel": bce.mean(1),
    }


_AXES = ("images", "height", "width", "channels")


def _intensities(name: str, images: Any) -> Tensor:
    found = checked(name, images, _AXES)
    if str(getattr(images, "dtype", "")).endswith("uint8"):
        found = found / 255
    low, high = float(found.min()), float(found.max())
    if low < 0 or high > 1:
        raise InputError(f"{name} must be bytes (uint8), or floats from 0 to 1; they go from {low:g} to {high:g}")
    return found
