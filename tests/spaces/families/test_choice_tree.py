"""The tree of a builder's choices: what the runs have shown, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonas.errors import InvalidSpace
from bonas.spaces.families.choice_tree import ChoiceTree
from bonas.spaces.families.chooser import Chooser, replayed


@given(st.data())
def test_a_tree_knows_what_was_added_and_nothing_else(data: st.DataObject) -> None:
    tree = ChoiceTree()
    answers = data.draw(st.lists(st.lists(st.integers(0, 2), min_size=3, max_size=3), max_size=6))

    def run(given_: dict[str, Any]) -> Chooser:
        chooser = Chooser(replayed(given_))
        for i in range(1 + chooser("a", [0, 1, 2])):
            chooser(f"b{i}", [0, 1, 2])
        return chooser

    known = []
    for a, b, c in answers:
        chooser = run({"a": a, "b0": b, "b1": c})
        tree.add(list(chooser.asked.items()), chooser.choices)
        known.append(chooser.choices)
    for a in range(3):
        for b in range(3):
            whole = run({"a": a, "b0": b}).choices
            walked, complete = tree.walk(replayed(whole))
            assert complete == (whole in known)
            assert walked.items() <= whole.items()


def grown() -> ChoiceTree:
    """Return a tree of one run: depth 1, then a block."""
    tree = ChoiceTree()
    tree.add([("depth", (0, 1)), ("block", ("conv", "pool"))], {"depth": 1, "block": "pool"})
    return tree


def test_the_next_question_is_known_after_every_prefix_of_a_run() -> None:
    tree = grown()
    first, known = tree.next_question({})
    assert first is not None
    assert (first.name, first.options, known) == ("depth", (0, 1), True)
    second, known = tree.next_question({"depth": 1})
    assert second is not None
    assert (second.name, known) == ("block", True)
    assert tree.next_question({"depth": 1, "block": "pool"}) == (None, True)


def test_prefixes_of_other_runs_are_unknown() -> None:
    tree = grown()
    assert tree.next_question({"depth": 0}) == (None, False)
    assert tree.next_question({"depth": 0, "block": "conv"}) == (None, False)
    assert tree.walk(replayed({"depth": 0})) == ({"depth": 0}, False)


def test_an_answer_that_is_no_option_is_refused() -> None:
    with pytest.raises(InvalidSpace, match=r"'depth' must be one of \[0, 1\], got 7"):
        grown().walk(replayed({"depth": 7}))


def test_other_questions_after_equal_choices_are_refused() -> None:
    with pytest.raises(InvalidSpace, match=r"for 'block' of \['conv', 'pool'\] once and for nothi"):
        grown().add([("depth", (0, 1))], {"depth": 1})


def test_a_cleared_tree_knows_nothing() -> None:
    tree = grown()
    tree.clear()
    assert tree.next_question({}) == (None, False)
