"""Combinations of choices: what a space can be asked for, before any network is known."""

from __future__ import annotations

import math
from abc import ABC
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import product

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import BaseTrial

from bonas.errors import InvalidSpace
from bonas.optuna_internals import suggest
from bonas.spaces.architecture import Choice, Choices
from bonas.spaces.distributions import distributions


class Combinations(ABC):
    """All combinations of one choice per parameter; the base of ``Space``."""

    parameters: Mapping[str, Sequence[Choice]]

    numeric: Mapping[str, BaseDistribution] = {}  # replaced, never changed
    """Parameters that ``build`` takes in addition to the choices and that no graph shows, such as a
    dropout rate."""

    @cached_property
    def distributions(self) -> dict[str, CategoricalDistribution]:
        """The parameters as Optuna distributions, for ``study.ask(space.distributions)``.

        Raises:
            InvalidSpace: if there is no parameter, or one has fewer than two distinct choices.
        """
        return distributions(type(self).__name__, getattr(self, "parameters", None))

    @property
    def size(self) -> int:
        """The number of combinations of choices, valid or not."""
        return math.prod(len(d.choices) for d in self.distributions.values())

    def combinations(self) -> Iterator[Choices]:
        """Yield every combination, valid or not, the last parameter changing fastest."""
        distributions = self.distributions
        for values in product(*(d.choices for d in distributions.values())):
            yield dict(zip(distributions, values, strict=True))

    def completed(self, some: Choices, rng: np.random.Generator | None = None) -> Choices:
        """Return a complete combination that extends a part of one, valid or not.

        Missing parameters are drawn, or take their first choice without ``rng``; names that do not
        belong are dropped. In a conditional space the names that belong depend on the choices.
        """
        return {
            name: some[name] if name in some else _drawn(d.choices, rng)
            for name, d in self.distributions.items()
        }

    def chosen_by(self, choose: Callable[[str, Sequence[Choice]], Choice]) -> dict[str, Choice]:
        """Return the combination that ``choose(name, options)`` picks, called once per name."""
        return {name: choose(name, d.choices) for name, d in self.distributions.items()}

    def suggest(self, trial: BaseTrial) -> Choices:
        """Return the combination that an Optuna trial stands for, suggested name by name."""
        for name, numbers in self.numeric.items():
            suggest(trial, name, numbers)
        return self.chosen_by(trial.suggest_categorical)

    def checked(self, choices: Choices) -> dict[str, Choice]:
        """Return ``choices`` in the order of the parameters, each value as the space writes it.

        A value equal to an option is replaced by the option: 8 for 8.0.

        Raises:
            InvalidSpace: if a parameter is missing or unknown, or has a value that is no option.
        """
        for name in choices.keys() & self.distributions.keys():
            options = self.distributions[name].choices
            if choices[name] not in options:
                raise InvalidSpace(
                    f"parameter {name!r} must be one of {list(options)}, got {choices[name]!r}"
                )
        complete = self.completed(choices)
        if choices.keys() != complete.keys():
            raise InvalidSpace(
                f"choices must name every parameter of {type(self).__name__} and no other; "
                f"missing {sorted(complete.keys() - choices.keys())}, "
                f"unknown {sorted(choices.keys() - complete.keys())}"
            )
        return {
            name: d.choices[d.choices.index(choices[name])]
            for name, d in self.distributions.items()
            if name in choices
        }


def _drawn(choices: Sequence[Choice], rng: np.random.Generator | None) -> Choice:
    """Return a random choice, or the first one without ``rng``."""
    return choices[0 if rng is None else int(rng.integers(len(choices)))]
