"""What a builder asks for its choices, in either of two styles.

    width = choose("width", [16, 32, 64])                    # bonas
    width = trial.suggest_categorical("width", [16, 32, 64])  # Optuna

A ``Chooser`` understands both. It does not decide: an ``Answer`` does, which replays given choices,
draws them, or asks an Optuna trial. It writes down what was asked, and in which order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import FloatDistribution, IntDistribution
from torch import nn

from bonas.errors import InvalidSpace
from bonas.spaces.architecture import Choice, Choices
from bonas.texts import objection, shown

Options = tuple[Choice, ...]
Numbers = FloatDistribution | IntDistribution
Answer = Callable[[str, Options], Choice]
Number = Callable[[str, Numbers], float]

_MOST = 32  # whole numbers that are still choices of their own


def replayed(given: Choices, rng: np.random.Generator | None = None) -> Answer:
    """Answers that are given; others are drawn, or are the first option without ``rng``."""

    def answer(name: str, options: Options) -> Choice:
        if name in given:
            return given[name]
        return options[0 if rng is None else int(rng.integers(len(options)))]

    return answer


def resumed(choices: Choices, answer: Answer) -> Answer:
    """The answers that were given, and those of ``answer`` to whatever is asked beyond them."""
    return lambda name, options: choices[name] if name in choices else answer(name, options)


def middle(name: str, numbers: Numbers) -> float:
    """The middle of the range (of its logarithm, where the scale is), on the grid if there is one.

    >>> middle("dropout", FloatDistribution(0.0, 0.5))
    0.25
    """
    low, high = numbers.low, numbers.high
    value = math.sqrt(low * high) if numbers.log else (low + high) / 2
    if numbers.step is not None:
        value = low + round((value - low) / numbers.step) * numbers.step
    return int(value) if isinstance(numbers, IntDistribution) else value


class Chooser:
    """One run's questions and their answers: call it, or use it as an Optuna trial.

    Args:
        answer: Picks one of several options.
        number: Picks a number of a range.

    Attributes:
        asked: A name -> its options, in the order of the questions.
        choices: A name -> the answer, where there was more than one option.
        numeric: A name -> its range, of parameters that are no choices.
    """

    def __init__(self, answer: Answer, number: Number = middle) -> None:
        self._answer, self._number = answer, number
        self.asked: dict[str, Options] = {}
        self.choices: dict[str, Choice] = {}
        self.numeric: dict[str, Numbers] = {}

    def __call__(self, name: str, options: Sequence[Choice] | Mapping[Any, Any]) -> Any:
        """The chosen one of ``options``.

        Of a mapping, a name is chosen and its value returned; a value that can be called without
        arguments (a function, a class) is called, a network is not.

        Raises:
            InvalidSpace: for options that are none, or that differ from those the name had before.
        """
        if not isinstance(options, Mapping):
            return self._pick(name, options)
        picked = options[self._pick(name, list(options))]
        return picked() if callable(picked) and not isinstance(picked, nn.Module) else picked

    def suggest_categorical(self, name: str, choices: Sequence[Choice]) -> Any:
        """As ``optuna.Trial.suggest_categorical``."""
        return self._pick(name, choices)

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """As ``optuna.Trial.suggest_int``; at most 32 values are choices, more a number."""
        values = range(low, high + 1, step)
        if len(values) <= _MOST:
            picked: Any = self._pick(name, values)
        else:
            picked = self._count(name, IntDistribution(low, high, log=log, step=step))
        return int(picked)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """As ``optuna.Trial.suggest_float``; no graph shows the number."""
        return self._count(name, FloatDistribution(low, high, log=log, step=step))

    def _pick(self, name: str, given: Sequence[Choice]) -> Choice:
        options = _checked(name, given)
        self._check_repeated(name, options)
        if name not in self.asked:
            self.asked[name] = options
            if len(options) > 1:
                self.choices[name] = own_option(name, options, self._answer(name, options))
        return self.choices.get(name, options[0])

    def _count(self, name: str, numbers: Numbers) -> float:
        _checked_name(name)
        if name in self.asked or self.numeric.get(name, numbers) != numbers:
            before = self.asked.get(name, self.numeric.get(name))
            raise InvalidSpace(f"{name!r} is asked for as {numbers}, but was {before} before")
        self.numeric[name] = numbers
        return self._number(name, numbers)

    def _check_repeated(self, name: str, options: Options) -> None:
        before = self.asked.get(name, options)
        if name in self.numeric or before != options:
            raise InvalidSpace(
                f"{name!r} is asked for twice in one network, with the options {list(options)} and "
                f"{self.numeric.get(name, list(before))}; give one of them another name"
            )


def own_option(name: str, options: Options, value: Choice) -> Choice:
    """The option that equals ``value``: 8 where 8.0 was given.

    Raises:
        InvalidSpace: if none does.
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


def _checked(name: object, given: object) -> Options:
    _checked_name(name)
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        raise InvalidSpace(
            f"the options of {name!r} must be a non-empty list or a dict, got {given!r}"
        )
    for value in given:
        if not (value is None or isinstance(value, (bool, int, float, str))):
            raise InvalidSpace(
                f"{name!r} has the option {value!r}; expected None, a bool, a number or a string: "
                "give other options a name, in a dict"
            )
    if len(set(given)) < len(given):
        raise InvalidSpace(f"{name!r} repeats an option: {list(given)}")
    return tuple(given)
