"""Functions of the user's own in a training, and the settings that they leave without a use."""

from __future__ import annotations

from collections.abc import Mapping

from bonas.errors import InvalidArgument

ROLES = {
    "augment": "a batch of inputs",
    "loss": "outputs and targets",
    "step": "a network and a batch",
    "score": "a network and batches",
}
"""What each function is called with."""


def check_functions(settings: Mapping[str, object]) -> None:
    """Refuse what is not callable.

    Raises:
        InvalidArgument: naming the setting.
    """
    for name, what in ROLES.items():
        given = settings[name]
        if given is not None and not callable(given):
            raise InvalidArgument(f"{name} must be a function of {what}, got {given!r}")


def check_conflicts(settings: Mapping[str, object], *, unread: bool) -> None:
    """Refuse settings that a function of the user's own leaves unused.

    Args:
        settings: A name -> its value; None if it is not given.
        unread: Whether only the user's own functions read targets.

    Raises:
        InvalidArgument: naming both.
    """
    useless = {
        "step": ("loss", "label_smoothing", "class_weights", "augment"),
        "loss": ("label_smoothing", "class_weights"),
        "score": ("metric", *(("task",) if unread else ())),
    }
    for own, names in useless.items():
        given = [name for name in names if settings[name] is not None]
        if settings[own] is not None and given:
            raise InvalidArgument(
                f"expected no {given[0]} besides a {own} of one's own, got "
                f"{settings[given[0]]!r}; leave one of them out"
            )
