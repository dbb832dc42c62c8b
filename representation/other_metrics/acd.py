"""Average content distance: how much a video's content changes from frame to frame (MoCoGAN, section 4)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...errors import InputError
from ..metrics._tensors import checked


def acd(features: Any) -> Tensor:
    """Mean Euclidean distance between the feature vectors of two different frames of a video.

    The feature is up to the data: `mean_colours` of the moving shape, as for the paper's shape motion, or an
    identity's vector from a face network. From 0 (the content stays; a frozen video scores 0 too) and without bound,
    in the feature's unit: only numbers of one feature in one scale compare. The paper's mean over videos is 0 for
    real shape motion, 1.79 for MoCoGAN and 5.02 for VGAN; it doesn't say how its colours were scaled.

    Args:
        features: ``(B, T, F)``: videos, at least two frames, features.

    Returns:
        float64 ``(B,)``: one distance a video.

    Raises:
        InputError: Another shape, a single frame, NaN or infinity.
    """
    vectors = checked("features", features, ("videos", "frames", "features"))
    frames = vectors.shape[1]
    if frames < 2:
        raise InputError("features has 1 frame a video; a distance needs at least 2")
    one, other = torch.triu_indices(frames, frames, 1, device=vectors.device)
    return (vectors[:, one] - vectors[:, other]).square().sum(2).sqrt().mean(1)


def mean_colours(videos: Any, masks: Any) -> Tensor:
    """Mean colour of the masked pixels of each frame, in the images' unit; an empty mask gives 0.

    Args:
        videos: ``(B, T, H, W, C)``.
        masks: ``(B, T, H, W)``, true (or a weight) where the shape is.

    Returns:
        float64 ``(B, T, C)``.

    Raises:
        InputError: Shapes that don't match, NaN or infinity.
    """
    axes = ("videos", "frames", "height", "width", "channels")
    pictures, weights = checked("videos", videos, axes), checked("masks", masks, axes[:-1])
    if pictures.shape[:-1] != weights.shape:
        raise InputError(f"videos has frames {tuple(pictures.shape[:-1])} and masks {tuple(weights.shape)}")
    total = weights.sum((2, 3))[..., None]
    return (pictures * weights[..., None]).sum((2, 3)) / torch.where(total == 0, 1.0, total)
