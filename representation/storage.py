"""Trees of tensors on disk: one safetensors file, written whole or not at all, checked against its own digest."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..errors import InputError

DIGEST = "sha256"


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a file beside ``path``, bring it to the disk, then put it in ``path``'s place in one step."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except (OSError, SafetensorError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"can't write {path}: {why}; what was there is unharmed") from error
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    """The process's own: a file that a library makes private is to be as readable as the others."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def save_tensors(path: Path, tree: dict[str, Any]) -> None:
    """Write a tree of dicts (keys: text or integers) whose leaves are tensors or numbers."""
    flat = {name: tensor.detach().cpu().contiguous() for name, tensor in _flatten(tree).items()}
    write_atomically(path, lambda file: save_file(flat, file, metadata={DIGEST: _digest(flat)}))


def load_tensors(path: Path) -> dict[str, Any]:
    """The tree that `save_tensors` wrote, its leaves all tensors on the CPU. Nothing in the file is executed.

    Raises:
        InputError: The file is missing, cut short or altered.
    """
    try:
        with safe_open(path, framework="pt") as file:
            expected = (file.metadata() or {}).get(DIGEST)
            flat = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise InputError(f"{path} is missing; was the run interrupted before its first checkpoint?") from None
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"{path} is damaged ({error}); restore it from a copy, or train again with --overwrite"
        ) from None
    if _digest(flat) != expected:
        raise InputError(
            f"{path} is damaged (its checksum differs); restore it from a copy, or train again with --overwrite"
        )
    return _unflatten(flat)


def _digest(flat: dict[str, Tensor]) -> str:
    total = hashlib.sha256()
    for name in sorted(flat):
        total.update(f"{name} {flat[name].dtype} {tuple(flat[name].shape)}".encode())
        total.update(flat[name].contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def _flatten(tree: dict[Any, Any], prefix: str = "") -> dict[str, Tensor]:
    flat: dict[str, Tensor] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        flat |= _flatten(value, f"{name}/") if isinstance(value, dict) else {name: torch.as_tensor(value)}
    return flat


def _unflatten(flat: dict[str, Tensor]) -> dict[str, Any]:
    tree: dict[Any, Any] = {}
    for name, tensor in flat.items():
        *folders, last = (int(part) if part.isdigit() else part for part in name.split("/"))
        place = tree
        for folder in folders:
            place = place.setdefault(folder, {})
        place[last] = tensor
    return tree
