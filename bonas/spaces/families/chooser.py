"""The chooser: what a builder asks for its choices, in either of two styles.

    width = choose("width", [16, 32, 64])                    # bonas
    width = trial.suggest_categorical("width", [16, 32, 64])  # Optuna

It records what was asked, and in which order. The decisions are those of an ``Answer``, which
replays given choices, draws them, or asks an Optuna trial.
"""

from __future__ import annotations

import copy
import datetime
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import BaseTrial
from torch import nn

from bonas.errors import InvalidSpace
from bonas.spaces.architecture import Choice, Choices
from bonas.spaces.families.listener import note_asked, note_copied, note_module
from bonas.spaces.families.named_options import NamedOptions, Options, named_options
from bonas.spaces.families.option_calls import call_option
from bonas.spaces.families.ranges import Number, Numbers, middle
from bonas.texts import objection, shown

Answer = Callable[[str, Options], Choice]

_MOST = 32  # values of an integer range that count as options


def replayed(given: Choices, rng: np.random.Generator | None = None) -> Answer:
    """Return an answer that repeats given choices; others are random, or first without ``rng``."""

    def answer(name: str, options: Options) -> Choice:
        if name in given:
            return given[name]
        return options[0 if rng is None else int(rng.integers(len(options)))]

    return answer


def resumed(choices: Choices, answer: Answer) -> Answer:
    """Return an answer that repeats given choices, and leaves all others to ``answer``."""
    return lambda name, options: choices[name] if name in choices else answer(name, options)


class MissingAttribute(InvalidSpace, AttributeError):
    """An attribute that a chooser does not have; ``hasattr`` is false for it."""


class Chooser(BaseTrial):
    """The questions of one run and their answers: call it, or use it as an Optuna trial.

    While bonas profiles networks there is no trial: attributes and constraints can be read in the
    same run and are stored nowhere, ``report`` does nothing, ``should_prune`` is false, ``number``
    is 0, and ``datetime_start`` is now. ``params`` and ``distributions`` hold what was asked for so
    far.

    Args:
        answer: Picks one of several options.
        number: Picks a number from a range.
        trial: The Optuna trial that attributes, constraints and reports are passed on to.

    Attributes:
        asked: A name -> its options, in the order of the questions.
        choices: A name -> the answer, where there was more than one option.
        numeric: A name -> its range, for parameters without options.
    """

    def __init__(
        self, answer: Answer, number: Number = middle, trial: BaseTrial | None = None
    ) -> None:
        self._answer, self._number, self._trial = answer, number, trial
        self.asked: dict[str, Options] = {}
        self.choices: dict[str, Choice] = {}
        self.numeric: dict[str, Numbers] = {}
        self._params: dict[str, Any] = {}
        self._user_attrs: dict[str, Any] = {}
        self._system_attrs: dict[str, Any] = {}
        self._constraints: dict[str, float] = {}

    def __call__(self, name: str, options: Any) -> Any:
        """Return the chosen one of ``options``.

        From a mapping, a key is chosen and its value returned: called, if it is a function or a
        class, and as it is, if it is a network. A network with weights is copied, so that no two
        networks share them.

        Raises:
            InvalidSpace: if the options are not a non-empty list or dict, differ from those of the
                same name before, or need arguments.
        """
        if not isinstance(options, Mapping):
            return self._pick(name, options)
        key = self._pick(name, options)
        picked = options[key]
        if callable(picked) and not isinstance(picked, nn.Module):
            return note_module(name, call_option(name, key, picked))
        return note_module(name, self._own_copy(name, picked))

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        """Suggest one of ``choices``, which may be of any kind; else as in ``optuna.Trial``."""
        return self._pick(name, choices)

    def suggest_int(self, name: str, low: int, high: int, step: int = 1, log: bool = False) -> int:
        """Suggest an integer: a choice if there are at most 32 values, else a number."""
        first, last, by = (_as_int(name, value) for value in (low, high, step))
        if by >= 1:
            last = first + (last - first) // by * by
        numbers = _make_range(name, lambda: IntDistribution(first, last, log=bool(log), step=by))
        assert isinstance(numbers, IntDistribution)
        values = range(numbers.low, numbers.high + 1, numbers.step)
        few = len(values) <= _MOST
        return int(self._pick(name, values) if few else self._suggest_number(name, numbers))

    def suggest_float(
        self, name: str, low: float, high: float, step: float | None = None, log: bool = False
    ) -> float:
        """Suggest a number, which is in no graph."""
        by = None if step is None else float(step)
        ends = float(low), float(high)
        numbers = _make_range(name, lambda: FloatDistribution(*ends, log=bool(log), step=by))
        return float(self._suggest_number(name, numbers))

    def suggest_uniform(self, name: str, low: float, high: float) -> float:
        """Suggest a number, as ``suggest_float`` does."""
        return self.suggest_float(name, low, high)

    def suggest_loguniform(self, name: str, low: float, high: float) -> float:
        """Suggest a number, as ``suggest_float`` does with ``log=True``."""
        return self.suggest_float(name, low, high, log=True)

    def suggest_discrete_uniform(self, name: str, low: float, high: float, q: float) -> float:
        """Suggest a number, as ``suggest_float`` does with ``step=q``."""
        return self.suggest_float(name, low, high, step=q)

    def report(self, value: float, step: int) -> None:
        """Report to the trial, unless there is none or it has several objectives."""
        if self._trial is not None:
            with suppress(NotImplementedError):
                self._trial.report(value, step)

    def should_prune(self) -> bool:
        """Return whether the trial should stop; false if there is none or several objectives."""
        if self._trial is not None:
            with suppress(NotImplementedError):
                return self._trial.should_prune()
        return False

    def set_user_attr(self, key: str, value: Any) -> None:
        """Set a user attribute, of the trial where there is one.

        Raises:
            InvalidSpace: if the name cannot be stored.
        """
        if why := objection(key):
            raise InvalidSpace(f"a user attribute cannot be named {shown(key)}: {why}")
        if self._trial is not None and self.user_attrs.get(key, _MISSING) != value:
            self._trial.set_user_attr(key, value)
        self._user_attrs[key] = value

    def set_system_attr(self, key: str, value: Any) -> None:
        """Set a system attribute for this run, as trials of Optuna 3 could."""
        self._system_attrs[key] = value

    def set_constraint(self, key: str, value: float) -> None:
        """Set a constraint, of the trial where there is one; the first value counts."""
        if key not in self._constraints and self._trial is not None:
            self._trial.set_constraint(key, value)
        self._constraints.setdefault(key, float(value))

    @property
    def params(self) -> dict[str, Any]:
        """The names asked for so far -> the answers, as the builder received them."""
        return {**({} if self._trial is None else self._trial.params), **self._params}

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """The names asked for so far -> the options that a study stores, or the range."""
        before = {} if self._trial is None else self._trial.distributions
        asked = {name: CategoricalDistribution(options) for name, options in self.asked.items()}
        return {**before, **asked, **self.numeric}

    @property
    def user_attrs(self) -> dict[str, Any]:
        """The user attributes."""
        return {**({} if self._trial is None else self._trial.user_attrs), **self._user_attrs}

    @property
    def system_attrs(self) -> dict[str, Any]:
        """The system attributes of this run."""
        return dict(self._system_attrs)

    @property
    def constraints(self) -> dict[str, float]:
        """The constraints."""
        return {**({} if self._trial is None else self._trial.constraints), **self._constraints}

    @property
    def number(self) -> int:
        """The number of the trial, 0 where there is none; no network may depend on it."""
        return 0 if self._trial is None else self._trial.number

    @property
    def datetime_start(self) -> datetime.datetime | None:
        """The start of the trial; now, where there is none."""
        return datetime.datetime.now() if self._trial is None else self._trial.datetime_start

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        there = [known for known in dir(BaseTrial) if not known.startswith("_")]
        raise MissingAttribute(
            f"expected an attribute of a trial, got {name!r}; there are {', '.join(there)}, and "
            'choose("name", [...])'
        )

    def _pick(self, name: str, given: object) -> Any:
        named = named_options(_checked_name(name), given)
        note_asked(name)
        self._check_repeated(name, named.names)
        if name not in self.asked:
            self.asked[name] = named.names
            if len(named.names) > 1:
                answer = self._answer(name, named.names)
                self.choices[name] = own_option(name, named.names, answer)
        picked = note_module(name, self._own_copy(name, self._picked(name, named)))
        self._params[name] = picked
        return picked

    def _picked(self, name: str, named: NamedOptions) -> Any:
        return named.objects[named.names.index(self._chosen(name))]

    def _chosen(self, name: str) -> Choice:
        return self.choices.get(name, self.asked[name][0])

    def _own_copy(self, name: str, picked: Any) -> Any:
        """Copy a network with weights: networks that share them would train each other's."""
        if not (isinstance(picked, nn.Module) and picked.state_dict()):
            return picked
        own = copy.deepcopy(picked)
        note_copied(name, self._chosen(name), own)
        return own

    def _suggest_number(self, name: str, numbers: Numbers) -> float:
        _checked_name(name)
        if name in self.asked or self.numeric.get(name, numbers) != numbers:
            before = self.asked.get(name, self.numeric.get(name))
            raise InvalidSpace(f"{name!r} is asked for as {numbers}, but was {before} before")
        self.numeric[name] = numbers
        value = self._number(name, numbers)
        self._params[name] = int(value) if isinstance(numbers, IntDistribution) else float(value)
        return value

    def _check_repeated(self, name: str, options: Options) -> None:
        before = self.asked.get(name, options)
        if name in self.numeric or before != options:
            raise InvalidSpace(
                f"{name!r} is asked for twice in one network, with the options {list(options)} and "
                f"{self.numeric.get(name, list(before))}; give one of them another name"
            )


_MISSING = object()


def own_option(name: str, options: Options, value: Choice) -> Choice:
    """Return the option that equals ``value``: 8 for 8.0.

    Raises:
        InvalidSpace: if there is none.
    """
    if value not in options:
        raise InvalidSpace(f"parameter {name!r} must be one of {list(options)}, got {value!r}")
    return options[options.index(value)]


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise InvalidSpace(f"a choice needs a name, a non-empty string; got {name!r}")
    if why := objection(name):
        raise InvalidSpace(f"a choice cannot be named {shown(name)}: {why}")
    return name


def _as_int(name: str, value: Any) -> int:
    """Convert to int an integer, one of NumPy, or a whole float, which Optuna accepts."""
    if int(value) != value:
        raise InvalidSpace(f"the range of {name!r} must be of whole numbers, got {value!r}")
    return int(value)


def _make_range(name: str, make: Callable[[], Numbers]) -> Numbers:
    """Make a range, which Optuna checks."""
    try:
        return make()
    except ValueError as error:
        raise InvalidSpace(f"the range of {name!r} is invalid: {error}") from None
