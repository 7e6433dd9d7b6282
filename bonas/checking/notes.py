"""Notes: rows and findings while a check runs, and what the end of a child means for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bonas.checking.child import Ended
from bonas.checking.events import Problem
from bonas.checking.report import Finding, Row, State
from bonas.checking.times import duration

_KILLED = "SIGKILL"


@dataclass
class Notes:
    """What a check has found so far."""

    rows: list[Row] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def ok(self, about: str, result: str) -> None:
        """Note a part that works."""
        self.rows.append(Row(about, result))

    def add(self, about: str, result: str, text: str, *, must_fix: bool = True) -> None:
        """Note a part that does not work, or something to know, and the sentence about it."""
        state: State = "fix" if must_fix else "note"
        self.rows.append(Row(about, result, state))
        self.findings.append(Finding(about, text, must_fix))

    def must_fix(self, about: str) -> bool:
        """Return whether a part has to be fixed."""
        return any(each.about == about and each.must_fix for each in self.findings)

    def skip(self, about: str, why: str = "not reached; give seconds= more") -> None:
        """Note a part that was not looked at."""
        self.rows.append(Row(about, why, "not reached"))


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a step did not come to its end.

    Attributes:
        step: Its name.
        short: In a few words.
        text: As a sentence.
        must_fix: False if its time was over.
    """

    step: str
    short: str
    text: str
    must_fix: bool = True


def trouble_of(ended: Ended, seconds: float, expected: str, advice: str) -> Trouble | None:
    """Return what went wrong in a child; None if all went well.

    Args:
        ended: How it ended.
        seconds: Its limit.
        expected: What was expected of the step that did not end.
        advice: What to do.
    """
    failed = next((e for e in ended.events.values() if e.problem is not None), None)
    if failed is not None and failed.problem is not None:
        return trouble_with(failed.step, failed.problem, expected, advice)
    if ended.ending == "done":
        return None
    step = ended.open_step or "load"
    where = f" ({ended.place})" if ended.place else ""
    if ended.ending == "time":
        text = (
            f"expected {expected} within {duration(seconds)}, got no end by then{where}; if it "
            "should have ended, look there, else give the check more time with seconds="
        )
        return Trouble(step, f"no end after {duration(seconds)}", text, must_fix=False)
    printed = ended.printed.strip().splitlines()
    last = f", after it printed {printed[-1][:120]!r}" if printed and not ended.place else ""
    if ended.detail == _KILLED:
        cause = "its process was killed (SIGKILL), as the system does when memory runs out"
    else:
        cause = f"the end of its process ({ended.detail})"
    text = f"expected {expected}, got {cause}{where}{last}; {advice}"
    return Trouble(step, f"crash: {ended.detail}", text)


def trouble_with(step: str, problem: Problem, expected: str, advice: str) -> Trouble:
    """Return the trouble that an error is."""
    if problem.failure == "out_of_memory" and not problem.is_explained:
        where = f" ({problem.place})" if problem.place else ""
        text = (
            f"expected {expected}, got no memory for it: {problem.text}{where}; use smaller "
            "networks or batches, or forbid such networks (is_valid, max_params, max_memory)"
        )
        return Trouble(step, "out of memory", text)
    if problem.is_explained:
        where = f" ({problem.place})" if problem.place else ""
        return Trouble(step, problem.kind, f"{problem.text}{where}")
    return Trouble(step, problem.kind, f"expected {expected}, got {problem}; {advice}")


def shown(choices: Mapping[str, object], most: int = 6) -> str:
    """Return choices for a sentence: the first of them."""
    parts = [f"{name}={value!r}" for name, value in list(choices.items())[:most]]
    more = len(choices) - most
    return ", ".join(parts) + (f" and {more} more choices" if more > 0 else "")


def in_common(
    failed: Sequence[Mapping[str, object]], fine: Sequence[Mapping[str, object]]
) -> dict[str, object]:
    """Return the choices that all failed ones have, and none of the others.

    >>> in_common([{"k": 7, "a": 1}, {"k": 7, "a": 2}], [{"k": 3, "a": 1}])
    {'k': 7}
    """
    first = failed[0]
    return {
        name: value
        for name, value in first.items()
        if all(name in each and each[name] == value for each in failed)
        and not any(name in each and each[name] == value for each in fine)
    }
