"""Handwritten digits: MNIST where its files lie in the data folder, else the small ones that scikit-learn brings along.

MNIST (LeCun, Cortes and Burges) is read from its own ``idx`` files in ``$UNBRAID_DATA/mnist``; those of scikit-learn's
`load_digits` are 8 x 8 pixels and are enlarged.
"""

from __future__ import annotations

import gzip
import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

# Test digits first, so that the first exemplars are the same with and without the training files.
PARTS = (
    ("t10k", "9fb629c4189551a2d022fa330f9573f3", "ec29112dd5afa0611ce80d1b7f02629c"),
    ("train", "f68b3c2dcbeaaa9fbdd348bbdeb94873", "d53e105ee54ea40749a09fcbcd1e9432"),
)
"""Of each part of MNIST the name, and the MD5 of its images' and its labels' file."""


class DigitSet(NamedTuple):
    """Pictures of digits, and where they are from."""

    images: Tensor
    """uint8 ``(N, h, w)``: 0 is paper, 255 is ink"""
    labels: Tensor
    """int64 ``(N,)``: 0 .. 9"""
    source: Literal["mnist", "sklearn"]

    def exemplars(self, styles: int, size_px: int) -> Tensor:
        """The first ``styles`` pictures of each digit, ``size_px`` wide: uint8 ``(10, styles, size_px, size_px)``.

        Raises:
            ValueError: Fewer than one style, or more than there are pictures of the rarest digit.
        """
        most = int(torch.bincount(self.labels, minlength=10).min())
        if not 1 <= styles <= most:
            raise ValueError(f"styles must be 1 .. {most} (pictures of each digit in {self.source}), not {styles}")
        rows = torch.stack([(self.labels == digit).nonzero()[:styles, 0] for digit in range(10)])
        chosen = self.images[rows.flatten()]
        if chosen.shape[-1] != size_px:
            chosen = (
                interpolate(chosen[:, None].float(), (size_px, size_px), mode="bilinear", antialias=True)
                .round()
                .to(torch.uint8)
            )
        return chosen.view(10, styles, size_px, size_px)


def load() -> DigitSet:
    """The digits at hand, read once per process.

    Raises:
        ValueError: A file of MNIST that is damaged, or whose counterpart is missing.
    """
    folder = os.environ.get("UNBRAID_DATA")
    return _load(Path(folder) / "mnist" if folder else None)


@lru_cache(maxsize=2)
def _load(folder: Path | None) -> DigitSet:
    found = [part for part in PARTS if folder and any(path.exists() for path in _files(folder, part[0]))]
    if folder is None or not found:
        return _sklearn()
    parts = [[_read(path, md5) for path, md5 in zip(_files(folder, part[0]), part[1:], strict=True)] for part in found]
    images, labels = (torch.from_numpy(np.concatenate(arrays)) for arrays in zip(*parts, strict=True))
    return DigitSet(images, labels.long(), "mnist")


def _files(folder: Path, part: str) -> tuple[Path, Path]:
    return folder / f"{part}-images-idx3-ubyte.gz", folder / f"{part}-labels-idx1-ubyte.gz"


def _read(path: Path, md5: str) -> NDArray[np.uint8]:
    """An ``idx`` file of bytes: two zeros, type, number of dimensions, each dimension as 4 bytes, then the values."""
    if not path.exists():
        raise ValueError(f"{path} is missing; images and labels of MNIST belong together: add it, or remove the other")
    packed = path.read_bytes()
    found = hashlib.md5(packed, usedforsecurity=False).hexdigest()
    if found != md5:
        raise ValueError(f"{path} is damaged: its MD5 is {found}, not {md5}; download it again")
    data = gzip.decompress(packed)
    dimensions = data[3]
    shape = np.frombuffer(data, ">u4", dimensions, offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def _sklearn() -> DigitSet:
    from sklearn.datasets import load_digits  # takes a second that users of MNIST don't need

    digits = load_digits()
    images = torch.from_numpy(np.rint(digits.images * (255 / 16)).astype(np.uint8))
    return DigitSet(images, torch.from_numpy(digits.target).long(), "sklearn")
