"""Table of the failed trials of a study: what failed how, in which phase, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape

from optuna.trial import FrozenTrial

from bonas.evaluation.candidate import index_of
from bonas.evaluation.failure import Failure
from bonas.studies.outcomes import failure_of

_WIDTH = 100  # characters of a message
_COLUMNS = ("number", "kind", "phase", "message")
_CELL = "text-align:left;vertical-align:top"


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

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the table, with the tracebacks folded."""
        if not self:
            return "<p>no failures</p>"
        head = "".join(f'<th style="{_CELL}">{escape(title)}</th>' for title in _COLUMNS)
        body = ""
        for number, each in self.details.items():
            message = (
                f"<summary>{escape(self._short(each))}</summary><pre>{escape(each.text)}</pre>"
            )
            cells = [str(number), each.kind, escape(each.phase), f"<details>{message}</details>"]
            row = "".join(f'<td style="{_CELL}">{cell}</td>' for cell in cells)
            body += f"<tr>{row}</tr>"
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f'<div style="overflow-x:auto;max-width:100%">{table}</div>'

    @staticmethod
    def _short(failure: Failure) -> str:
        """Return the message of a failure in one line."""
        message = failure.message
        return message if len(message) <= _WIDTH else f"{message[: _WIDTH - 3]}..."

    def __str__(self) -> str:
        if not self:
            return "no failures"
        rows = [_COLUMNS]
        for number, each in self.details.items():
            rows.append((str(number), each.kind, each.phase, self._short(each)))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
        return "\n".join(lines)
