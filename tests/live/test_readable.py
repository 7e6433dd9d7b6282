"""Facts about attributes as people read them."""

from __future__ import annotations

from typing import Any

import pytest

from bonas.live.readable import readable
from bonas.markdown import code, plain


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ({"bonas:description": '{"space": 1}'}, {}),
        ({"bonas:worker": {"pid": 3, "host": "a b"}}, {"bonas:worker": "process 3 on a"}),
        ({"bonas:worker": "process 3 on a"}, {"bonas:worker": "process 3 on a"}),
        ({"bonas:error": "Traceback\n  x\nValueError: no"}, {"bonas:error": "ValueError: no"}),
        ({"bonas:budget": {"seconds": 60.0}}, {"bonas:budget": "seconds 60.0"}),
        ({"bonas:device": {"a": {"b": 1, "c": "x"}}}, {"bonas:device": "b 1, c x"}),
        ({"accuracy": 91.23456789, "n": 5}, {"accuracy": 91.2346, "n": 5}),
        ({"mine": {"a": 1}}, {"mine": {"a": 1}}),
        ({"mine": None, "nan": float("inf")}, {"mine": None, "nan": float("inf")}),
    ],
)
def test_people_see(given: dict[str, Any], seen: dict[str, Any]) -> None:
    assert readable(given) == seen


@pytest.mark.parametrize("value", ["x" * 900, ["y" * 900], {"z": "a" * 900}])
@pytest.mark.parametrize("name", ["mine", "bonas:mine"])
def test_no_attribute_is_long(name: str, value: object) -> None:
    assert len(str(readable({name: value})[name])) <= 200


def test_a_fence_is_longer_than_those_in_the_text() -> None:
    assert code("a ```` b").startswith("`````\n")
    assert "\n" not in plain("a\nb")
