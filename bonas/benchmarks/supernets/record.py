"""Record: what was measured, kept in a file line by line, so that an end at any line loses nothing.

The first line says of what the values are. Each further line is one value: what it is, the number
of the network (-1 for all of them), the seed, the value, and the CPU seconds that it took.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bonas.errors import InvalidData

Key = tuple[str, int, int]


class Record:
    """Values in a file, measured once."""

    def __init__(self, path: Path, of: Mapping[str, Any]) -> None:
        """Read a file, or begin it.

        Args:
            path: The file; its folder is made.
            of: What the values belong to, as JSON values.

        Raises:
            InvalidData: if the file holds values of something else.
        """
        self._path = path
        self._known: dict[Key, tuple[float, float]] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        head = json.loads(json.dumps(dict(of)))
        if not path.exists() or not path.stat().st_size:
            self._append(head)
            return
        lines = path.read_text().splitlines(keepends=True)
        if not lines[0].endswith("\n"):  # torn by the end of a process
            path.write_text("")
            self._append(head)
            return
        found = _row(lines[0])
        if found != head:
            raise InvalidData(
                f"expected measurements of {head} in {path}, got those of {found}; use another "
                "folder"
            )
        if not lines[-1].endswith("\n"):
            path.write_text("".join(lines[:-1]))
        for line in lines[1:]:
            row = _row(line)
            if row is not None:
                key = (row["what"], row["network"], row["seed"])
                self._known[key] = (row["value"], row["seconds"])

    def value(self, what: str, network: int, seed: int, measure: Callable[[], float]) -> float:
        """Return a value, measured now if it is not in the file."""
        key = (what, network, seed)
        if key not in self._known:
            start = time.process_time()
            value = float(measure())
            seconds = time.process_time() - start
            row = {"what": what, "network": network, "seed": seed, "value": value}
            self._append({**row, "seconds": round(seconds, 4)})
            self._known[key] = (value, seconds)
        return self._known[key][0]

    def seconds(self, what: str) -> list[float]:
        """Return the CPU seconds of all values of that name."""
        return [seconds for (name, _, _), (_, seconds) in self._known.items() if name == what]

    def has(self, what: str, network: int, seed: int) -> bool:
        """Return whether a value is in the file."""
        return (what, network, seed) in self._known

    def _append(self, row: Mapping[str, Any]) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(row) + "\n")
            file.flush()
            os.fsync(file.fileno())


def _row(line: str) -> dict[str, Any] | None:
    """Return a line's values; None where it was torn."""
    try:
        row: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    return row
