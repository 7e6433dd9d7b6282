"""Facts about a report in a browser: it makes no request, no error, and can be used by anybody."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browsers import LOOKS, WAIT, chromium, needs_chromium, violations
from shown_results import RESULT
from written_studies import STUDIES

from bonas.report.report import Report

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = needs_chromium
PAGES = [*(("search", look) for look in LOOKS), *zip(STUDIES, cycle(LOOKS), strict=False)]
"""A report, and how a person looks at it."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("reports")
    Report.of(RESULT.study, RESULT.space).save(made / "search.html")
    for name, make in STUDIES.items():
        Report.of(make()).save(made / f"{name}.html")
    return made


@pytest.fixture
def problems() -> Iterator[list[str]]:
    """Return what goes wrong in the pages that a test opens: nothing may."""
    found: list[str] = []
    yield found
    assert found == []


def opened(browser: Browser, path: Path, problems: list[str], look: str = "light") -> Page:
    page = browser.new_page(**LOOKS[look])
    page.set_default_timeout(WAIT)
    page.on("console", lambda message: problems.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "request",
        lambda request: request.url.startswith(("file:", "data:")) or problems.append(request.url),
    )
    page.goto(path.as_uri())
    return page


@pytest.mark.parametrize(("name", "look"), PAGES)
def test_a_page_fits_its_width_and_breaks_no_rule_of_accessibility(
    name: str, look: str, browser: Browser, folder: Path, problems: list[str]
) -> None:
    page = opened(browser, folder / f"{name}.html", problems, look)
    width = LOOKS[look]["viewport"]["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page) == []
    page.close()


def test_no_text_of_a_study_runs(browser: Browser, folder: Path, problems: list[str]) -> None:
    page = opened(browser, folder / "hostile.html", problems)
    assert page.title() != "run"
    page.close()


def test_pointing_at_a_trial_marks_it_everywhere_and_a_click_keeps_it(
    browser: Browser, folder: Path, problems: list[str]
) -> None:
    page = opened(browser, folder / "search.html", problems)
    number = page.locator("#front tr[data-trial]").nth(3).get_attribute("data-trial")
    every = page.locator(f'[data-trial="{number}"]')
    point = page.locator(f'#front svg [data-trial="{number}"]')
    page.locator(f'#front tr[data-trial="{number}"]').hover()
    assert every.evaluate_all("all => all.every((each) => each.classList.contains('linked'))")
    assert f"Trial {number}" in page.locator("#detail").inner_text()
    point.focus()
    page.keyboard.press("Enter")
    pinned = page.locator(f'button.trial[data-trial="{number}"]').first
    assert pinned.get_attribute("aria-pressed") == "true"
    page.locator("#front tr[data-trial]").first.hover()
    page.locator("footer").hover()
    assert point.evaluate("point => point.classList.contains('pinned')")
    page.keyboard.press("Escape")
    assert not point.evaluate("point => point.classList.contains('pinned')")
    page.close()


def test_the_arrows_go_from_point_to_point(
    browser: Browser, folder: Path, problems: list[str]
) -> None:
    page = opened(browser, folder / "search.html", problems)
    marks = page.locator("#front svg [data-trial][tabindex]")
    first, second = marks.nth(0), marks.nth(1)
    first.focus()
    page.keyboard.press("ArrowRight")
    assert second.evaluate("mark => mark === document.activeElement")
    page.keyboard.press("ArrowLeft")
    assert first.evaluate("mark => mark === document.activeElement")
    page.close()


def test_all_trials_are_sorted_filtered_and_found(
    browser: Browser, folder: Path, problems: list[str]
) -> None:
    page = opened(browser, folder / "search.html", problems)
    rows = page.locator("#trials-table tbody tr")
    assert rows.count() == len(RESULT.study.trials)
    page.locator("#trials-table th button", has_text="accuracy").click()
    page.locator("#trials-table th button", has_text="accuracy").click()
    best = max(candidate.values["accuracy"] for candidate in RESULT.candidates)
    assert rows.first.locator("td").nth(2).inner_text() == f"{best:.0f}"
    page.locator("#trials-outcome").select_option(label="failed (1)")
    assert rows.count() == 1
    page.locator("#trials-outcome").select_option("")
    page.locator("#trials-find").fill("no such text")
    assert rows.count() == 0
    page.close()


def test_a_page_whose_content_was_replaced_works_once(
    browser: Browser, folder: Path, problems: list[str]
) -> None:
    page = opened(browser, folder / "search.html", problems)
    point = page.locator("#front svg [data-trial][tabindex]").first
    for _ in range(2):
        page.evaluate("document.dispatchEvent(new Event('bonas:replaced'))")
    point.focus()
    page.keyboard.press("Enter")
    assert point.evaluate("point => point.classList.contains('pinned')")
    assert page.locator("#trials-table tbody tr").count() == len(RESULT.study.trials)
    large = page.locator(".enlarge").first
    large.click()
    assert large.get_attribute("aria-pressed") == "true"
    page.close()


def test_the_button_changes_the_theme(browser: Browser, folder: Path, problems: list[str]) -> None:
    page = opened(browser, folder / "search.html", problems)
    colour = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(colour)
    page.locator("#theme").click()
    assert page.evaluate(colour) != before
    page.locator("#theme").click()
    assert page.evaluate(colour) == before
    page.close()
