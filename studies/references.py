"""References: ``module:name``, by which a command finds an object of the user."""

from __future__ import annotations

import os
import sys
from importlib import import_module

from bonas.errors import InvalidArgument


def imported(reference: str, wanted: str) -> object:
    """Import the object ``module:name``; modules of the working directory are found, too.

    Args:
        reference: The module, a colon, and the name.
        wanted: What is to be found there, for messages: ``a bonas.Search``.

    Raises:
        InvalidArgument: if there is none.
    """
    module, _, name = reference.partition(":")
    if not module or not name:
        raise InvalidArgument(
            f"expected module:name, where {wanted} is to be found, got {reference!r}"
        )
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return getattr(import_module(module), name)
    except (ModuleNotFoundError, AttributeError) as error:
        raise InvalidArgument(
            f"there is no {name!r} in a module {module!r} ({error}); start the command in the "
            "folder of the module, or install it"
        ) from error
