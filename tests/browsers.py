"""Debian's chromium, and what is wrong with a page in it for those who see it otherwise."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = "/usr/bin/chromium"
WAIT = 120_000  # ms until a test gives up: a busy machine is no failure
_SIZES = {"": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
LOOKS: dict[str, dict[str, Any]] = {
    f"{scheme} {name}".strip(): {
        "viewport": size,
        "color_scheme": scheme,
        "reduced_motion": "reduce",  # a place that is measured while the page scrolls is none
    }
    for name, size in _SIZES.items()
    for scheme in ("light", "dark")
}
"""A name -> how a person looks at a page."""

needs_chromium = pytest.mark.skipif(
    not os.access(CHROMIUM, os.X_OK), reason="there is no chromium to open a page with"
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield a browser; skip the test where what drives it is missing."""
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    driver.expect.set_options(timeout=WAIT)
    with driver.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"], timeout=WAIT
        )
        yield browser
        browser.close()


def violations(page: Page) -> list[tuple[str, list[str]]]:
    """Return the rules of accessibility that a page breaks, each with some elements.

    All details are opened first.
    """
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
    return [
        (each["id"], [node["html"][:200] for node in each["nodes"][:3]])
        for each in axe.Axe().run(page).response["violations"]
    ]
