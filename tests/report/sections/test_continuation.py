"""Facts about the commands by which a search goes on."""

from __future__ import annotations

import html
import re
import shlex
from dataclasses import replace

import pytest
from shown_results import RESULT

from bonas.cli import make_parser
from bonas.report.searched import Searched
from bonas.report.sections.continuation import section
from bonas.studies.budget import Budget

SEARCHED = Searched.of(RESULT.study, RESULT.space)


def commands(searched: Searched) -> list[str]:
    found = re.findall("<code>(bonas .*?)</code>", section(searched).html)
    return [html.unescape(text) for text in found]


@pytest.mark.parametrize("name", ["cells", "two words", "a'b\"c", "$(rm -rf x)", "-x"])
def test_commands_are_those_of_bonas_and_quote_every_name(name: str) -> None:
    stored = replace(SEARCHED, storage="sqlite:///my search.db", name=name)
    parser = make_parser()
    found = [shlex.split(text)[1:] for text in commands(stored)]
    assert {words[0] for words in found} >= {"worker", "finalize", "export", "report", "watch"}
    for words in found:
        options = parser.parse_args(words)
        assert options.storage == "sqlite:///my search.db"
        assert options.study in (name, [name])  # several studies can be watched


@pytest.mark.parametrize(
    ("budget", "spent", "expected"),
    [
        (Budget(12.0), 12.0, "24"),
        (Budget(12.0), 7.0, "12"),
        (Budget(12.0), 11.5, "24"),
        (Budget(3600.0, "seconds"), 3601.0, "7200s"),
        (Budget(3600.0, "seconds"), 10.0, "3600s"),
    ],
)
def test_the_budget_lets_the_search_go_on(budget: Budget, spent: float, expected: str) -> None:
    stored = replace(SEARCHED, storage="a.log", budget=budget, spent=spent)
    (worker,) = (shlex.split(text) for text in commands(stored) if " worker " in text)
    assert worker[worker.index("--budget") + 1] == expected


def test_a_password_that_is_hidden_is_to_be_put_in() -> None:
    stored = replace(SEARCHED, storage="postgresql://me:***@host/db")
    assert "Replace <code>***</code>" in section(stored).html


def test_a_study_in_memory_has_no_commands() -> None:
    assert commands(SEARCHED) == []
    assert "in memory" in section(SEARCHED).html
