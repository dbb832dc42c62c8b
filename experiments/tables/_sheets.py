"""Sheets of images as the papers show them: originals, reconstructions, and latents that move one at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from ...representation.traversals import traverse
from ...representation.vae import VAE
from . import _drawing as drawing

FILE = "traversals.npz"
COLUMNS, REACH = 9, 3.0


def sheet(learner: VAE, images: Tensor, kl: Tensor) -> Tensor:
    """Rows of images, uint8 ``(2 + Z, 9, H, W, C)``.

    The first row holds originals, the second their reconstructions; in the others a latent moves from -3 to 3 and the
    rest stay at the first image's code, latents of largest KL divergence first.

    Args:
        learner: Encodes and decodes.
        images: uint8 ``(n, H, W, C)``, of which the first nine are shown.
        kl: Of each latent, ``(Z,)``.
    """
    shown = images[:COLUMNS]
    codes = learner.encode(shown)
    swept = traverse(learner, codes, COLUMNS, base=codes[0], reach=REACH)
    order = kl.argsort(descending=True).to(swept.device)
    return torch.cat([shown[None], learner.decode(codes)[None], swept[order]])


def write(learner: VAE, images: Tensor, kl: Tensor, folder: Path) -> None:
    """Keep a sheet and the order's KL divergences in a job's folder."""
    order = kl.sort(descending=True).values
    np.savez_compressed(folder / FILE, images=sheet(learner, images, kl).cpu().numpy(), kl=order.numpy())


def draw(folder: Path, most: int = 10) -> Figure:
    """The sheet that lies in a job's folder, with the first latents."""
    with np.load(folder / FILE) as file:
        names = ["original", "reconstruction", *(f"{value:.2f} nats" for value in file["kl"][:most])]
        return drawing.strips(file["images"][: len(names)], names)
