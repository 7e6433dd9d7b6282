"""The pages of the documentation, as texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(
    str(path.relative_to(DOCS).with_suffix(""))
    for path in DOCS.rglob("*.md")
    if path.relative_to(DOCS).parts[0] not in {"extensions", "figures"}
)
FENCE = re.compile(r"^(`{3,})(.*?)\n(.*?)^\1$", re.M | re.S)


def text_of(page: str) -> str:
    """Return a page as it is written."""
    return (DOCS / f"{page}.md").read_text(encoding="utf-8")


def blocks_of(page: str, kind: str) -> list[str]:
    """Return the contents of a page's fenced blocks of one kind, ``{toctree}`` or ``python``."""
    return [body for _, head, body in FENCE.findall(text_of(page)) if head.strip() == kind]


def prose_of(page: str) -> str:
    """Return a page without its fenced blocks."""
    return FENCE.sub("", text_of(page))


def listed_pages(page: str) -> Iterator[str]:
    """Yield the pages that a page's tables of contents list, patterns included."""
    folder = (DOCS / page).parent
    for body in blocks_of(page, "{toctree}"):
        for line in body.splitlines():
            if line.strip() and not line.startswith(":"):
                for path in sorted(folder.glob(f"{line.strip()}.md")):
                    yield str(path.resolve().relative_to(DOCS).with_suffix(""))
