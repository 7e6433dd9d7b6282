"""The ssh command of a device, and what its errors mean.

The system's ``ssh`` reads the user's configuration, agent, known hosts and jump hosts. It may not
ask anything, so that a search never waits for a password.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bonas.errors import InvalidArgument

BOOTSTRAP: Final = (
    "import sys;s=sys.stdin.buffer;"
    'exec(compile(s.read(int(s.readline())),"bonas","exec"),{"__name__":"bonas_on_device"})'
)
_OPTIONS: Final = {
    "BatchMode": "yes",
    "RequestTTY": "no",
    "RemoteCommand": "none",
    "ClearAllForwardings": "yes",
    "ControlMaster": "no",  # one that the user opened is used, but none stays behind
    "ServerAliveInterval": "5",
    "ServerAliveCountMax": "3",
    "LogLevel": "ERROR",  # without the banner of a login
}
_FINAL: Final = {  # part of what ssh or the remote shell says -> what to do
    "Permission denied": "check the user and the key with: ssh {host} true",
    "Too many authentication failures": "give the key: RemoteDevice({host!r}, key=...)",
    "Host key verification failed": "accept the host's key once with: ssh {host}",
    "REMOTE HOST IDENTIFICATION HAS CHANGED": "see whether it is still the same machine, and "
    "remove the old key with ssh-keygen -R",
    "UNPROTECTED PRIVATE KEY FILE": "let nobody else read the key: chmod 600",
    "Bad owner or permissions": "correct the permissions that ssh names",
    "Bad configuration option": "correct the options, or ~/.ssh/config",
    "no such identity": "give the path of a key that exists",
    "Traceback": "give the path of Python 3.8 or newer there: RemoteDevice({host!r}, python=...)",
    "not found": "give the path of Python 3.8 or newer there: RemoteDevice({host!r}, python=...)",
    "No such file or directory": "give the path of Python 3.8 or newer there: "
    "RemoteDevice({host!r}, python=...)",
}
_NAME: Final = "Could not resolve hostname"


def ssh_command(
    host: str,
    *,
    user: str | None,
    port: int | None,
    key: str | None,
    python: str,
    options: Mapping[str, str],
    connect_timeout: float,
) -> list[str]:
    """Return the command line that starts the program on the device; no name in it is a command."""
    given = {"ConnectTimeout": str(max(1, round(connect_timeout))), **_OPTIONS, **options}
    if key is not None:
        given["IdentitiesOnly"] = "yes"
    command = ["ssh", "-T", "-a", "-x"]
    for name, value in given.items():
        command += ["-o", f"{name}={value}"]
    command += [] if user is None else ["-l", user]
    command += [] if port is None else ["-p", str(port)]
    command += [] if key is None else ["-i", str(Path(key).expanduser())]
    return [*command, "--", host, f"exec {shlex.quote(python)} -u -c {shlex.quote(BOOTSTRAP)}"]


def advice_for(said: str, host: str, *, answered: bool) -> str | None:
    """Return what to do about an error of ssh that waiting does not mend; None for any other.

    A host whose name cannot be resolved is away if it has ``answered`` before, and misspelt if not.
    """
    if _NAME in said:
        return None if answered else "correct the host's name, or add it to ~/.ssh/config"
    for part, advice in _FINAL.items():
        if part.lower() in said.lower():
            return advice.format(host=host)
    return None


def checked_name(kind: str, name: object) -> str:
    """Return a host's or user's name.

    Raises:
        InvalidArgument: if it is empty, starts with a dash, or has white space or special signs.
    """
    if (
        isinstance(name, str)
        and name
        and not name.startswith("-")
        and name.isprintable()
        and not any(letter.isspace() or letter in "\"'`$;&|<>\\" for letter in name)
    ):
        return name
    raise InvalidArgument(
        f"expected the {kind} as ssh takes it, such as 'pi.local', without white space, quotes and "
        f"signs of the shell, and not starting with a dash, got {name!r}; put whatever else it "
        "needs into ~/.ssh/config under a plain name"
    )


def checked_options(options: object) -> Mapping[str, str]:
    """Return further options of ssh as text.

    Raises:
        InvalidArgument: if they are no mapping of names to single-line values.
    """
    if isinstance(options, Mapping) and all(
        isinstance(name, str) and name.isalnum() and _is_plain(value)
        for name, value in options.items()
    ):
        return {name: str(value) for name, value in options.items()}
    raise InvalidArgument(
        "expected the options of ssh as a mapping such as {'ProxyJump': 'gateway'}, got "
        f"{options!r}; see man ssh_config"
    )


def checked_providers(providers: object) -> Sequence[str]:
    """Return the names of ONNX Runtime's providers.

    Raises:
        InvalidArgument: if they are no sequence of names.
    """
    if (
        isinstance(providers, (tuple, list))
        and providers
        and all(isinstance(name, str) and name.isidentifier() for name in providers)
    ):
        return tuple(providers)
    raise InvalidArgument(
        "expected the providers of ONNX Runtime as a sequence of names such as "
        f"('CPUExecutionProvider',), got {providers!r}; the first one is measured"
    )


def _is_plain(value: object) -> bool:
    return isinstance(value, (str, int)) and "\n" not in str(value) and "\0" not in str(value)
