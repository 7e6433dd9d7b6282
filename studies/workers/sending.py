"""What can be sent to another process."""

from __future__ import annotations

import pickle
from collections.abc import Mapping

from bonas.errors import InvalidArgument


def check_sendable(parts: Mapping[str, object], otherwise: str) -> None:
    """See whether all of ``parts`` (what it is -> the object) can go to another process.

    Raises:
        InvalidArgument: naming the first that cannot; ``otherwise`` is what to do instead.
    """
    for what, part in parts.items():
        try:
            pickle.dumps(part)
        except Exception as error:
            raise InvalidArgument(
                f"{what} cannot be sent to another process ({error}); {otherwise}, or make it of "
                "functions and classes that stand at the top of a module"
            ) from error
