"""Facts about texts that every storage accepts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonas.texts import LONGEST, RESERVED, objection, shown, storable

SURROGATE = chr(0xDCE9)  # what os.listdir makes of a byte that is not UTF-8


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("accuracy", None),
        ("top-5 (%) \u00e9\u6f22\U0001f600", None),
        ("a" * 500, None),
        ("", "it is empty"),
        ("a" * 501, "it has 501 characters, at most 500 can be stored"),
        (f"caf{SURROGATE}", "it has a lone surrogate, which is not a character"),
        ("a\0b", "it has a control character"),
        ("a\nb", "it has a control character"),
        ("bonas:seed", "names that begin with 'bonas:' are those of bonas"),
        ("my bonas:seed", None),
    ],
)
def test_a_name_is_refused_with_its_reason(name: str, why: str | None) -> None:
    assert objection(name) == why


def test_another_prefix_may_be_reserved_or_none() -> None:
    assert objection("own:x", reserved="own:") == "names that begin with 'own:' are those of bonas"
    assert objection(f"{RESERVED}x", reserved="") is None


@given(st.text(min_size=1, max_size=80))
def test_a_name_without_objection_is_utf_8_and_fits(name: str) -> None:
    if objection(name) is None:
        assert len(name.encode()) <= 4 * 500
        assert "\0" not in name


@given(st.text(st.characters(), max_size=80), st.integers(0, 3))
def test_what_is_stored_can_be_stored(text: str, surrogates: int) -> None:
    kept = storable(text + surrogates * SURROGATE)
    assert "\0" not in kept
    kept.encode()  # raises for a lone surrogate
    assert len(kept) == len(text) + surrogates


def test_of_a_long_text_its_end_is_kept() -> None:
    kept = storable("begin" + "x" * LONGEST + "end")
    assert len(kept) == LONGEST
    assert kept.endswith("xend")


def test_a_name_in_a_message_is_short_and_printable() -> None:
    assert shown("a" * 100) == "'" + "a" * 59 + "..."
    assert shown(f"x{SURROGATE}").isascii()
    assert shown("\u00e9") == "'\u00e9'"
    assert shown(["a"]) == "['a']"
