"""Table of the failed trials of a study: what failed how, in which phase, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from optuna.trial import FrozenTrial

from bonas.evaluation.candidate import index_of
from bonas.evaluation.failure import Failure
from bonas.studies.outcomes import failure_of

_WIDTH = 100  # characters of a message


class Failures(dict[int, str]):
    """A candidate's number -> the traceback of its failure; printed, a table.

    Attributes:
        details: A candidate's number -> its ``Failure``.
    """

    def __init__(self, details: dict[int, Failure]) -> None:
        super().__init__({number: failure.text for number, failure in details.items()})
        self.details = details

    @classmethod
    def of(cls, trials: Sequence[FrozenTrial]) -> Failures:
        """Return the failures of failed trials."""
        found = {index_of(trial): failure_of(trial) for trial in trials}
        return cls({number: each for number, each in found.items() if each is not None})

    def count(self) -> dict[str, int]:
        """Return how many there are of each kind, the most frequent first."""
        return dict(Counter(each.kind for each in self.details.values()).most_common())

    def note(self) -> str:
        """Return how many there are of each kind, in words; empty if there are none."""
        parts = [f"{n} {kind.replace('_', ' ')}" for kind, n in self.count().items()]
        return f"{len(self)} failed ({', '.join(parts)})" if parts else ""

    def __str__(self) -> str:
        if not self:
            return "no failures"
        rows = [("number", "kind", "phase", "message")]
        for number, each in self.details.items():
            message = each.message
            short = message if len(message) <= _WIDTH else f"{message[: _WIDTH - 3]}..."
            rows.append((str(number), each.kind, each.phase, short))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
        return "\n".join(lines)
