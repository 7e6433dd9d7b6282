"""Origin: which line of the user's own code an error came from, or a process was in."""

from __future__ import annotations

import linecache
import re
import sysconfig
import traceback
from pathlib import Path

import torch

_LIBRARIES = tuple(
    {
        str(Path(__file__).parents[1]),
        str(Path(torch.__file__).parents[1]),
        *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")),
    }
)
_OF_PYTHON = "<frozen", "<string>"  # modules of Python, and the command that starts a process
_DUMPED = re.compile(r'^  File "(?P<file>.+)", line (?P<line>\d+) in (?P<function>.+)$')


def origin_of(error: BaseException) -> str:
    """Return the deepest line that is neither of bonas nor of a library; else the deepest one.

    The error is the one that was raised first, where others were raised because of it. Empty if it
    was never raised.
    """
    causes = [error]
    while (cause := causes[-1].__cause__) is not None and cause not in causes:
        causes.append(cause)
    for each in reversed(causes):
        for frame in reversed(traceback.extract_tb(each.__traceback__)):
            if _is_of_user(frame.filename):
                return _place(frame.filename, frame.lineno or 0, frame.name)
    deepest = traceback.extract_tb(causes[-1].__traceback__)[-1:]
    return next((_place(each.filename, each.lineno or 0, each.name) for each in deepest), "")


def origin_in_dump(text: str) -> str:
    """Return the same of a dump of ``faulthandler``, whose deepest lines come first."""
    found = filter(None, map(_DUMPED.match, text.splitlines()))
    for line in found:
        if _is_of_user(line["file"]):
            return _place(line["file"], int(line["line"]), line["function"])
    return ""


def _place(file: str, number: int, function: str) -> str:
    """Return where a line of code is, with its text if that can be read."""
    text = linecache.getline(file, number).strip()
    where = f"{Path(file).name}, line {number}, in {function}"
    return f"{where}: {text}" if text else where


def _is_of_user(file: str) -> bool:
    return not file.startswith(_LIBRARIES) and not file.startswith(_OF_PYTHON)
