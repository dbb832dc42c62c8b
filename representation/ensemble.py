"""Several learners of one shape trained as one batched program: other seeds, or other coefficients."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.utils import _pytree as pytree

from ..errors import InputError
from .data import Data
from .training import Learner
from .turns import Turn


class Batches(NamedTuple):
    """What each member's step starts from."""

    batches: list[Any]
    """A batch each."""
    generators: list[torch.Generator]
    """Each member's own noise."""


class EnsembleData:
    """Every member's own data and noise, drawn as they would be for it alone.

    Args:
        sources: A `Data` each.
        seeds: Of each member's noise, as `FitOptions.seed` would be.
        device: Where noise is drawn.
    """

    def __init__(self, sources: Sequence[Data], seeds: Sequence[int], device: Any = "cpu") -> None:
        self.sources = sources
        self.generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]

    def draw(self) -> Batches:
        """The next batch of every member."""
        return Batches([source.draw() for source in self.sources], self.generators)

    def state_dict(self) -> dict[str, Any]:
        """All that decides the batches and the noise to come."""
        sources = {i: source.state_dict() for i, source in enumerate(self.sources)}
        return {"sources": sources, "noise": {i: one.get_state() for i, one in enumerate(self.generators)}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on exactly where `state_dict` was taken."""
        for i, source in enumerate(self.sources):
            source.load_state_dict(state["sources"][i])
            self.generators[i].set_state(state["noise"][i])


class Ensemble(Learner):
    """N learners whose weights lie stacked; a step of all is one call of `torch.vmap`.

    Losses are added, so every member has its own gradients, and Adam works number by number: each member goes the
    way that it would go alone, up to rounding.

    Args:
        members: Learners of one class and shape; their weights are copied.
        vary: Names of fields of the members' ``coefficients`` that differ between them; numbers all.
        labels: The members' names in terms and messages; by default their numbers.

    Raises:
        InputError: Other fields of the coefficients differ, too; or the members act as they learn.
    """

    def __init__(self, members: Sequence[Learner], vary: Sequence[str] = (), labels: Sequence[str] = ()) -> None:
        super().__init__()
        if any(one.acts for one in members):
            raise InputError("learners that act as they learn can't share a program; train them one by one")
        weights, buffers = stack_module_state([*members])
        self.weights = nn.ParameterDict({_key(name): nn.Parameter(part.detach()) for name, part in weights.items()})
        self.buffer_names = list(buffers)
        for name, part in buffers.items():
            self.register_buffer(_key(name), part.clone())
        settings = [_coefficients(one) for one in members]
        for name in settings[0]:
            if name not in vary and any(one[name] != settings[0][name] for one in settings):
                raise InputError(f"{name} differs between the members; name it in vary, or make it the same")
        self.vary, self.labels = list(vary), list(labels) or [str(i) for i in range(len(members))]
        values = [[float(one[name]) for name in vary] for one in settings]
        self.register_buffer("values", torch.tensor(values).view(len(members), len(self.vary)), persistent=False)
        self.templates = [copy.deepcopy(one) for one in members]  # in a list: their weights are not this module's

    def __len__(self) -> int:
        return len(self.get_buffer("values"))

    def prepare(self, batch: Batches, step: int, generator: torch.Generator) -> Any:
        """Each member's own inputs, stacked."""
        del generator
        base = self.templates[0]
        pairs = zip(batch.batches, batch.generators, strict=True)
        return pytree.tree_map(_stack, *[base.prepare(one, step, noise) for one, noise in pairs])

    def forward(self, inputs: Any, turn: int = 0) -> dict[str, Tensor]:
        """Means of the members' terms; ``"loss"`` is their sum, and ``"loss of LABEL"`` a member's own."""
        weights = {_name(name): part for name, part in self.weights.items()}
        buffers = {name: self.get_buffer(_key(name)) for name in self.buffer_names}
        dims = pytree.tree_map(lambda leaf: 0 if isinstance(leaf, Tensor) else None, inputs)

        def one(weights: Any, buffers: Any, values: Tensor, inputs: Any) -> Any:
            with self._base(values) as base:
                return functional_call(base, {**weights, **buffers}, (inputs, turn))

        terms: dict[str, Tensor] = vmap(one, (0, 0, 0, dims))(weights, buffers, self.get_buffer("values"), inputs)
        losses = {f"loss of {label}": loss for label, loss in zip(self.labels, terms["loss"].detach(), strict=True)}
        means = {name: value.detach().mean() for name, value in terms.items() if name != "loss"}
        return {**losses, "loss": terms["loss"].sum(), **means}

    def turns(self) -> list[Turn]:
        """The members' turns, over the stacked weights."""
        names = {part: _key(name) for name, part in self.templates[0].named_parameters()}
        first, *others = [template.turns() for template in self.templates]
        if any(
            one._replace(parameters=[]) != two._replace(parameters=[])
            for each in others
            for one, two in zip(first, each, strict=True)
        ):
            raise InputError(
                f"{', '.join(self.vary)} sets how a player is trained, so its values can't share a program"
            )
        return [turn._replace(parameters=[self.weights[names[part]] for part in turn.parameters]) for turn in first]

    def members(self) -> list[Learner]:
        """The learners, each with its own weights."""
        return [self._member(i) for i in range(len(self))]

    def _member(self, i: int) -> Learner:
        member = copy.deepcopy(self.templates[i])
        state = {_name(name): part[i].detach() for name, part in self.weights.items()}
        state |= {name: self.get_buffer(_key(name))[i] for name in self.buffer_names}
        member.load_state_dict({name: state[name] for name in member.state_dict()})  # some buffers are not kept
        return member.to(next(iter(self.weights.values())).device)

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Codes ``(N, B, D)`` of uint8 images ``(B, H, W, C)``, by every member."""
        return torch.stack([member.encode(images) for member in self.members()])

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """uint8 images ``(N, B, H, W, C)`` of every member's codes ``(N, B, D)``."""
        return torch.stack([member.decode(one) for member, one in zip(self.members(), codes, strict=True)])

    @contextmanager
    def _base(self, values: Tensor) -> Iterator[Learner]:
        """The learner that stands for all, with a member's coefficients; they were checked when it was made."""
        base: Any = self.templates[0]
        if not self.vary:
            yield base
            return
        own = base.coefficients
        base.coefficients = copy.copy(own)
        for name, value in zip(self.vary, values.unbind(), strict=True):
            object.__setattr__(base.coefficients, name, value)
        try:
            yield base
        finally:
            base.coefficients = own


def _coefficients(learner: Any) -> dict[str, Any]:
    return dict(vars(learner.coefficients)) if hasattr(learner, "coefficients") else {}


def _name(key: str) -> str:
    """The weight's name again."""
    return key.replace(":", ".")


def _key(name: str) -> str:
    """A weight's name without dots, which module containers don't take."""
    return name.replace(".", ":")


def _stack(*parts: Any) -> Any:
    return torch.stack(parts) if isinstance(parts[0], Tensor) else parts[0]
