"""Calls of options: a function or a class among the values of a dict makes what is chosen."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from bonas.errors import InvalidSpace
from bonas.spaces.families.listener import calling


def call_option(name: str, key: object, option: Callable[[], Any]) -> Any:
    """Call an option of a dict without arguments, as ``choose`` does once it is chosen.

    Raises:
        InvalidSpace: if it needs arguments.
    """
    try:
        inspect.signature(option).bind()
    except TypeError:
        raise _needs_arguments(name, key, option, _required(option)) from None
    except ValueError:  # written in C, without a signature
        try:
            return option()
        except TypeError:
            raise _needs_arguments(name, key, option, ["x"]) from None
    with calling(name, key):
        return option()


def _required(option: Callable[..., Any]) -> list[str]:
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [
        parameter.name
        for parameter in inspect.signature(option).parameters.values()
        if parameter.default is parameter.empty and parameter.kind not in variable
    ]


def _needs_arguments(
    name: str, key: object, option: Callable[..., Any], needed: list[str]
) -> InvalidSpace:
    text = getattr(option, "__name__", type(option).__name__)
    if getattr(option, "__module__", "").startswith("torch.nn.modules"):
        text = f"nn.{text}"
    call = f"{text}({', '.join(needed)})"
    return InvalidSpace(
        f"the option {key!r} of {name!r} is called without arguments, but {text} needs "
        f"{', '.join(needed)}; wrap it in a function: lambda: {call}; or offer a list, "
        f"[{text}, ...], to be given it as it is"
    )
