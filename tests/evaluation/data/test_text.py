"""Facts about the text of the standard library."""

from __future__ import annotations

import platform
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonas.errors import InvalidArgument, MissingData
from bonas.evaluation import load
from bonas.evaluation.data.text import CHARACTERS, decoded, encoded, python_text


@given(st.text(CHARACTERS, max_size=40))
def test_a_text_and_its_tokens_are_the_same(text: str) -> None:
    assert decoded(encoded(text)) == text


def test_other_characters_are_question_marks() -> None:
    assert decoded(encoded("a\tb\u00e9\U0001f600\r\n")) == "a?b???\n"


@pytest.mark.parametrize("length", [1, 7, 64, 300])
def test_targets_are_the_next_characters(length: int) -> None:
    inputs, targets = python_text(length)
    assert inputs.shape == targets.shape == (len(inputs), length)
    text = decoded(inputs.ravel())
    assert decoded(targets.ravel()) == text[1:] + decoded(targets[-1, -1:])
    assert '"""Heap queue algorithm' in text


def test_the_text_is_of_this_python() -> None:
    splits = load("python-text")
    assert splits.name.startswith(f"python-text of Python {platform.python_version()}: ")
    assert (splits.task, splits.input_shape) == ("next_token", (64,))
    assert (splits.classes, splits.vocabulary) == (96, 96)
    assert splits.name == load("python-text", seed=1).name
    assert load(python_text(64)).name in splits.name


def test_a_python_without_sources_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bonas.evaluation.data.text.MODULES", ("sys",))
    with pytest.raises(MissingData, match=r"source of the standard library's module 'sys', got no"):
        python_text()


@pytest.mark.parametrize("length", [0, 1.5, True])
def test_a_window_has_a_whole_length(length: Any) -> None:
    with pytest.raises(InvalidArgument, match="length must be a whole number of at least 1"):
        python_text(length)
