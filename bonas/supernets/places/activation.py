"""Activations: one run of a function, and in which iteration of its loops it is.

A loop is never observed itself, but what is called in it: an iteration has ended where

    the variable of the loop has changed,                           or
    the same instruction calls again, or one that stands before it.

A loop over ``range(...)`` or ``enumerate(...)`` needs no such evidence: its variable is the number
of the iteration, also where earlier ones called nothing. Calls of one instruction outside of a loop
(``map``) are numbered, too.

Which call it was is the coordinate of an event in the execution of a program: B. Xin, W. N. Sumner,
X. Zhang, "Efficient program execution indexing", PLDI 2008.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import FrameType

from bonas.supernets.places.code_map import CodeMap, Loop, comprehension_counts

_PLAIN = (bool, int, float, str, type(None))


class Activation:
    """One run of a function, and the calls in it so far.

    Args:
        code: The map of its code.
    """

    def __init__(self, code: CodeMap) -> None:
        self._code = code
        self._call: FrameType | None = None  # kept, so that no later frame has its identity
        self._offset = -1
        self._loops: tuple[Loop, ...] = ()
        self._values: list[tuple[object, ...]] = []
        self._counts: list[int] = []
        self._repeats = 0
        self._place = ""

    def place(self, frame: FrameType, call: FrameType) -> str:
        """Return the line, the column and the iterations at a call, as text.

        Args:
            frame: That of the function.
            call: That of the function which it calls; it tells two calls of one line apart.
        """
        if call is not self._call:
            self._call = call
            self._move(frame)
            numbers = [*self._counts, *([self._repeats] if self._repeats else [])]
            inside = f"[{','.join(map(str, numbers))}]" if numbers else ""
            self._place = f"{self._code.position(frame.f_lasti)}{inside}"
        return self._place

    def _move(self, frame: FrameType) -> None:
        """Move on to the present instruction, and count the iterations that ended before."""
        offset, loops = frame.f_lasti, self._code.enclosing(frame.f_lasti)
        variables = frame.f_locals if loops else {}
        values = [_values(loop, variables) for loop in loops]
        indices = [_index(loop, variables) for loop in loops]
        common = _common(self._loops, loops)
        ended = self._ended(indices, values, common, offset <= self._offset)
        counts = [*self._counts[:common], *[0] * (len(loops) - common)]
        if ended is not None:
            counts = [*counts[:ended], counts[ended] + 1, *[0] * (len(counts) - ended - 1)]
        counted = [c if i is None else i for c, i in zip(counts, indices, strict=True)]
        stays = offset == self._offset and counted == self._counts
        self._repeats = self._repeats + 1 if stays else 0
        self._offset, self._loops, self._values, self._counts = offset, loops, values, counted

    def _ended(
        self,
        indices: Sequence[int | None],
        values: Sequence[tuple[object, ...]],
        common: int,
        is_back: bool,
    ) -> int | None:
        """Return the outermost loop of which an iteration ended; None if there is none."""
        for i in range(common):
            index = indices[i]
            if index is not None and index < self._counts[i]:  # it began anew
                return _nearest_without_index(indices[:i])
            if index is None and not _equal(values[i], self._values[i]):
                return i
            if index is not None and index != self._counts[i]:
                return None
        return _nearest_without_index(indices[:common]) if is_back else None


def _nearest_without_index(indices: Sequence[int | None]) -> int | None:
    return next((i for i in reversed(range(len(indices))) if indices[i] is None), None)


def _common(before: Sequence[Loop], now: Sequence[Loop]) -> int:
    """Return how many loops, from the outermost on, are around two instructions."""
    pairs = zip(before, now, strict=False)
    return next(
        (i for i, (one, other) in enumerate(pairs) if one != other), min(len(before), len(now))
    )


def _values(loop: Loop, variables: Mapping[str, object]) -> tuple[object, ...]:
    return tuple(variables.get(name) for name in loop.targets)


def _index(loop: Loop, variables: Mapping[str, object]) -> int | None:
    """Return the number of an iteration where a variable is just that."""
    name = loop.index
    if not name and loop.targets and comprehension_counts(variables.get(".0")):
        name = loop.targets[0]
    value = variables.get(name) if name else None
    return value if type(value) is int else None


def _equal(before: Sequence[object], now: Sequence[object]) -> bool:
    return all(
        one is other or (type(one) is type(other) and isinstance(one, _PLAIN) and one == other)
        for one, other in zip(before, now, strict=True)
    )
