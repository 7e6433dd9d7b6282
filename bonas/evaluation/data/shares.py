"""Shares of the rows in each part, and the seeded split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import train_test_split

from bonas.arguments import is_number
from bonas.errors import InvalidArgument, InvalidData
from bonas.evaluation.data.rows import Integers
from bonas.evaluation.data.targets import Targets

Parts = tuple[Integers, Integers, Integers]
"""The rows of train, validation and test."""


@dataclass(frozen=True, slots=True)
class Shares:
    """The shares of the rows for validation and test, in [0, 1); the rest is for training.

    Args:
        validation: Above 0.
        test: 0 holds out no rows.
        seed: Seed of the split.

    Raises:
        InvalidArgument: if a share is not possible.
    """

    validation: float = 0.2
    test: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        shares: dict[str, object] = {"validation": self.validation, "test": self.test}
        for name, share in shares.items():
            if not (is_number(share) and 0 <= share < 1):
                raise InvalidArgument(
                    f"{name} must be a share of the rows in [0, 1), got {share!r}"
                )
        if not self.validation or self.validation + self.test >= 1:
            raise InvalidArgument(
                "expected validation > 0 and validation + test < 1, "
                f"got {self.validation} and {self.test}; the rest is for training"
            )

    def parts(self, targets: Targets) -> Parts:
        """Return the rows of each part, stratified by class if there is one label per row.

        Raises:
            InvalidData: if there are too few rows.
        """
        has_one_label = targets.task == "classification" and targets.values.dim() == 1
        if not has_one_label:
            return self.of(len(targets.values))
        labels = targets.values.numpy()
        try:
            return self._cut(len(labels), labels)
        except ValueError as error:
            raise self._too_few_of_a_class(labels, error) from error

    def of(self, n: int) -> Parts:
        """Return the rows of each part, out of ``n``.

        Raises:
            InvalidData: if there are too few.
        """
        try:
            return self._cut(n, None)
        except ValueError as error:
            raise InvalidData(
                f"expected enough rows to split with {self.validation:g} of them for validation "
                f"and {self.test:g} for test, got {n}; add rows or change the shares ({error})"
            ) from error

    def _cut(self, n: int, labels: Integers | None) -> Parts:
        first, second = np.random.SeedSequence(self.seed).generate_state(2)
        rest, test = np.arange(n), np.arange(0)
        if self.test:
            rest, test = train_test_split(
                rest, test_size=self.test, stratify=labels, random_state=int(first)
            )
        train, validation = train_test_split(
            rest,
            test_size=self.validation / (1 - self.test),
            stratify=None if labels is None else labels[rest],
            random_state=int(second),
        )
        return train, validation, test

    def _too_few_of_a_class(self, labels: Integers, error: ValueError) -> InvalidData:
        counts = np.bincount(labels)
        return InvalidData(
            f"expected enough rows to split {len(counts)} classes with {self.validation:g} of them "
            f"for validation and {self.test:g} for test, got {len(labels)} rows, {counts.min()} of "
            f"class {counts.argmin()}; add rows, leave out rare classes or change the shares "
            f"({error})"
        )
