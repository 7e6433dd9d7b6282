"""Builder: where a network is built that has no source of its own, as ``module:name``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from torch import nn

from bonas.errors import InvalidArgument
from bonas.evaluation.export.source.expressions import quoted
from bonas.spaces import Space


@dataclass(frozen=True, slots=True)
class Builder:
    """An import path of a space, or of a function from choices to a network.

    Attributes:
        module: The module, absolute.
        name: The name in it.
        is_space: Whether ``build`` of what it names is called, or that itself.
    """

    module: str
    name: str
    is_space: bool

    @property
    def expression(self) -> str:
        """The source of the call that builds the network from ``choices``."""
        named = f"import_module({quoted(self.module)}).{self.name}"
        return f"{named}.build(choices)" if self.is_space else f"{named}(choices)"

    @classmethod
    def named(cls, path: str) -> Builder:
        """Return the builder of an import path.

        Raises:
            InvalidArgument: if it names nothing that builds a network.
        """
        module, _, name = path.partition(":")
        try:
            found: Any = import_module(module)
            for part in name.split("."):
                found = getattr(found, part)
        except (ImportError, AttributeError, ValueError) as error:
            raise InvalidArgument(
                f"expected builder to be module:name of a space or a function, got {path!r} "
                f"({type(error).__name__}: {error})"
            ) from error
        is_space = hasattr(found, "build")
        if not is_space and not callable(found):
            raise InvalidArgument(
                f"expected builder to name a space or a function of choices, got {path!r}"
            )
        return cls(module, name, is_space)

    @classmethod
    def of(cls, space: Space | None) -> Builder | None:
        """Return where a space is found by import; None if it is in no importable module."""
        for module in list(sys.modules.values()):
            home = getattr(module, "__name__", "__main__")
            if space is None or home == "__main__" or home.startswith("bonas."):
                continue
            for name, value in list(getattr(module, "__dict__", {}).items()):
                if value is space and getattr(module, "__spec__", None) is not None:
                    return cls(home, name, True)
        return None

    def build(self, choices: Any) -> nn.Module:
        """Build the network."""
        found: Any = import_module(self.module)
        for part in self.name.split("."):
            found = getattr(found, part)
        network: nn.Module = found.build(choices) if self.is_space else found(choices)
        return network
