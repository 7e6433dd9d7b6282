"""In which iteration of its loops a function makes a call."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from bonas.supernets.places.activation import Activation
from bonas.supernets.places.code_map import CodeMap, CodeMaps

Mark = Callable[[], None]


def places(function: Callable[[Mark], object]) -> list[str]:
    """Return the iterations of all loops of a function at each mark, without the lines."""
    activations: dict[Any, Activation] = {}
    found = []

    def mark() -> None:
        call = sys._getframe(0)
        frame: Any = sys._getframe(1)
        while frame.f_code is not function.__code__:
            call, frame = frame, frame.f_back
        own = activations.setdefault(frame, Activation(CodeMap(frame.f_code)))
        found.append(own.place(frame, call).partition("[")[2].rstrip("]"))

    function(mark)
    return found


def _ranges(mark: Mark) -> None:
    for i in range(2):
        for j in range(2):
            if i or j:
                mark()


def _items(mark: Mark) -> None:
    for _item in "aab":
        mark()


def _equal_stages(mark: Mark) -> None:
    for _width, depth in zip((8, 8, 8), (2, 1, 2), strict=True):
        for _ in range(depth):
            mark()


def _assigned(mark: Mark) -> None:
    for x in (1, 2):
        mark()
        x = 3 * x
        mark()


def _in_two_places(mark: Mark) -> None:
    for x in "ab":
        if x == "b":
            mark()
        mark()


def _continued(mark: Mark) -> None:
    for i, x in enumerate("abc"):
        if x == "b":
            continue
        for _ in range(i):
            mark()


def _endless(mark: Mark) -> None:
    n = 0
    while True:
        mark()
        n += 1
        if n == 3:
            break


def _after(mark: Mark) -> None:
    for _ in range(2):
        mark()
    mark()


def _same_name(mark: Mark) -> None:
    for _ in range(2):
        for _ in range(2):
            mark()


def _mapped(mark: Mark) -> None:
    list(map(lambda _: mark(), range(3)))  # noqa: C417  # calls that C makes


def _reversed(mark: Mark) -> None:
    for _ in range(2, 0, -1):
        mark()


def _stops(mark: Mark) -> None:
    mark()
    mark()


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (_ranges, ["0,1", "1,0", "1,1"]),
        (_items, ["0", "1", "2"]),
        (_equal_stages, ["0,0", "0,1", "1,0", "2,0", "2,1"]),
        (_assigned, ["0", "0", "1", "1"]),
        (_in_two_places, ["0", "1", "1"]),
        (_continued, ["2,0", "2,1"]),
        (_endless, ["0", "1", "2"]),
        (_after, ["0", "1", ""]),
        (_mapped, ["", "1", "2"]),
        (_reversed, ["2", "1"]),
        (_stops, ["", ""]),
    ],
)
def test_calls_are_placed_in_the_iterations_of_their_loops(
    function: Callable[[Mark], object], expected: list[str]
) -> None:
    assert places(function) == expected


def test_loops_that_share_a_variable_tell_all_iterations_apart() -> None:
    assert len(set(places(_same_name))) == 4


def test_a_generator_is_a_function_of_its_own() -> None:
    def items() -> Iterator[int]:
        yield from range(3)

    def run(mark: Mark) -> None:
        for _ in items():
            mark()

    assert places(run) == ["0", "1", "2"]


def test_functions_of_torch_and_of_python_have_no_map() -> None:
    maps = CodeMaps()
    here = sys._getframe(0)
    assert maps.of(here) is maps.of(here) is not None

    for module, is_own in (("torch.nn.modules.linear", False), ("torchvision.models", True)):
        frame: Any = SimpleNamespace(f_code=here.f_code, f_globals={"__name__": module})
        assert (CodeMaps().of(frame) is not None) is is_own
