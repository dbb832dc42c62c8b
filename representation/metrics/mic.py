"""Mutual information concentration: how much of each factor lies in a subset of the latents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import InputError
from ._information import entropy, mutual_information
from ._spec import Arrays, equal_width_bins, mean_known


def mic(arrays: Arrays, rng: np.random.Generator, subset: Sequence[int] | None = None) -> dict[str, Any]:
    """``MIC(s_k, S) = (sum of I(z_d; s_k) over d in S - the same over d not in S) / H(s_k)``.

    Grouped-VAE's equation 13, with its estimate: 20 bins of equal width for each latent, plug-in information. It says
    on which side of a split a factor is kept, not how neatly: one perfect latent in S scores 1, one outside it -1, and
    as the sums count what latents share again and again, a factor held twice in S scores 2 (from -D to D at most). A
    random code scores near 0 where both sides have as many latents (the estimate's bias, see `mig`, adds up over
    latents), a code rotated across the split between the two.

    `evaluate` and the command line take the first half of the latents; another subset is given in a direct call::

        mic(Arrays.of(codes, factors), rng, subset=[0, 1, 2])

    Args:
        arrays: All rows are used; where test arrays were given apart, the train rows alone.
        rng: Unused: nothing is drawn.
        subset: Numbers of the latents in S; None for the first half, 0 .. D // 2 - 1 (of a single latent: that one).

    Returns:
        ``score`` (mean over factors), ``per_factor`` (None for a constant one, and the mean of none) and ``subset``.

    Raises:
        InputError: A subset that is empty, or holds a number twice or one that no latent has.
    """
    latents = arrays.codes.shape[1]
    chosen = list(range(max(1, latents // 2))) if subset is None else [int(d) for d in subset]
    if not chosen or len(set(chosen)) < len(chosen) or not set(chosen) <= set(range(latents)):
        raise InputError(f"subset must hold different numbers of latents, 0 .. {latents - 1}, not {chosen}")
    labels = arrays.measured_labels
    information = mutual_information(equal_width_bins(arrays.measured_codes), labels)
    concentration = (2 * information[chosen].sum(0) - information.sum(0)).tolist()
    pairs = zip(concentration, entropy(labels).tolist(), strict=True)
    per_factor = [value / whole if whole > 0 else None for value, whole in pairs]
    return {"score": mean_known(per_factor), "per_factor": per_factor, "subset": chosen}
