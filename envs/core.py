"""The contract of a world: factors, batched dynamics, observation and intervention."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, Literal, Protocol, TypeVar, cast, runtime_checkable

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from .streams import Streams

Kind = Literal["categorical", "ordinal", "continuous", "cyclic"]
Observation = Tensor | dict[str, Tensor]
StateT = TypeVar("StateT", bound=tuple[Tensor, ...])


@dataclass(frozen=True)
class Factor:
    """A named ground-truth variable of a world.

    Args:
        name: As in ``"agent.x"``: the object, a dot, its property.
        kind: ``categorical`` (no order), ``ordinal``, ``continuous`` or ``cyclic`` (``high`` is next to ``low``).
        low: Smallest value, in ``unit``; 0 where categorical.
        high: Largest value, in ``unit``; ``size`` - 1 where categorical.
        size: Number of values, evenly spaced from ``low`` to ``high``; None for a continuum.
        unit: ``"tile"``, ``"px"``, ``"m"``, ``"rad"``, or ``""``.
        controllable: Whether some action changes it.
    """

    name: str
    kind: Kind
    low: float
    high: float
    size: int | None
    unit: str
    controllable: bool

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ValueError(f"factor {self.name!r}: low {self.low} must not exceed high {self.high}")
        if self.size is None and self.kind in ("categorical", "ordinal"):
            raise ValueError(f"factor {self.name!r}: a factor of kind {self.kind!r} needs a size")
        if self.size is not None and self.size < 1:
            raise ValueError(f"factor {self.name!r}: size must be at least 1, not {self.size}")

    def check(self, values: Tensor) -> None:
        """Raise `ValueError` unless every value (``(n,)``) is one this factor can take."""
        bad = ~((values >= self.low) & (values <= self.high))
        allowed = f"{self.low:g} .. {self.high:g}"
        if self.size is not None and self.size > 1:
            steps = (values.double() - self.low) * (self.size - 1) / (self.high - self.low)
            bad |= (steps - steps.round()).abs() > 1e-4
            allowed = f"{self.size} values from {self.low:g} to {self.high:g}"
        if bool(bad.any()):
            raise ValueError(
                f"factor {self.name!r} can't be {float(values[bad][0]):g}: it takes {allowed} {self.unit}".rstrip()
            )


@runtime_checkable
class Factored(Protocol):
    """What everything downstream asks of an environment: its factors, to read and to set, and a look at it.

    Arrays are ``(K,)`` for a single environment and ``(n, K)`` for a vector environment.
    """

    factors: tuple[Factor, ...]

    def get_factors(self) -> Any:
        """Values of all factors, float32, in their units."""

    def set_factors(self, values: Any) -> None:
        """Intervene: go to a state that holds these values. Impossible values raise `ValueError`."""

    def observe(self) -> Any:
        """The observation of the present state."""


class World(ABC, Generic[StateT]):
    """A batched simulator: a torch program over n states that share one layout.

    A state is a NamedTuple of tensors whose first dimension is n. Nothing here keeps one: each method takes the
    state it works on and leaves it as it was, so saving, restoring and lookahead are plain assignment.

    Attributes:
        factors: The ground-truth variables, in the order of `get_factors`'s columns.
        observation_space: Of one environment.
        action_space: Of one environment.
        action_names: A name for each discrete action, for people; empty where actions are continuous.
        rules: What there is to do, in a paragraph for people; empty where there is nothing.
        object_names: The objects that `get_masks` marks, in order; the factors of ``"agent"`` are named ``"agent.*"``.
        device: Where the tensors live.
    """

    factors: tuple[Factor, ...]
    observation_space: spaces.Space[Any]
    action_space: spaces.Space[Any]
    action_names: tuple[str, ...] = ()
    object_names: tuple[str, ...] = ()
    rules: str = ""

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)

    @classmethod
    def options_class(cls) -> type:
        """The class whose signature and docstring tell the world's options: this one, unless it says another."""
        return cls

    @classmethod
    def option_names(cls) -> tuple[str, ...]:
        """Names of the options that the class takes, its device apart."""
        return tuple(name for name in inspect.signature(cls.options_class()).parameters if name != "device")

    @abstractmethod
    def reset(self, n: int, rng: Streams, options: Mapping[str, Any] | None = None) -> StateT:
        """``n`` fresh states, row i drawn from row i of ``rng``.

        ``options["factors"]`` may fix factors: name -> a value, or ``(n,)`` values; the others are drawn.
        """

    @abstractmethod
    def step(self, state: StateT, action: Tensor, rng: Streams) -> tuple[StateT, Tensor, Tensor]:
        """One step of every row: ``(state, reward float32 (n,), terminated bool (n,))``."""

    @abstractmethod
    def observe(self, state: StateT) -> Observation:
        """What an agent sees: uint8 images ``(n, H, W, C)``, another array of n rows, or a dict of such."""

    @abstractmethod
    def get_factors(self, state: StateT) -> Tensor:
        """The factors' values: float32 ``(n, K)``, in their units."""

    @abstractmethod
    def set_factors(self, values: Tensor) -> StateT:
        """States that hold these values, ``(n, K)``: an intervention. Impossible values raise `ValueError`."""

    def get_masks(self, state: StateT) -> Tensor:
        """Where each object is in the picture that `render` gives: bool ``(n, len(object_names), H, W)``.

        A mask holds every pixel that its object colours, also in part (antialiasing).
        """
        raise NotImplementedError(f"{type(self).__name__} states no objects")

    def goal(self, state: StateT) -> StateT:
        """States where the task that these set is done, all else as in them: what a planner is shown to reach."""
        raise NotImplementedError(f"{type(self).__name__} sets no task that a state fulfils")

    def get_info(self, state: StateT) -> dict[str, Any]:
        """What else Gymnasium's ``info`` tells of these states: tensors of n rows, or one value for all of them.

        ``is_success``, bool ``(n,)``, is there where the world sets a task: whether it has been done.
        """
        return {}

    def describe(self, state: StateT) -> list[str]:
        """What each player is told, a line of words for people; empty where there is nothing to say."""
        return [""] * len(state[0])

    def render(self, state: StateT) -> Tensor:
        """uint8 images ``(n, H, W, 3)`` for people; by default what the agent sees, grey where it has one channel.

        Two channels are shown as red and green; of more than three, the first three.
        """
        images = self.observe(state)
        if isinstance(images, dict) or images.ndim != 4 or images.dtype != torch.uint8:
            raise NotImplementedError(f"{type(self).__name__} must say how to render what is no image")
        return to_colours(images)

    def check_factors(self, values: Any) -> Tensor:
        """``values`` as float32 ``(n, K)`` on the device, every value within its factor's range.

        Raises:
            ValueError: A wrong shape, or a value that its factor can't take (the message names factor and range).
        """
        tensor = torch.as_tensor(values, dtype=torch.float32, device=self.device)
        if tensor.ndim != 2 or tensor.shape[1] != len(self.factors):
            raise ValueError(f"factor values must have shape (n, {len(self.factors)}), not {tuple(tensor.shape)}")
        for k, factor in enumerate(self.factors):
            factor.check(tensor[:, k])
        return tensor

    def check_actions(self, actions: Any, n: int) -> Tensor:
        """``actions`` as a tensor of n rows on the device: int64 ``(n,)`` or ``(n, agents)``, float32 ``(n, *shape)``.

        Raises:
            ValueError: A wrong shape, NaN, or an action outside the action space.
        """
        given = actions if isinstance(actions, Tensor) else np.asarray(actions)
        bounds, dtype, allowed = self._action_bounds
        low, high = bounds if isinstance(given, Tensor) else self._action_limits
        if given.shape != (n, *low.shape):
            raise ValueError(f"actions must have shape {(n, *low.shape)}, not {tuple(given.shape)}")
        tensor = torch.as_tensor(given, dtype=dtype, device=self.device)
        if given.shape == (1,) and low <= given.item() <= high and given.item() == int(given.item()):
            return tensor  # the one action of a single environment, without the cost of arrays
        bad = ~((given >= low) & (given <= high))
        if not dtype.is_floating_point and "float" in str(given.dtype):
            bad |= given % 1 != 0
        if bad.any():
            raise ValueError(f"action {given[bad][0].item():g} is not possible: actions are {allowed}")
        return tensor

    @cached_property
    def _action_limits(self) -> tuple[NDArray[Any], ...]:
        """Lowest and highest action."""
        return tuple(bound.cpu().numpy() for bound in self._action_bounds[0])

    @cached_property
    def _action_bounds(self) -> tuple[tuple[Tensor, ...], torch.dtype, str]:
        """Lowest and highest action, their type, and the range in words."""
        space = self.action_space
        if isinstance(space, spaces.Box):
            low, high = (torch.as_tensor(b, dtype=torch.float32, device=self.device) for b in (space.low, space.high))
            return (low, high), torch.float32, f"numbers within {space}"
        counted = cast(spaces.Discrete | spaces.MultiDiscrete, space)
        counts = counted.n if isinstance(counted, spaces.Discrete) else counted.nvec
        low = torch.as_tensor(counted.start, device=self.device)
        high = low + torch.as_tensor(counts, device=self.device) - 1
        return (low, high), torch.int64, f"integers {low.tolist()} .. {high.tolist()}"


def each(observation: Observation, function: Callable[[Tensor], Any]) -> Any:
    """``function`` of the observation, or of each entry where it is a dict."""
    if isinstance(observation, dict):
        return {name: function(part) for name, part in observation.items()}
    return function(observation)


def to_colours(images: Tensor) -> Tensor:
    """Images of any number of channels as red, green and blue: ``(..., C)`` to ``(..., 3)``, one channel as grey."""
    channels = images.shape[-1]
    if channels == 1:
        return images.expand(*images.shape[:-1], 3)
    return torch.nn.functional.pad(images, (0, max(0, 3 - channels)))[..., :3]


def take(state: StateT, rows: Tensor) -> StateT:
    """The states of these rows (int64 or bool index), as a copy."""
    return type(state)(*(part.index_select(0, rows) if rows.dtype == torch.int64 else part[rows] for part in state))


def put(state: StateT, rows: Tensor, part: StateT) -> StateT:
    """``state`` with ``part`` in these rows (int64 index); the state handed in is left as it was."""
    pairs = zip(state, part, strict=True)
    return type(state)(*(old.index_copy(0, rows, new) if new.numel() else old for old, new in pairs))


def restored(present: StateT, saved: Mapping[Any, Tensor]) -> StateT:
    """A saved state's parts, by number, as a state like ``present``; `ValueError` for one of another world or size."""
    shapes = {k: (part.shape, part.dtype) for k, part in enumerate(present)}
    given = {int(k): (part.shape, part.dtype) for k, part in saved.items()}
    if shapes != given:
        odd = next(k for k in {**shapes, **given} if shapes.get(k) != given.get(k))
        raise ValueError(
            f"the saved state is of another world, other options or another number of environments: part {odd} is "
            f"{given.get(odd, 'missing')}, and here it is {shapes.get(odd, 'not known')}"
        )
    return type(present)(*(saved[k if k in saved else str(k)].to(part.device) for k, part in enumerate(present)))


def to_numpy(tensor: Tensor) -> NDArray[Any]:
    """The tensor as a NumPy array; on a CPU it shares memory."""
    return tensor.detach().cpu().numpy()


def fixed_factors(world: World[Any], n: int, options: Mapping[str, Any] | None) -> dict[str, Tensor]:
    """``options["factors"]`` checked: name -> float32 ``(n,)``.

    Raises:
        ValueError: An unknown option or factor, or a value that its factor can't take.
    """
    given = dict(options or {})
    wanted = given.pop("factors", {})
    known = {factor.name: factor for factor in world.factors}
    if given or not set(wanted) <= set(known):
        strange = sorted(given) + sorted(set(wanted) - set(known))
        raise ValueError(f"unknown reset option {strange[0]!r}: options take 'factors', a dict of {', '.join(known)}")
    fixed = {}
    for name, value in wanted.items():
        values = torch.as_tensor(np.asarray(value), dtype=torch.float32, device=world.device)
        if values.ndim > 1 or (values.ndim == 1 and len(values) != n):
            raise ValueError(
                f"reset option for factor {name!r} must be one value or {n}, not shape {tuple(values.shape)}"
            )
        fixed[name] = values.expand(n)
        known[name].check(fixed[name])
    return fixed
