"""The tree of a builder's choices: which question follows each prefix of answers.

A builder is an ordinary function, so the only way to learn its next question is to run it. The tree
keeps what the runs have shown, so that no prefix is run twice, and it detects a builder whose
questions depend on anything but its answers.
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
    """A name, its options, and the next question after each of them as far as it is known."""

    name: str
    options: Options
    branches: dict[Choice, Question | None] = field(default_factory=dict)


class ChoiceTree:
    """The questions of a builder; a branch leads to a further question, or None at the end."""

    def __init__(self) -> None:
        self._root: dict[Choice, Question | None] = {}  # under None: the first question

    def clear(self) -> None:
        """Forget everything."""
        self._root.clear()

    def walk(self, answer: Answer) -> tuple[dict[str, Choice], bool]:
        """Answer all known questions; return the choices, and whether they are complete."""
        choices: dict[str, Choice] = {}
        branches, last = self._root, None
        while last in branches:
            question = branches[last]
            if question is None:
                return choices, True
            name, options = question.name, question.options
            last = choices[name] = own_option(name, options, answer(name, options))
            branches = question.branches
        return choices, False

    def next_question(self, prefix: Choices) -> tuple[Question | None, bool]:
        """Return the question after a prefix (None at the end), and whether that is known."""
        branches, last = self._root, None
        for _ in range(len(prefix)):
            question = branches.get(last)
            if question is None:
                return None, False
            last, branches = prefix[question.name], question.branches
        return branches.get(last), last in branches

    def add(self, asked: Sequence[tuple[str, Options]], choices: Choices) -> None:
        """Add the questions of one run, and its choices.

        Raises:
            InvalidSpace: if another question followed the same choices before.
        """
        branches, last = self._root, None
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
