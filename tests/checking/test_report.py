"""A report: whether it is fine, and how it reads."""

from __future__ import annotations

from bonas.checking import CheckReport, Finding, Row

ROWS = [Row("space", "18 networks"), Row("build", "ValueError in 2 of 5", "fix")]
FIX = Finding("build", "expected a network, got none; fix build")
NOTE = Finding("space", "expected more; offer more choices", must_fix=False)


def test_notes_leave_it_fine_and_what_must_be_fixed_does_not() -> None:
    assert CheckReport("check", ROWS, [], 1.0).ok
    assert CheckReport("check", ROWS, [NOTE], 1.0).ok
    assert not CheckReport("check", ROWS, [NOTE, FIX], 1.0).ok


def test_it_reads_as_a_table_with_sentences_below() -> None:
    assert str(CheckReport("check of Space", ROWS, [FIX, NOTE], 12.3)).splitlines() == [
        "check of Space: 1 to fix (12 s)",
        "  ok    space  18 networks",
        "  FIX   build  ValueError in 2 of 5",
        "",
        "to fix:",
        "  1. expected a network, got none; fix build",
        "",
        "to know:",
        "  1. expected more; offer more choices",
    ]


def test_it_says_whether_all_was_reached() -> None:
    rows = [ROWS[0], Row("encoding", "not reached", "not reached")]
    assert "what was reached works" in str(CheckReport("check", rows, [], 1.0))
    assert "everything that was checked works" in str(CheckReport("check", ROWS[:1], [], 1.0))
