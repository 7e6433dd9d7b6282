"""What a builder asks next, after each beginning of its choices.

A builder is an ordinary function, so the only way to learn its next question is to run it. The tree
keeps what was learnt, so that no beginning is run twice, and it notices a builder that does not ask
the same twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bonas.errors import InvalidSpace
from bonas.spaces.architecture import Choice, Choices
from bonas.spaces.families.chooser import Answer, own_option
from bonas.spaces.families.named_options import Options


@dataclass(slots=True)
class Question:
    """A name, its options, and what follows each of them as far as it is known."""

    name: str
    options: Options
    branches: dict[Choice, Question | None] = field(default_factory=dict)


class ChoiceTree:
    """The questions of a builder; a branch is a further question, or None at the end."""

    def __init__(self) -> None:
        self._start: dict[Choice, Question | None] = {}  # under None: the first question

    def clear(self) -> None:
        """Forget everything."""
        self._start.clear()

    def walk(self, answer: Answer) -> tuple[dict[str, Choice], bool]:
        """The answers to all questions as far as they are known, and whether that is all."""
        choices: dict[str, Choice] = {}
        branches, last = self._start, None
        while last in branches:
            question = branches[last]
            if question is None:
                return choices, True
            name, options = question.name, question.options
            last = choices[name] = own_option(name, options, answer(name, options))
            branches = question.branches
        return choices, False

    def after(self, beginning: Choices) -> tuple[Question | None, bool]:
        """What follows a beginning, and whether that is known."""
        branches, last = self._start, None
        for _ in range(len(beginning)):
            question = branches.get(last)
            if question is None:
                return None, False
            last, branches = beginning[question.name], question.branches
        return branches.get(last), last in branches

    def add(self, asked: Sequence[tuple[str, Options]], choices: Choices) -> None:
        """The questions of one run, and its choices.

        Raises:
            InvalidSpace: if another question followed the same choices before.
        """
        branches, last = self._start, None
        for name, options in [*asked, (None, ())]:
            new = None if name is None else Question(name, options)
            known = branches.setdefault(last, new)
            if _described(known) != _described(new):
                raise InvalidSpace(
                    f"after the same choices {dict(choices)} the builder asked for "
                    f"{_described(known)} once and for {_described(new)} now; its questions may "
                    "depend on the answers only, not on chance or on anything else that changes"
                )
            if known is not None:
                last, branches = choices[known.name], known.branches


def _described(question: Question | None) -> str:
    return "nothing" if question is None else f"{question.name!r} of {list(question.options)}"
