"""Verification of an exported folder: another process, which has no bonas, loads and runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bonas.errors import BonasError

_LIMIT = 600  # seconds: importing torch takes minutes on a machine that is very busy

_NO_CACHE = {"PYTHONDONTWRITEBYTECODE": "1"}  # the folder holds what was written to it alone
_WITHOUT_BONAS = """
import runpy, sys

class Refusal:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "bonas":
            raise ImportError("bonas is not available to an exported network")

if sys.argv[1] == "without":
    sys.meta_path.insert(0, Refusal())
sys.argv = ["model.py"]
runpy.run_path("model.py", run_name="__main__")
"""


class BrokenExport(BonasError, RuntimeError):
    """An exported network does not load in another process, or computes something else there."""


def verify(folder: Path, *, without_bonas: bool) -> None:
    """Run ``model.py`` of a folder in a new process.

    Raises:
        BrokenExport: if it fails.
    """
    paths = [path or os.getcwd() for path in sys.path]
    mode = "without" if without_bonas else "with"
    try:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _WITHOUT_BONAS, mode],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **_NO_CACHE},
            capture_output=True,
            text=True,
            timeout=_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BrokenExport(
            f"expected the exported network to load within {_LIMIT} seconds, got no answer"
        ) from error
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise BrokenExport(
            f"expected the exported network to load and agree in a new process, got: {last[:500]}; "
            "nothing was written"
        )
