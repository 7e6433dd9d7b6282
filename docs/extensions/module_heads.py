"""Module heads: their formulas are text, set as it stands.

The directive ``module-heads`` takes packages, one per line, and shows the head of each of their
modules that holds a formula; a formula is an indented paragraph.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import bonas

ROOT = Path(bonas.__file__).parent


class ModuleHeads(SphinxDirective):
    """A section per module whose head holds a formula."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        heads = [head for package in self.content for head in formulas_of(package.strip())]
        return [self._section(name, text) for name, text in heads]

    def _section(self, name: str, text: str) -> nodes.section:
        section = nodes.section(ids=[nodes.make_id(name)], names=[name])
        section += nodes.title("", "", nodes.literal(text=name))
        lines = "\n".join(as_written(text.splitlines()))
        section += self.parse_text_to_nodes(f"```{{eval-rst}}\n{lines}\n```")
        return section


def formulas_of(package: str) -> Iterator[tuple[str, str]]:
    """Yield the names and docstrings of a package's modules whose head holds a formula."""
    folder = ROOT.joinpath(*package.split(".")[1:])
    for path in sorted(folder.rglob("*.py")):
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        if re.search(r"^ {2,8}\S", docstring, re.M):
            below = path.relative_to(folder).with_suffix("").parts
            yield ".".join([package, *(part for part in below if part != "__init__")]), docstring


def as_written(lines: list[str]) -> list[str]:
    """Return a docstring in which indented formulas are literal, and ``|x|`` is an absolute value.

    A formula is an indented paragraph at the outermost level that follows a line which is not
    indented, is no list and no section of Google's style, and does not announce it with ``::``.
    """
    found: list[str] = []
    for place, line in enumerate(lines):
        opens = line.startswith(" ") and place > 0 and not lines[place - 1].strip()
        before = next((each for each in reversed(found) if each.strip()), "")
        literal = before.startswith(" ") or before.endswith("::")
        if opens and before and not literal and not re.match(r"- |\* |\.\. |\w+:$", before):
            found += [".. code-block:: text", ""]
        found.append(line if line.startswith(" ") else _escaped(line))
    return found


def _escaped(line: str) -> str:
    """Escape bars outside of literals."""
    parts = re.split(r"(``.*?``)", line)
    return "".join(part if part.startswith("``") else part.replace("|", r"\|") for part in parts)


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directive, and read the docstrings of documented modules in the same way."""

    def process(
        _: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
    ) -> None:
        if what == "module":
            lines[:] = as_written(lines)

    app.connect("autodoc-process-docstring", process)
    app.add_directive("module-heads", ModuleHeads)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
