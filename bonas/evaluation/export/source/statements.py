"""Statements of a forward pass, and the names of their variables.

While a pass is recorded, a variable is a number between two NUL characters. At the end, statements
that nothing reads are dropped, and the variables get names: a result takes the name of the first
variable that is read for the last time where the result is made (``x = self.stem(x)``), or else a
new one (``x1``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_VARIABLE = re.compile("\0(\\d+)\0")


def variable(number: int) -> str:
    """Return the mark of a variable."""
    return f"\0{number}\0"


def variables(text: str) -> list[int]:
    """Return the numbers of the variables of a text, in order."""
    return [int(number) for number in _VARIABLE.findall(text)]


@dataclass(frozen=True, slots=True)
class Statement:
    """One line of a forward pass.

    Attributes:
        targets: The variables that it sets; none of a statement that works in place.
        text: The expression, or the statement itself.
        effect: Whether it must stay though nothing reads its targets.
        stem: What new names begin with.
    """

    targets: tuple[int, ...]
    text: str
    effect: bool = False
    stem: str = "x"


def forward_lines(
    statements: Sequence[Statement],
    returned: str,
    given: Mapping[int, str],
    structured: frozenset[int] = frozenset(),
) -> list[str]:
    """Return the lines of a forward pass.

    Args:
        statements: What was recorded, in order.
        returned: The expression of the result.
        given: The parameters: variable -> name.
        structured: Parameters that are no tensors, whose names no result takes.
    """
    kept = _live(statements, returned)
    names = _names(kept, returned, given, structured)
    read = {n for s in kept for n in variables(s.text)} | set(variables(returned))
    lines = []
    for statement in kept:
        text = _filled(statement.text, names)
        if statement.targets:
            targets = [names[n] if n in read else "_" for n in statement.targets]
            text = f"{', '.join(targets)} = {text}"
        lines.append(text)
    if kept and [variable(n) for n in kept[-1].targets] == [returned]:  # x = f(x); return x
        return [*lines[:-1], f"return {_filled(kept[-1].text, names)}"]
    return [*lines, f"return {_filled(returned, names)}"]


def _live(statements: Sequence[Statement], returned: str) -> list[Statement]:
    needed = set(variables(returned))
    kept: list[Statement] = []
    for statement in reversed(statements):
        if statement.effect or needed & set(statement.targets):
            needed.update(variables(statement.text))
            kept.append(statement)
    return kept[::-1]


def _names(
    kept: Sequence[Statement],
    returned: str,
    given: Mapping[int, str],
    structured: frozenset[int],
) -> dict[int, str]:
    last = {number: place for place, s in enumerate(kept) for number in variables(s.text)}
    last |= dict.fromkeys(variables(returned), len(kept))
    names, taken = dict(given), set(given.values())
    stems = {number: "" if number in structured else "x" for number in given}
    for place, statement in enumerate(kept):
        dying = [n for n in variables(statement.text) if last[n] == place and stems.get(n) == "x"]
        chained = bool(dying) and len(statement.targets) == 1 and statement.stem == "x"
        for number in statement.targets:
            stems[number] = statement.stem
            names[number] = names[dying[0]] if chained else _fresh(statement.stem, taken)
    return names


def _fresh(stem: str, taken: set[str]) -> str:
    number = 0
    while (name := f"{stem}{number or ''}") in taken:
        number += 1
    taken.add(name)
    return name


def _filled(text: str, names: Mapping[int, str]) -> str:
    filled = _VARIABLE.sub(lambda found: names[int(found.group(1))], text)
    return filled[1:-1] if filled.startswith("(") and _encloses(filled) else filled


def _encloses(text: str) -> bool:
    """Return whether the first bracket closes at the very end, around no tuple."""
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if not depth:
            return place == len(text) - 1 and "," not in text
    return False
