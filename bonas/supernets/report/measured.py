"""What was measured of networks: one value or several of each, with one training seed each.

Optuna's studies and the results of bonas are read by what they offer, since both belong to higher
floors.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from optuna.trial import FrozenTrial, TrialState

from bonas.arguments import is_number
from bonas.errors import BonasError, InvalidArgument, unknown
from bonas.evaluation import Objective, as_objectives
from bonas.spaces import Choices, Space

Values = float | Mapping[str, float]
Pairs = Iterable[tuple[Choices, Values]]
"""Choices, and what was measured of the network: a name -> a value, or the only value."""

_SECONDS = "seconds"  # what ``ShortTraining`` calls the time of a training


@runtime_checkable
class Study(Protocol):
    """What is read of an ``optuna.Study``."""

    @property
    def directions(self) -> Sequence[Any]: ...

    @property
    def metric_names(self) -> Sequence[str] | None: ...

    def get_trials(self, deepcopy: bool = True) -> list[FrozenTrial]: ...


@runtime_checkable
class Result(Protocol):
    """What is read of a ``bonas.SearchResult``."""

    @property
    def study(self) -> Study: ...

    @property
    def objectives(self) -> Sequence[Objective]: ...


Source = Study | Result | Pairs


@dataclass(frozen=True)
class Network:
    """A network, and what was measured of it.

    Attributes:
        choices: Of the space.
        number: Of its first trial, which decides the seed of a training.
        values: An objective -> one value per training, in their order.
    """

    choices: Choices
    number: int
    values: Mapping[str, list[float]]


@dataclass(frozen=True)
class Measured:
    """What a study measured.

    Attributes:
        networks: No two of them the same architecture.
        objectives: What was measured.
        seconds: How long the trainings took, where that is known.
    """

    networks: Sequence[Network]
    objectives: Sequence[Objective]
    seconds: Sequence[float]

    @classmethod
    def of(cls, source: Source, space: Space, own: Sequence[Objective]) -> Measured:
        """Read what was measured of networks of a space.

        Trials that are not complete, have a value that is not finite, or are no network of the
        space are left out.

        Args:
            source: A result, a study, or pairs.
            space: That of the networks.
            own: The objectives that pairs are of, and a study of one objective without a name.

        Raises:
            InvalidArgument: for anything else, or a pair that is not of the space.
        """
        if isinstance(source, Result):
            return cls._of_study(source.study, space, source.objectives)
        if isinstance(source, Study):
            return cls._of_study(source, space, _objectives(source, own))
        return cls._of_pairs(source, space, own)

    @classmethod
    def _of_study(cls, study: Study, space: Space, objectives: Sequence[Objective]) -> Measured:
        found, seconds = _Networks(space, objectives), []
        for trial in study.get_trials(deepcopy=False):
            values = trial.values if trial.state is TrialState.COMPLETE else None
            if not values or not all(math.isfinite(value) for value in values):
                continue
            choices = _choices(space, trial)
            if choices is None:
                continue
            named = {o.name: v for o, v in zip(objectives, values, strict=True)}
            found.add(choices, trial.number, named)
            took = _seconds(trial)
            seconds += [] if took is None else [took]
        return cls(found.all, objectives, seconds)

    @classmethod
    def _of_pairs(cls, pairs: object, space: Space, own: Sequence[Objective]) -> Measured:
        expected = (
            "expected a result of bonas.optimize, an optuna.Study, or pairs of choices and what "
            "was measured of them, such as ({...}, 97.5)"
        )
        if not isinstance(pairs, Iterable) or isinstance(pairs, str | bytes | Mapping):
            raise InvalidArgument(f"{expected}; got {pairs!r}")
        found = _Networks(space, own)
        for number, pair in enumerate(pairs):
            if not isinstance(pair, Sequence) or len(pair) != 2:
                raise InvalidArgument(f"{expected}; got {pair!r}")
            choices, values = pair
            named = values if isinstance(values, Mapping) else {own[0].name: values}
            if not isinstance(choices, Mapping) or not all(map(is_number, named.values())):
                raise InvalidArgument(f"{expected}; got {pair!r}")
            found.add(_checked(space, choices), number, named)
        return cls(found.all, own, ())

    def chosen(self, name: str | None, own: Sequence[Objective]) -> list[Objective]:
        """Return the named objective; by default those that a training measures, or else all.

        Raises:
            InvalidArgument: if it was not measured.
        """
        names = [each.name for each in self.objectives]
        if name is not None:
            if name not in names:
                raise unknown("objective", name, names)
            return [self.objectives[names.index(name)]]
        trained = {each.name for each in own}
        return [each for each in self.objectives if each.name in trained] or [*self.objectives]


class _Networks:
    """Networks with their values, joined where they are one architecture."""

    def __init__(self, space: Space, objectives: Sequence[Objective]) -> None:
        self._space, self._names = space, [each.name for each in objectives]
        self._known: dict[Any, Network] = {}

    def add(self, choices: Choices, number: int, values: Mapping[str, float]) -> None:
        """Add what was measured of a network."""
        numbers = {name: choices[name] for name in self._space.numeric if name in choices}
        own = {name: value for name, value in choices.items() if name not in numbers}
        key = self._space.architecture(own).key, tuple(numbers.items())
        network = self._known.setdefault(
            key, Network(choices, number, {name: [] for name in self._names})
        )
        for name in self._names:
            if name in values and math.isfinite(values[name]):
                network.values[name].append(float(values[name]))

    @property
    def all(self) -> list[Network]:
        """The networks, in the order in which they came."""
        return list(self._known.values())


def _objectives(study: Study, own: Sequence[Objective]) -> Sequence[Objective]:
    """Return the objectives of a study, by its names where it has some."""
    directions = [direction.name.lower() for direction in study.directions]
    names = study.metric_names
    if names is None:
        few = len(directions) == 1
        names = [own[0].name] if few else [f"objective {i}" for i in range(len(directions))]
    return as_objectives(dict(zip(names, directions, strict=True)))


def _choices(space: Space, trial: FrozenTrial) -> Choices | None:
    """Return the choices of a trial, and its numbers that are of the space; None if it has none."""
    names = [*space.distributions, *space.numeric]
    try:
        choices = _checked(space, {n: trial.params[n] for n in names if n in trial.params})
    except BonasError:
        return None
    return choices


def _checked(space: Space, choices: Choices) -> Choices:
    """Return choices of a space, and numbers of it as they are.

    Raises:
        InvalidArgument: if they are of another space.
    """
    numbers = {name: choices[name] for name in space.numeric if name in choices}
    own = {name: value for name, value in choices.items() if name not in numbers}
    try:
        checked = space.checked(own)
    except BonasError as error:
        raise InvalidArgument(
            f"expected choices of {type(space).__name__}, got {dict(choices)} ({error}); leave "
            "this network out"
        ) from error
    return {**checked, **numbers}


def _seconds(trial: FrozenTrial) -> float | None:
    """Return how long a training took; where it does not say, how long its trial took."""
    own = trial.user_attrs.get(_SECONDS)
    if is_number(own) and own > 0:
        return float(own)
    duration = trial.duration
    return None if duration is None else duration.total_seconds()
