"""Facts about the pages of ``bonas watch`` for those who cannot see, or see a small or dark one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import optuna
import pytest
from browsers import LOOKS, WAIT, chromium, needs_chromium, violations
from shown_results import RESULT
from watched import address_of, asked, opened, stored, watching
from written_studies import STUDIES

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
    needs_chromium,
    pytest.mark.slow,
]
PAGES = [
    *((path, look) for path in ("", asked("search")) for look in LOOKS),
    *zip(map(asked, ["no such study", *STUDIES]), cycle(LOOKS), strict=False),
]
"""What follows the address of the server, and how a person looks at the page."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield where the studies of all kinds are served."""
    storage = address_of("journal", tmp_path_factory.mktemp("accessible"))
    for name, make in {"search": lambda: RESULT.study, **STUDIES}.items():
        study = make()
        optuna.copy_study(
            from_study_name=study.study_name,
            from_storage=study._storage,
            to_storage=opened(storage),
            to_study_name=name,
        )
    with watching(storage) as (_, found):
        yield found


@pytest.mark.parametrize(("path", "look"), PAGES)
def test_a_page_breaks_no_rule(path: str, look: str, address: str, browser: Browser) -> None:
    check(browser, address + path, look)


def test_a_page_without_studies_breaks_no_rule(tmp_path: Path, browser: Browser) -> None:
    storage = address_of("sqlite", tmp_path)
    optuna.create_study(storage=storage, study_name="gone")
    optuna.delete_study(storage=storage, study_name="gone")
    with watching(storage) as (_, address):
        for look in LOOKS:
            check(browser, address, look, says="There is no study yet")


def test_a_page_breaks_no_rule_while_the_storage_is_away(tmp_path: Path, browser: Browser) -> None:
    stored(storage := address_of("sqlite", tmp_path), "one")
    with watching(storage) as (_, address):
        (tmp_path / "a.db").rename(tmp_path / "away.db")
        for look in LOOKS:
            for path in ("", asked("one")):
                check(browser, address + path, look, says="The storage was not read yet")


def check(browser: Browser, address: str, look: str, says: str = "") -> None:
    """Check that a page fits its window and breaks no rule of accessibility."""
    page = browser.new_page(**LOOKS[look])
    page.set_default_timeout(WAIT)
    page.goto(address)
    assert says in page.locator("main").inner_text()
    if page.title() != "No such study":  # it does not refresh itself
        page.wait_for_function("document.getElementById('live')?.textContent")
    width = LOOKS[look]["viewport"]["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page) == []
    page.close()
