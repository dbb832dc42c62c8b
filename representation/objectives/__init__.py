"""Objectives, one file each; the file's name is the objective's name, and a user's own is ``module:name``.

A file offers

- ``Config``, a frozen dataclass of coefficients;
- ``loss_terms(config, model, batch)``: named scalars in nats per image, of which ``"loss"`` is minimised. It is a pure
  function: `Model` is what can be asked, `Batch` holds images and all noise;

and, where it needs them,

- ``DRAWS``: how many independent draws of noise a step takes (1);
- ``PAIRS``: True where ``batch.partner`` is needed;
- ``extra(config, latents)``: a module that the model then owns as ``model.extra``: a discriminator, a codebook, a
  running estimate; a user's own keeps the weights that it is made with;
- ``second_terms(config, model, batch)``: the loss of a second player, who takes turns with the first, each time on a
  batch of its own; and ``second_turn(config, model)``, the `Turn` that says what it trains, how fast and how often;
- ``code(config, model, mu)``: the code that is evaluated, where it isn't the posterior mean;
- a coefficient ``layer``, a text: the part of the model whose output ``model.activation(layer)`` then gives, such as
  ``encoder.0``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor, nn

from ... import lookup
from ...errors import InputError
from ..turns import Turn

PACKAGE = "representation.objectives"

Terms = Callable[[Any, Any, Any], dict[str, Tensor]]


class Objective(NamedTuple):
    """What an objective's file offers, found once."""

    Config: type
    loss_terms: Terms
    draws: int = 1
    pairs: bool = False
    extra: Callable[[Any, int], nn.Module] | None = None
    second_terms: Terms | None = None
    second_turn: Callable[[Any, Any], Turn] | None = None
    code: Callable[[Any, Any, Tensor], Tensor] | None = None


def names() -> list[str]:
    """All objectives."""
    return lookup.names(PACKAGE)


def objective(name: str) -> Objective:
    """The objective of that name, ours or a user's ``module:name``.

    Raises:
        UnknownNameError: There is none.
        InputError: The user's file can't be imported, or lacks ``Config``, ``loss_terms``, or half of a second player.
    """
    file = lookup.load(PACKAGE, name, "objective")
    missing = [part for part in ("Config", "loss_terms") if not hasattr(file, part)]
    if missing:
        raise InputError(f"objective {name!r} lacks {' and '.join(missing)}: its file must define both")
    turn, terms = (hasattr(file, part) for part in ("second_turn", "second_terms"))
    if turn != terms:
        has, lacks = ("second_turn", "second_terms") if turn else ("second_terms", "second_turn")
        raise InputError(f"objective {name!r} has {has} but no {lacks}: a second player needs both")
    optional = {part: getattr(file, part, None) for part in ("extra", "second_terms", "second_turn", "code")}
    draws, pairs = getattr(file, "DRAWS", 1), getattr(file, "PAIRS", False)
    return Objective(file.Config, file.loss_terms, draws, pairs, **optional)


def name_of(config: Any) -> str:
    """The name under which the objective of these coefficients is found again."""
    package, _, name = type(config).__module__.rpartition(".")
    return name if package == __name__ else f"{package or name}:{name}"
