"""Every page of the site is listed once, its links lead somewhere, and its code can be read."""

from __future__ import annotations

import ast
import re

import pytest
from site_pages import DOCS, PAGES, blocks_of, listed_pages, prose_of, text_of

LINK = re.compile(r"\]\(([^)\s]+)\)")


def test_every_page_is_listed_in_one_table_of_contents() -> None:
    listed = [name for page in PAGES for name in listed_pages(page)]
    assert sorted([*listed, "index"]) == PAGES


def test_a_table_of_contents_lists_only_pages_and_patterns() -> None:
    for page in PAGES:
        folder = (DOCS / page).parent
        for body in blocks_of(page, "{toctree}"):
            names = [n.strip() for n in body.splitlines() if n.strip() and not n.startswith(":")]
            exact = [name for name in names if "*" not in name]
            assert [n for n in exact if not (folder / f"{n}.md").exists()] == [], page


@pytest.mark.parametrize("page", PAGES)
def test_the_links_of_a_page_lead_to_files_and_headings(page: str) -> None:
    for target in LINK.findall(prose_of(page)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (DOCS / page).parent / name if name else DOCS / f"{page}.md"
        assert path.exists(), f"{page} links to {target}"
        if anchor and path.suffix == ".md":
            assert anchor in _anchors(path.read_text(encoding="utf-8")), f"{page} links to {target}"


@pytest.mark.parametrize("page", PAGES)
def test_no_page_loads_anything_from_elsewhere(page: str) -> None:
    images = re.findall(r"!\[[^]]*\]\(\s*(https?:[^)]*)\)", text_of(page))
    markup = re.findall(r"<(?:img|script|link|iframe)\b[^>]*https?:[^>]*>", text_of(page))
    assert images + markup == []


@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_can_be_read(page: str) -> None:
    for kind in ("python", "{code-cell} python"):
        for code in blocks_of(page, kind):
            lines = [line for line in code.splitlines() if not line.startswith((":", "%"))]
            ast.parse("\n".join(lines), page)


def _anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as a code host makes them."""
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
