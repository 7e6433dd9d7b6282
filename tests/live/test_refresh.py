"""What a reader of ``bonas watch`` sees in a real browser while a study grows."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browsers import LOOKS, WAIT, chromium, needs_chromium
from watched import HOSTILE, add, address_of, stored, watching

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
pytestmark = [
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
    needs_chromium,
    pytest.mark.slow,
]
FOUND = re.compile(r"^(live|last seen \d\d:\d\d:\d\d)$")
"""What the badge says while the storage can be read; the latter where a machine is slow."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def storage(tmp_path: Path) -> str:
    found = address_of("sqlite", tmp_path)
    stored(found, HOSTILE, [(80.0 + i, 1.0 + i) for i in range(6)])
    return found


@pytest.fixture
def served(storage: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with watching(storage) as found:
        yield found


def opened(browser: Browser, address: str, width: int = 1280) -> tuple[Page, list[str]]:
    """Return a page, and what went wrong in it so far."""
    page = browser.new_page(**LOOKS["light"])
    page.set_viewport_size({"width": width, "height": 500})
    wrong = list[str]()
    page.set_default_timeout(WAIT)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    page.goto(address)
    return page, wrong


def test_a_reader_sees_what_is_new_and_keeps_the_place(
    served: tuple[subprocess.Popen[str], str], storage: str, browser: Browser
) -> None:
    import optuna

    process, address = served
    report, wrong = opened(browser, address, width=390)
    expect(report.locator(".card dd").first).to_contain_text("85")
    assert report.evaluate("document.documentElement.scrollWidth") <= 390
    report.locator(".card a").click()
    expect(report.locator("h1")).to_have_text(HOSTILE)
    pin = report.locator("button.trial[data-trial='3']").first
    pin.click()
    trials = report.locator("#trials")
    trials.scroll_into_view_if_needed()
    report.locator("#trials-outcome").select_option(index=1)
    report.evaluate("document.activeElement.blur()")
    report.evaluate("scrollBy(0, 30)")
    place = trials.bounding_box()
    chosen = report.locator("#trials-outcome").input_value()
    add(optuna.load_study(study_name=HOSTILE, storage=storage), [99.0, 1.0])
    expect(report.locator("#front")).to_contain_text("99")
    assert pin.get_attribute("aria-pressed") == "true"
    assert report.locator("#trials-outcome").input_value() == chosen
    after = trials.bounding_box()
    assert place is not None
    assert after is not None
    assert after["y"] == pytest.approx(place["y"], abs=2)
    overview, errors = opened(browser, address)
    expect(overview.locator(".card dd").first).to_contain_text("99")
    assert wrong == errors == []
    report.get_by_text("All studies").click()
    expect(report.locator(".card dd").first).to_contain_text("99")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=WAIT / 1_000) == 0


def test_a_reader_is_told_when_the_storage_or_the_server_is_away(
    served: tuple[subprocess.Popen[str], str], tmp_path: Path, browser: Browser
) -> None:
    process, address = served
    page, _ = opened(browser, address)
    badge = page.locator("#live")
    expect(badge).to_have_text(FOUND)
    os.rename(tmp_path / "a.db", tmp_path / "away.db")
    expect(badge).to_contain_text(re.compile(r"last seen \d\d:\d\d:\d\d: .*deleted"))
    os.rename(tmp_path / "away.db", tmp_path / "a.db")
    expect(badge).to_have_text(FOUND)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=WAIT / 1_000)
    expect(badge).to_have_text("the server has stopped")
