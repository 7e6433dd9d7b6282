"""Identity: what decides latencies on a device, compared before any value of it counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bonas.errors import DeviceUnavailable


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return what changed, one text per item.

    >>> differences({"governor": "performance"}, {"governor": "powersave"})
    ["governor 'powersave' instead of 'performance'"]
    """
    names = [*before, *(name for name in now if name not in before)]
    return [
        f"{name} {now.get(name)!r} instead of {before.get(name)!r}"
        for name in names
        if now.get(name) != before.get(name)
    ]


def check_same(host: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Check that a device is what it was.

    Raises:
        DeviceUnavailable: with what changed.
    """
    changed = differences(before, now)
    if changed:
        raise DeviceUnavailable(
            f"expected the device {host!r} to be what it was, got {', '.join(changed)}; its "
            "latencies would not compare with those measured so far. Restore what changed and call "
            "again, or begin another study"
        )
