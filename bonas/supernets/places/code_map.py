"""A map of the code of a function: the line of each instruction, and the loops around it.

A loop is a backward jump: its instructions are those from the target of the jump to the jump. The
variables of a ``for`` loop are what is stored first after the next item was asked for.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import CodeType, FrameType

_LEFT_OUT = ("bonas.spaces.families", "bonas.supernets", "torch")
_MODULES = frozenset(sys.stdlib_module_names)  # lines of Python's own modules change with it
_COUNTERS = ("range", "enumerate")  # what they yield first numbers the iterations
_ITERABLE = ".0"  # the name of a comprehension's argument


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop of a function.

    Attributes:
        first: The offset of its first instruction.
        last: The offset of its last one.
        targets: The variables that only the head of the loop sets.
        index: That of them which numbers the iterations; empty if there is none.
    """

    first: int
    last: int
    targets: tuple[str, ...] = ()
    index: str = ""


class CodeMap:
    """The lines and the loops of a code object."""

    def __init__(self, code: CodeType) -> None:
        self.code = code
        self._enclosing: dict[int, tuple[Loop, ...]] = {}

    def position(self, offset: int) -> str:
        """Return the line within the function and the column of an instruction, as text.

        The column is left out where the interpreter keeps none (``-X no_debug_ranges``).
        """
        line, _, column, _ = self._spans[offset // 2]
        of_function = 0 if line is None else line - self.code.co_firstlineno
        return f"{of_function}" if column is None else f"{of_function}.{column}"

    def enclosing(self, offset: int) -> tuple[Loop, ...]:
        """Return the loops around an instruction, the outermost first."""
        if offset not in self._enclosing:
            self._enclosing[offset] = tuple(x for x in self._loops if x.first <= offset <= x.last)
        return self._enclosing[offset]

    @cached_property
    def _spans(self) -> Sequence[tuple[int | None, int | None, int | None, int | None]]:
        return list(self.code.co_positions())

    @cached_property
    def _loops(self) -> Sequence[Loop]:
        instructions = list(dis.get_instructions(self.code))
        ends: dict[int, int] = {}
        for each in instructions:
            jumps = each.opcode in dis.hasjrel or each.opcode in dis.hasjabs
            if jumps and each.argval < each.offset:
                ends[each.argval] = max(each.offset, ends.get(each.argval, 0))
        at = {each.offset: i for i, each in enumerate(instructions)}
        return [self._loop(instructions, at[first], last) for first, last in sorted(ends.items())]

    def _loop(self, instructions: Sequence[dis.Instruction], head: int, last: int) -> Loop:
        first = instructions[head].offset
        names = tuple(_stored_at(instructions, head + 1))
        if instructions[head].opname != "FOR_ITER" or not names:
            return Loop(first, last)
        inside = [x for x in instructions if first <= x.offset <= last]
        stored = [name for each in inside for name in _stored(each)]
        targets = tuple(name for name in names if stored.count(name) == 1)
        counts = names[0] in targets and self._counts(instructions, head)
        return Loop(first, last, targets, names[0] if counts else "")

    def _counts(self, instructions: Sequence[dis.Instruction], head: int) -> bool:
        """Return whether a loop is over ``range(...)`` or ``enumerate(...)``."""
        for i in range(head - 1, -1, -1):
            if instructions[i].opname == "FOR_ITER":
                return False
            if instructions[i].opname == "GET_ITER":
                begin = self._begin(instructions[i - 1])  # the end of the iterable's expression
                return any(
                    each.argval in _COUNTERS and self._begin(each) == begin and begin[1] is not None
                    for each in instructions[:i]
                    if each.opname.startswith("LOAD_")
                )
        return False

    def _begin(self, instruction: dis.Instruction) -> tuple[int | None, int | None]:
        line, _, column, _ = self._spans[instruction.offset // 2]
        return line, column


class CodeMaps:
    """Maps of the functions that a user wrote, made when they are first met."""

    def __init__(self) -> None:
        self._maps: dict[int, tuple[CodeType, CodeMap | None]] = {}  # by identity: no comparison

    def of(self, frame: FrameType) -> CodeMap | None:
        """Return the map of a user's function; None for functions of torch, Python and bonas."""
        code = frame.f_code
        if id(code) not in self._maps:
            name = str(frame.f_globals.get("__name__", ""))
            foreign = name.partition(".")[0] in _MODULES or any(
                name == each or name.startswith(f"{each}.") for each in _LEFT_OUT
            )
            self._maps[id(code)] = code, None if foreign else CodeMap(code)
        return self._maps[id(code)][1]


def comprehension_counts(given: object) -> bool:
    """Return whether a comprehension goes through ``range(...)`` or ``enumerate(...)``."""
    return isinstance(given, (type(iter(range(0))), enumerate))


def _stored_at(instructions: Sequence[dis.Instruction], i: int) -> Iterator[str]:
    """Yield the names that are set from an instruction on, until another kind comes."""
    while i < len(instructions) and instructions[i].opname.startswith(("STORE_", "UNPACK_")):
        yield from _stored(instructions[i])
        i += 1


def _stored(instruction: dis.Instruction) -> Iterator[str]:
    """Yield the local variables that an instruction sets."""
    if instruction.opname.startswith(("STORE_FAST", "STORE_DEREF", "STORE_NAME")):
        given = instruction.argval
        yield from given if isinstance(given, tuple) else (given,)
