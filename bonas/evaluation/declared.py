"""Declarations: what an evaluator or a space may say about itself beyond what it must have.

Each is a small protocol, read by one function. A name that is almost one of an evaluator's is
refused, since a misspelt ``describe`` would otherwise leave a study without its description.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any, Final, Literal, Protocol, runtime_checkable

from bonas.arguments import is_number
from bonas.errors import InvalidArgument
from bonas.evaluation.objective import Objective

CHEAP: Final = "cheap"
"""What an evaluator declares as its cost if it takes seconds, where a training takes minutes."""
_CHEAP_SECONDS = 1.0  # that this stands for, until some were measured
_CLOSE = 0.85  # similarity above which a name counts as a misspelling


@runtime_checkable
class SupportsObjectives(Protocol):
    """An evaluator that says which of its measurements are to be optimised."""

    @property
    def objectives(self) -> Sequence[Objective]:
        """The objectives, in order."""
        ...


@runtime_checkable
class SupportsDescribe(Protocol):
    """An evaluator that says what decides its measurements, so that studies can be compared."""

    def describe(self) -> dict[str, Any]:
        """Return JSON values under the objectives' names."""
        ...


@runtime_checkable
class SupportsCost(Protocol):
    """An evaluator that says how long it takes, so that cheap ones can go first."""

    @property
    def cost(self) -> float | Literal["cheap"]:
        """Seconds per candidate, roughly; 0 for a formula that takes microseconds."""
        ...


@runtime_checkable
class SupportsPhase(Protocol):
    """An evaluator that says under which name its failures are stored."""

    @property
    def phase(self) -> str:
        """Such as ``"training"``."""
        ...


@runtime_checkable
class SupportsData(Protocol):
    """An evaluator that measures more truly with rows of the data that networks are trained on."""

    def with_data(self, data: Callable[[], object]) -> Any:
        """Return the evaluator with a function that loads them, or itself if it has its own."""
        ...


@runtime_checkable
class SupportsInputShape(Protocol):
    """A space that says the shape of one input of its networks."""

    @property
    def input_shape(self) -> Sequence[int] | None:
        """The shape, without the batch; None if any will do."""
        ...


@runtime_checkable
class SupportsVocabulary(Protocol):
    """A space whose networks take token ids."""

    @property
    def vocabulary(self) -> int | None:
        """How many ids there are; None if inputs are no tokens."""
        ...


@runtime_checkable
class SupportsTask(Protocol):
    """A space that says what its networks are for."""

    @property
    def task(self) -> str:
        """Such as ``"language_model"``."""
        ...


def declared_objectives(evaluate: object) -> tuple[Objective, ...]:
    """Return the objectives that an evaluator declares; empty for a plain function."""
    return tuple(evaluate.objectives) if isinstance(evaluate, SupportsObjectives) else ()


def declared_description(evaluate: object) -> dict[str, Any]:
    """Return what an evaluator says decides its measurements; empty for a plain function."""
    return evaluate.describe() if isinstance(evaluate, SupportsDescribe) else {}


def declared_cost(evaluate: object) -> float:
    """Return the seconds that an evaluator declares to take; infinity if it does not say.

    Raises:
        InvalidArgument: if it declares something else.
    """
    if not isinstance(evaluate, SupportsCost):
        return math.inf
    cost: object = evaluate.cost
    if isinstance(cost, str) and cost == CHEAP:
        return _CHEAP_SECONDS
    if is_number(cost) and cost >= 0:
        return cost
    raise InvalidArgument(
        f"the cost of {evaluate!r} must be a number of at least 0, got {cost!r}; give the seconds "
        f'per candidate, "{CHEAP}" for a few, or declare none for a training'
    )


def phase_name(evaluate: object) -> str:
    """Return the phase of an evaluation in which an evaluator is at work.

    That is what it declares, or else the name of the function or of the class.
    """
    if isinstance(evaluate, SupportsPhase):
        return str(evaluate.phase)
    function: object = getattr(evaluate, "__name__", None)
    if isinstance(function, str):
        return "evaluation" if function == "<lambda>" else function
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(evaluate).__name__).lower()


def input_shape_of(space: object) -> tuple[int, ...] | None:
    """Return the shape of one input that a space declares, without the batch; None if none."""
    shape = space.input_shape if isinstance(space, SupportsInputShape) else None
    return None if shape is None else tuple(shape)


def vocabulary_of(space: object) -> int | None:
    """Return how many token ids the networks of a space take; None if they take other inputs."""
    return space.vocabulary if isinstance(space, SupportsVocabulary) else None


def task_of(space: object) -> str | None:
    """Return what a space declares its networks to be for; None if it does not say."""
    return space.task if isinstance(space, SupportsTask) else None


def check_spelling(evaluate: object) -> None:
    """Refuse an evaluator with a misspelt declaration.

    A public attribute is one if its name is close to a missing declaration's and it holds what that
    would: a method instead of ``describe``, objectives instead of ``objectives``.

    Raises:
        InvalidArgument: naming both spellings.
    """
    names = [name for name in dir(evaluate) if not name.startswith("_")]
    for wanted, is_meant in _MEANT.items():
        if wanted in names:
            continue
        for name in get_close_matches(wanted, names, cutoff=_CLOSE):
            if is_meant(getattr(evaluate, name)):
                raise InvalidArgument(
                    f"expected an evaluator to declare {wanted!r}, got {name!r} on "
                    f"{type(evaluate).__name__}; rename it, or give it a name less similar"
                )


def _are_objectives(value: object) -> bool:
    several = value if isinstance(value, (list, tuple)) else [value]
    return bool(several) and all(isinstance(one, Objective) for one in several)


_MEANT: dict[str, Callable[[object], bool]] = {
    "describe": callable,
    "objectives": _are_objectives,
}
