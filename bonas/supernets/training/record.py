"""Record: how long a supernet is trained, how far it is, and what a finished training was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bonas.arguments import check_count, check_positive
from bonas.errors import InvalidArgument

_PATHS = 2_400


@dataclass(frozen=True, slots=True)
class Length:
    """The length of a training, in paths or seconds; exactly one of them is given."""

    paths: int | None
    seconds: float | None

    @classmethod
    def of(cls, paths: object, seconds: object) -> Length:
        """Return the length that was asked for, by default 2,400 paths.

        Raises:
            InvalidArgument: if both are given, or one is out of its range.
        """
        if paths is not None and seconds is not None:
            raise InvalidArgument(
                f"expected either paths or seconds, got paths={paths!r} and seconds={seconds!r}; "
                "leave one of them out"
            )
        if seconds is not None:
            return cls(None, check_positive("seconds", seconds))
        return cls(check_count("paths", _PATHS if paths is None else paths), None)

    def describe(self) -> dict[str, Any]:
        """Return the one that is given."""
        return {"paths": self.paths} if self.seconds is None else {"seconds": self.seconds}

    def done(self, at: Progress) -> float:
        """Return the share of the training that is done; 1 and more is the end."""
        if self.paths is not None:
            return at.paths / self.paths
        assert self.seconds is not None
        return at.seconds / self.seconds


@dataclass(slots=True)
class Progress:
    """How far a training is.

    Attributes:
        steps: Updates of the shared weights.
        paths: Networks that contributed to them.
        epoch: Of the training rows.
        index: How many batches of this epoch were taken.
        seconds: Wall time so far, over all processes that took part.
        cpu_seconds: Of the processes.
    """

    steps: int = 0
    paths: int = 0
    epoch: int = 0
    index: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class FitRecord:
    """A training of shared weights.

    Attributes:
        rule: The name of the rule.
        reason: Why it was chosen.
        settings: What decides the training: rule, length and seed.
        steps: Updates of the shared weights.
        paths: Networks that contributed to them.
        epochs: Passes over the training rows.
        seconds: Wall time, over all processes that took part.
        cpu_seconds: Of these processes.
        loss: The mean loss of the networks of the last steps; None if there was no step.
        device: Where it ran.
    """

    rule: str
    reason: str
    steps: int
    paths: int
    epochs: float
    seconds: float
    cpu_seconds: float
    loss: float | None
    device: str
    settings: Mapping[str, Any] = field(default_factory=dict)
