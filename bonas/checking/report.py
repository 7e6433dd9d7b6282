"""Report: what a check has found, as rows of a table and as sentences that say what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Literal

State = Literal["ok", "note", "fix", "not reached"]
"""Of a row: it works; it works, with something to know; it does not; it was not looked at."""

_WIDTH = 100
_MARKS: dict[State, str] = {"ok": "ok", "note": "note", "fix": "FIX", "not reached": "-"}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that the user should know, as a sentence: expected ..., got ...; do ...

    Attributes:
        about: The row that it belongs to.
        text: The sentence.
        must_fix: Whether the search cannot work before that is changed.
    """

    about: str
    text: str
    must_fix: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """One part of a search, and what its check gave.

    Attributes:
        about: The part.
        result: What was found, in a few words.
        state: Whether it works.
    """

    about: str
    result: str
    state: State = "ok"


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What ``bonas.check`` has found; ``print`` shows it as a table.

    Attributes:
        title: What was checked.
        rows: One per part of the search.
        findings: What to fix, and what to know; those that must be fixed come first.
        seconds: How long the check took.
        trial_seconds: How long the evaluation of a network takes: shortest, mean, longest. None
            where that is not known.
        budget_seconds: The same of the whole budget, without the time of the proposals.
    """

    title: str
    rows: Sequence[Row]
    findings: Sequence[Finding]
    seconds: float
    trial_seconds: tuple[float, float, float] | None = None
    budget_seconds: tuple[float, float, float] | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing has to be fixed."""
        return not any(finding.must_fix for finding in self.findings)

    def __str__(self) -> str:
        """Return the table, and the findings below it."""
        width = max((len(row.about) for row in self.rows), default=0)
        table = [
            f"  {_MARKS[row.state]:<4}  {row.about:<{width}}  {row.result}".rstrip()
            for row in self.rows
        ]
        fixes = [each.text for each in self.findings if each.must_fix]
        notes = [each.text for each in self.findings if not each.must_fix]
        is_whole = not any(row.state == "not reached" for row in self.rows)
        works = "everything that was checked works" if is_whole else "what was reached works"
        verdict = works if self.ok else f"{len(fixes)} to fix"
        parts = [f"{self.title}: {verdict} ({self.seconds:.0f} s)", *table]
        parts += _listed("to fix", fixes) + _listed("to know", notes)
        return "\n".join(parts)


def _listed(title: str, texts: Sequence[str]) -> list[str]:
    """Return texts as a numbered list under a title; nothing where there are none."""
    if not texts:
        return []
    lines = (
        fill(
            f"{number}. {text}",
            _WIDTH,
            initial_indent="  ",
            subsequent_indent="     ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for number, text in enumerate(texts, 1)
    )
    return ["", f"{title}:", *lines]
