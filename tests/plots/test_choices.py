"""Facts about choices of networks as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonas.plots.choices import differing, folded, printable

NAMES = st.lists(st.text("ab_./1", min_size=1, max_size=12), unique=True)


@pytest.mark.parametrize(
    ("names", "lines"),
    [
        ([], []),
        (["kind"], ["kind=1"]),
        (["kind", "a_x"], ["kind=1  a_x=1"]),
        (["a_x", "a_y"], ["a_*  x=1  y=1"]),
        (["a_x", "b", "a_y"], ["a_x=1  b=1  a_y=1"]),
        (["n", "a.x", "a.y", "b/x", "b/y"], ["n=1", "a.*  x=1  y=1", "b/*  x=1  y=1"]),
        (["a_", "a_x", "_b", "_c"], ["a_=1  a_x=1  _b=1  _c=1"]),
    ],
    ids=str,
)
def test_neighbours_that_begin_alike_share_a_line(names: list[str], lines: list[str]) -> None:
    assert folded(dict.fromkeys(names, 1), 80) == lines


@given(NAMES, st.integers(20, 100))
def test_every_choice_is_there_in_lines_that_are_no_longer_than_allowed(
    names: list[str], width: int
) -> None:
    lines = folded({name: i for i, name in enumerate(names)}, width)
    assert all(len(line) <= width for line in lines)
    found, head = [], ""
    for line in lines:
        parts = line.split()
        if not line.startswith(" "):
            head = parts.pop(0)[:-1] if parts[0].endswith("*") else ""
        found += [head + part for part in parts]
    assert found == [f"{name}={i}" for i, name in enumerate(names)]


def test_choices_differ_by_value_by_type_and_by_being_there() -> None:
    one = {"same": 1, "value": 1, "type": 1, "gone": 1}
    other = {"same": 1, "value": 2, "type": True, "new": 1}
    assert differing([one, other]) == ["value", "type", "gone", "new"]
    assert differing([one]) == differing([]) == []


def test_texts_are_printable_and_short() -> None:
    assert printable("x" * 33) == "x" * 29 + "..."
    assert printable("\x1b[2J\n") == "\\x1b[2J\\n"
    assert printable(None) == "None"
