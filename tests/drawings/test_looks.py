"""Facts about drawings in a browser: captions fit, colours follow the reader."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from browsers import WAIT, chromium, needs_chromium, violations
from drawings.networks import SPACES, chain, outlines

from bonas.drawings import draw
from bonas.drawings.kinds import Kind
from bonas.drawings.theme import _KINDS, _LIGHT_DARK

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = needs_chromium
LABELS = ["conv_3x3", "relu", "mystery", "skip_connect", "Wide_Words_Everywhere_WWWW"]

OVERFLOWS = """() => [...document.querySelectorAll("svg g g")].filter(row => {
  const shape = row.querySelector("rect, circle"), words = row.querySelector("text");
  if (!shape || !words) return false;
  const a = shape.getBoundingClientRect(), b = words.getBoundingClientRect();
  return b.left < a.left || b.right > a.right;
}).map(row => row.textContent)"""
OUTSIDE = """() => [...document.querySelectorAll("svg text")].filter(words => {
  const a = words.ownerSVGElement.getBoundingClientRect(), b = words.getBoundingClientRect();
  return b.left < a.left || b.right > a.right || b.bottom > a.bottom;
}).map(words => words.textContent)"""
FILL = """name => getComputedStyle(document.querySelector(name)).fill"""


@pytest.fixture(scope="module", name="browser")
def browser_fixture() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def shown(browser: Browser, body: str, scheme: Any = "light") -> Any:
    page = browser.new_page(color_scheme=scheme)
    page.set_default_timeout(WAIT)
    page.set_content(f"<!doctype html><html lang=en><title>drawings</title><body>{body}")
    return page


def test_captions_fit_into_their_boxes_and_everything_into_the_drawing(browser: Browser) -> None:
    pairs = [outlines(name, 2) for name in SPACES]
    drawings = [draw(one, compared_with=two).svg for one, two in pairs]
    drawings.append(draw(chain("input", *LABELS, "output"), marked=[1, 3]).svg)
    page = shown(browser, "".join(drawings))
    assert page.locator("svg").count() == len(drawings)
    assert page.evaluate(OVERFLOWS) == []
    assert page.evaluate(OUTSIDE) == []


def test_colours_follow_the_reader_and_the_page(browser: Browser) -> None:
    svg = draw(chain("input", "conv", "output")).svg
    fills = [
        shown(browser, f"<style>:root{{{own}}}</style>{svg}{svg}", scheme).evaluate(FILL, ".d-conv")
        for scheme, own in (
            ("light", ""),
            ("dark", ""),
            ("dark", "--bonas-drawing-conv:rgb(1, 2, 3)"),
        )
    ]
    assert fills[2] == "rgb(1, 2, 3)"
    assert len(set(fills)) == 3


def test_a_program_without_style_sheets_shows_the_light_colours(browser: Browser) -> None:
    svg = draw(chain("input", "conv", "output")).svg
    before, _, after = svg.partition("<style>")
    plain = before + after.partition("</style>")[2]
    bare, styled = (shown(browser, text).evaluate(FILL, ".d-conv") for text in (plain, svg))
    assert bare == styled


def test_a_drawing_leaves_the_page_as_it_is(browser: Browser) -> None:
    """Its style sheet names nothing outside of drawings."""
    body = '<p class="d-conv d-ink input">words</p>'
    alone = shown(browser, body).evaluate(FILL, "p")
    assert (
        shown(browser, body + draw(chain("input", "conv", "output")).svg).evaluate(FILL, "p")
        == alone
    )


def test_axe_finds_nothing(browser: Browser) -> None:
    drawings = [draw(outline).svg for outline in outlines("cells", 2) + outlines("transformer", 1)]
    page = shown(browser, f"<main><h1>Drawings</h1>{''.join(drawings)}</main>")
    assert violations(page) == []


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_the_contrast_of_all_texts_is_at_least_four_and_a_half(scheme: int) -> None:
    ink, muted = (_luminance(_LIGHT_DARK[name][scheme]) for name in ("ink", "muted"))
    for kind in Kind:
        assert _contrast(ink, _luminance(_KINDS[kind][scheme])) >= 4.5
    for ground in ("surface", "group"):
        assert _contrast(muted, _luminance(_LIGHT_DARK[ground][scheme])) >= 4.5


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_lines_and_marks_stand_out_from_the_ground(scheme: int) -> None:
    for name in ("line", "mark"):
        for ground in ("surface", "group"):
            found = _contrast(
                *(_luminance(_LIGHT_DARK[colour][scheme]) for colour in (name, ground))
            )
            assert found >= 2.5


def _luminance(colour: str) -> float:
    """Return the relative luminance of a colour, as the W3C defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: float, two: float) -> float:
    low, high = sorted((one, two))
    return (high + 0.05) / (low + 0.05)
