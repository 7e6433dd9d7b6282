"""Least: the least time of the reference network that any process of this machine has seen.

It is a small file among the temporary files, one per user, processor, device, number of threads and
version of torch. Without it, or where it cannot be written, each process looks for its own.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import math
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from bonas.arguments import is_number
from bonas.evaluation.runtimes.fingerprint import fingerprint

_VERSION = 1  # of the reference network


@dataclass(frozen=True, slots=True)
class Least:
    """A number that only falls, in a file that many processes write.

    Two writes at once may lose the lesser number, which its process will see again.
    """

    path: Path

    def read(self) -> float:
        """Return it; infinity where there is none."""
        try:
            found: object = json.loads(self.path.read_text())
        except (OSError, ValueError):
            return math.inf
        return found if is_number(found) and 0 < found < math.inf else math.inf

    def lower(self, number: float) -> float:
        """Lower it to ``number`` if that is less; return what it is then."""
        least = self.read()
        if not 0 < number < least:
            return min(number, least)
        with suppress(OSError):
            with tempfile.NamedTemporaryFile("w", dir=self.path.parent, delete=False) as file:
                file.write(json.dumps(number))
            os.replace(file.name, self.path)
        return number


def least_on(device: torch.device) -> Least:
    """Return that of a device of this machine, for torch's present number of threads."""
    machine = fingerprint(device, torch.get_num_threads())
    machine.pop("load")
    text = json.dumps([_VERSION, _user(), str(device), torch.__version__, machine], sort_keys=True)
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    return Least(Path(tempfile.gettempdir()) / f"bonas-reference-{name}.json")


def _user() -> str:
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # a container's user without a name
        return ""
