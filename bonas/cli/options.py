"""What the commands share: their help, and texts of options."""

from __future__ import annotations

import argparse
from typing import Any

NAMES = "mixture, gp, embedded_gp, deep_kernel, forest, wl, gnn or random"
SURROGATE = f"Surrogate model: {NAMES}."
STORAGE = "Database URL, or the path of a journal such as search.log."


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Help that shows a default only where there is one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default is None else super()._get_help_string(action)


def add_command(commands: Any, name: str, text: str) -> argparse.ArgumentParser:
    """Add a command, whose help is ``text``."""
    made: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text, formatter_class=_Help
    )
    return made


def add_stored_study(command: argparse.ArgumentParser) -> None:
    """Let a command take a study that exists."""
    command.add_argument("--storage", required=True, help=STORAGE)
    command.add_argument("--study", default="bonas", help="Name of the study in the storage.")


def add_stored_search(command: argparse.ArgumentParser) -> None:
    """Let a command take a study that exists, and the search that it is of."""
    command.add_argument(
        "search", help="The bonas.Search of the study, or a function that returns one: module:name."
    )
    add_stored_study(command)
