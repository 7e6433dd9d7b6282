"""The running script, and what a worker process finds of it.

``multiprocessing`` runs the script again in each process that it starts, under another name, so
that what is behind ``if __name__ == "__main__":`` is left out. A worker does not find what is
defined there, or in a notebook, by its name; and a script that starts its workers in front of such
a line would start them again in each worker.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, ModuleType

MAIN = "__main__"
_PLACE = "__file__", "__spec__"  # by which multiprocessing finds the script


def finds(names: set[str]) -> bool:
    """Return whether a worker process finds what has these qualified names in the script."""
    if not names:
        return True
    source = _source()
    if source is None or not _runs_again():
        return False
    return {name.partition(".")[0] for name in names} <= _defined(source)


@contextmanager
def run_once() -> Iterator[None]:
    """Start processes in the block that do not run the script again, where that would fail."""
    script = _script()
    if _runs_again():
        yield
        return
    kept = {name: vars(script)[name] for name in _PLACE if name in vars(script)}
    script.__file__, script.__spec__ = None, None
    try:
        yield
    finally:
        vars(script).update(kept)


def _runs_again() -> bool:
    """Return whether the script can run again without running again what runs now.

    True if that cannot be found out, in a thread for example.
    """
    source, frame = _source(), _frame()
    path = getattr(_script(), "__file__", None)
    if path is not None and _script().__spec__ is None and not Path(path).is_file():
        return False  # it came from the standard input
    if source is None or frame is None:
        return True
    line = frame.f_lineno
    at = (s for s in source if s.lineno <= line <= (s.end_lineno or s.lineno))
    return any(_tests_name(statement) for statement in at)


def _frame() -> FrameType | None:
    """Return the frame of the script itself that has led here; None in another thread."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_globals is vars(_script()) and frame.f_code.co_name == "<module>":
            return frame
        frame = frame.f_back
    return None


def _script() -> ModuleType:
    return sys.modules[MAIN]


def _source() -> Sequence[ast.stmt] | None:
    """Return the statements of the script; None if there is no file, as in a notebook."""
    path = getattr(_script(), "__file__", None)
    try:
        return None if path is None else ast.parse(Path(path).read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return None


def _defined(statements: Sequence[ast.stmt]) -> set[str]:
    """Return the names that these statements define, except behind a test of ``__name__``."""
    names: set[str] = set()
    for statement in statements:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(statement.name)
        elif isinstance(statement, (ast.If, ast.Try, ast.With)) and not _tests_name(statement):
            inner = [node for node in ast.iter_child_nodes(statement) if isinstance(node, ast.stmt)]
            names |= _defined(inner)
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            nodes = ast.walk(statement)
            names |= {x.id for x in nodes if isinstance(x, ast.Name) and _is_stored(x)}
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            names |= {(x.asname or x.name).partition(".")[0] for x in statement.names}
    return names


def _tests_name(statement: ast.stmt) -> bool:
    """Return whether a statement tests ``__name__``, so that it runs in the script alone."""
    if not isinstance(statement, ast.If):
        return False
    return any(isinstance(x, ast.Name) and x.id == "__name__" for x in ast.walk(statement.test))


def _is_stored(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)
