"""The directive ``command-help``: every command of ``bonas`` with what its ``--help`` prints."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from bonas.cli import make_parser


class CommandHelp(SphinxDirective):
    """A section per command, those of ``bonas bench`` included."""

    def run(self) -> list[nodes.Node]:
        return [self._section(command, text) for command, text in helps()]

    def _section(self, command: str, text: str) -> nodes.section:
        section = nodes.section(ids=[nodes.make_id(command)], names=[command])
        section += nodes.title("", "", nodes.literal(text=command))
        section += nodes.literal_block(text, text, language="text")
        return section


def helps() -> list[tuple[str, str]]:
    """Return the commands that do something, with their helps of 88 columns."""
    columns = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "88"  # what argparse reads
    try:
        return [(parser.prog, parser.format_help()) for parser in _parsers(make_parser())]
    finally:
        os.environ.pop("COLUMNS")
        if columns is not None:
            os.environ["COLUMNS"] = columns


def _parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    below = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not below:
        yield parser
    for action in below:
        for each in action.choices.values():
            yield from _parsers(each)


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directive."""
    app.add_directive("command-help", CommandHelp)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
