"""What a reader of ``bonas watch`` sees in a real browser while a study grows."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from watched import HOSTILE, add, address_of, stored

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium"),
    pytest.mark.slow,
]
expect.set_options(timeout=30_000)  # ms; a busy machine is no failure
START = "import sys; from bonas.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def storage(tmp_path: Path) -> str:
    found = address_of("sqlite", tmp_path)
    stored(found, HOSTILE, [(80.0 + i, 1.0 + i) for i in range(6)])
    return found


@pytest.fixture
def served(storage: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Yield the process of ``bonas watch`` and its address."""
    command = [sys.executable, "-c", START, "watch", "--storage", storage]
    process = subprocess.Popen(
        [*command, "--port", "0", "--every", "0.2"], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    address = re.search(r"http://\S+", line)
    try:
        assert address is not None, line
        yield process, address[0]
    finally:
        process.kill()
        process.communicate()


def opened(browser: Browser, address: str, width: int = 1280) -> tuple[Page, list[str]]:
    """Return a page, and what went wrong in it so far."""
    page, wrong = browser.new_page(viewport={"width": width, "height": 500}), list[str]()
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
    assert process.wait(timeout=30) == 0


def test_a_reader_is_told_when_the_storage_or_the_server_is_away(
    served: tuple[subprocess.Popen[str], str], tmp_path: Path, browser: Browser
) -> None:
    process, address = served
    page, _ = opened(browser, address)
    badge = page.locator("#live")
    expect(badge).to_have_text("live")
    os.rename(tmp_path / "a.db", tmp_path / "away.db")
    expect(badge).to_contain_text(re.compile(r"last seen \d\d:\d\d:\d\d: .*deleted"))
    os.rename(tmp_path / "away.db", tmp_path / "a.db")
    expect(badge).to_have_text("live")
    process.send_signal(signal.SIGINT)
    process.wait(timeout=30)
    expect(badge).to_have_text("the server has stopped")
