"""A built site that loads anything from elsewhere is an error: pages open without a network.

Links that a reader may follow are allowed.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

_FRAMED = "data:text/html;base64,"
_FOLLOWED = {"a", "area"}
_ELSEWHERE = re.compile(r"\s*(?:https?:)?//")
_IN_STYLES = re.compile(r"(?:url\(\s*['\"]?|@import\s+['\"])((?:https?:)?//[^)'\"]+)")


class _Loads(HTMLParser):
    """The addresses that a page loads, those of the pages in its frames included."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in _FOLLOWED or (tag == "link" and given.get("rel") in {"canonical", "author"}):
            return
        for name in ("src", "href", "data", "poster", "srcset", "xlink:href"):
            if _ELSEWHERE.match(given.get(name, "")):
                self.found.append(given[name])
        self.found += _IN_STYLES.findall(given.get("style", ""))
        if given.get("src", "").startswith(_FRAMED):
            framed = b64decode(given["src"].removeprefix(_FRAMED))
            self.found += loads(framed.decode("utf-8"))

    def handle_data(self, data: str) -> None:
        if self.get_starttag_text() and self.get_starttag_text().startswith("<style"):
            self.found += _IN_STYLES.findall(data)


def loads(page: str) -> list[str]:
    """Return the addresses elsewhere that a page of HTML loads."""
    parser = _Loads()
    parser.feed(page)
    return parser.found


def loaded_by(folder: Path) -> Iterator[str]:
    """Yield what the files of a built site load from elsewhere."""
    for path in sorted(folder.rglob("*.html")):
        for address in loads(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(folder)} loads {address}"
    for path in sorted(folder.rglob("*.css")):
        for address in _IN_STYLES.findall(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(folder)} loads {address}"


def setup(app: Sphinx) -> dict[str, Any]:
    """Check the site once it is built."""

    def check(app: Sphinx, exception: Exception | None) -> None:
        if exception is None and (found := list(loaded_by(Path(app.outdir)))):
            raise ExtensionError("a page loads from elsewhere:\n" + "\n".join(found))

    app.connect("build-finished", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
