"""A remote device: networks measured on another machine, one at a time, whoever asks.

The files of a network go through one ssh connection, which this process keeps. If it breaks, it is
made again; if the device stays away, the search ends, since that is no network's fault.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import logging
import math
import os
import random
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Final

from bonas.arguments import check_count, check_positive
from bonas.errors import BonasError, DeviceUnavailable, EvaluationFailed, InvalidArgument
from bonas.evaluation.remote.command import (
    advice_for,
    checked_name,
    checked_options,
    checked_providers,
    ssh_command,
)
from bonas.evaluation.remote.connection import Connection, ConnectionLost, NotPrepared
from bonas.evaluation.remote.identity import check_same
from bonas.evaluation.remote.model import Model, reference

_PAUSES: Final = 1.0, 30.0  # seconds between two connections: at first, and at most
_BREAKS: Final = 3  # of the connection during one measurement, and the networks are at fault

_logger = logging.getLogger(__name__)


class _Slot:
    """The connection of this process to a device, for one thread at a time."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.connection: Connection | None = None


_slots: dict[tuple[int, RemoteDevice], _Slot] = {}  # by process: a fork has its own


@atexit.register
def _close_all() -> None:
    for (process, _), slot in _slots.items():
        if process == os.getpid() and slot.connection is not None:
            slot.connection.close()


@dataclass(frozen=True)
class Measured:
    """What a device measured of one network.

    Attributes:
        latency: Milliseconds for one batch: the 25 % quantile of interleaved rounds.
        sd: Standard error of ``latency``, from the quantiles of five groups of rounds.
        iqr: Inter-quartile range of all timings, in ms.
        memory: Bytes by which loading and one run raised the peak of the process' resident memory;
            None where the system does not tell.
        reference: Milliseconds of the reference network in the same rounds.
        drift: By which share ``reference`` is above the first one, which the device has kept.
        load: Of the device before the measurement: waiting processes, the mean of a minute.
        mhz: Clock frequency of the first core then; None where the system does not tell.
        began: When the measurement began, by the device's clock, in seconds since 1970.
        ended: When it ended. No two measurements of a device overlap.
        error: Why there is no latency, if there is none; the other values are NaN or None.
    """

    latency: float = math.nan
    sd: float = math.nan
    iqr: float = math.nan
    memory: float | None = None
    reference: float = math.nan
    drift: float = math.nan
    load: float | None = None
    mhz: float | None = None
    began: float = math.nan
    ended: float = math.nan
    error: str = ""


@dataclass(frozen=True)
class RemoteDevice:
    """Another machine that measures ONNX files, reached by ssh.

    It needs an ssh server, Python 3.8, and the packages numpy and onnxruntime. This machine needs
    OpenSSH's client, which reads ``~/.ssh/config``, keys and jump hosts; it asks for no password.
    Nothing is installed on the device. It keeps a lock in ``/tmp``, by which workers of any number
    of machines measure one after the other, and in ``~/.cache/bonas`` what the reference network
    took when it was first measured.

    Args:
        host: A name or address, or a ``Host`` of ``~/.ssh/config``.
        key: The file of a private key; None leaves the choice to ssh.
        user: None is that of the configuration.
        port: None is that of the configuration, or 22.
        python: The Python there, as a path or a name.
        time_limit: Seconds on the device that one network may take to load and be measured; one
            that takes longer has failed.
        queue: Seconds to wait for the measurements of others.
        patience: Seconds that the device may be away before the search ends.
        connect_timeout: Seconds for one attempt to connect.
        providers: What ONNX Runtime runs networks on; the first one must exist there.
        lock: The file whose lock serialises measurements; None is ``/tmp/bonas-device.lock``.
        options: Further options of ssh, as in ``{"ProxyJump": "gateway"}``.

    Raises:
        InvalidArgument: if an argument is of another kind or out of its range.
    """

    host: str
    _: KW_ONLY
    key: str | None = None
    user: str | None = None
    port: int | None = None
    python: str = "python3"
    time_limit: float = 120.0
    queue: float = 600.0
    patience: float = 300.0
    connect_timeout: float = 10.0
    providers: Sequence[str] = ("CPUExecutionProvider",)
    lock: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    _known: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        checked_name("host", self.host)
        if self.user is not None:
            checked_name("user", self.user)
        if self.port is not None:
            check_count("port", self.port)
        for name in ("time_limit", "queue", "patience", "connect_timeout"):
            check_positive(name, getattr(self, name), finite=True, advice="give seconds")
        for name in ("python", "key", "lock"):
            _check_path(name, getattr(self, name))
        put(self, "key", None if self.key is None else str(self.key))
        put(self, "providers", checked_providers(self.providers))
        put(self, "options", checked_options(self.options))

    def __hash__(self) -> int:
        return hash((self.host, self.key, self.user, self.port, self.python))

    def __str__(self) -> str:
        return self.host if self.user is None else f"{self.user}@{self.host}"

    def identity(self) -> dict[str, Any]:
        """Return what decides latencies there: processor, cores, clock, ONNX Runtime, and an id.

        It is read once; a device that answers differently later is refused.

        Raises:
            DeviceUnavailable: if the device cannot be reached, or lacks what it needs.
        """
        if not self._known:
            self._with_connection(lambda connection: None)
        return dict(self._known)

    def measure(
        self,
        models: Sequence[Model],
        *,
        threads: int = 1,
        seconds: float = 1.0,
        seed: int = 0,
    ) -> list[Measured]:
        """Measure networks together, in interleaved rounds, after those of others.

        Args:
            models: At least one.
            threads: CPU threads of each network.
            seconds: How long the rounds last, per network.
            seed: Of the order within rounds.

        Raises:
            DeviceUnavailable: if the device stays away or busy, is another one than before, or the
                reference network fails there.
            EvaluationFailed: if the connection broke three times while these were measured.
        """
        parts = [part for each in (*models, reference()) for part in (each.file, each.inputs)]
        shared = {
            "threads": threads,
            "providers": list(self.providers),
            "reference": hashlib.sha256(reference().file).hexdigest(),
        }
        request = {
            **shared,
            "seconds": seconds,
            "seed": seed,
            "time_limit": self.time_limit,
            "queue": self.queue,
            "lock": self.lock,
            "settings": _digest({**shared, **self.identity()}),
        }
        limit = self.time_limit * len(models) * (2 if len(models) > 1 else 1)
        answer = self._with_connection(
            lambda connection: connection.ask(request, parts, limit, self._log_queue)
        )
        return self._understood(answer)

    def close(self) -> None:
        """End this process' connection; the next measurement makes another."""
        slot = self._slot
        with slot.lock:
            if slot.connection is not None:
                slot.connection.close()
                slot.connection = None

    @property
    def _slot(self) -> _Slot:
        return _slots.setdefault((os.getpid(), self), _Slot())

    def _understood(self, answer: Mapping[str, Any]) -> list[Measured]:
        if "error" in answer:
            text = str(answer.get("text"))
            advice = "wait, or raise queue" if "queue:" in text else "see what it says"
            raise DeviceUnavailable(f"the device {self} could not measure: {text}; {advice}")
        state, found = answer["state"], []
        for each in answer["results"]:
            if each.get("phase") == "reference":
                raise DeviceUnavailable(
                    f"expected the device {self} to run the reference network, got "
                    f"{_what(each, self.time_limit)}; see whether onnxruntime works there, and "
                    "the device is not too busy"
                )
            if "error" in each:
                found.append(Measured(error=_what(each, self.time_limit)))
                continue
            names = ("latency", "sd", "iqr", "memory", "reference")
            drift = each["reference"] / answer["baseline"] - 1.0
            values = {name: each[name] for name in names}
            device = {"load": state["load"], "mhz": state["mhz"], "began": state["clock"]}
            found.append(Measured(**values, **device, drift=drift, ended=answer["ended"]))
        return found

    def _with_connection(self, use: Any) -> Any:
        """Return what ``use`` makes of a connection, making it again as long as patience lasts."""
        with self._slot.lock:
            breaks, pause, away = 0, _PAUSES[0], time.monotonic()
            while True:
                connected = False
                try:
                    connection = self._connected()
                    connected = True
                    return use(connection)
                except NotPrepared as error:
                    raise DeviceUnavailable(
                        f"expected Python with numpy and onnxruntime on the device {self}, got "
                        f"{error}; install them there, or give the Python that has them: "
                        f"RemoteDevice({self.host!r}, python=...)"
                    ) from error
                except ConnectionLost as error:
                    self.close()
                    if connected:
                        breaks, pause, away = breaks + 1, _PAUSES[0], time.monotonic()
                    self._check_patience(error, breaks, time.monotonic() + pause - away)
                time.sleep(pause * random.uniform(0.5, 1.0))
                pause = min(2 * pause, _PAUSES[1])

    def _check_patience(self, error: ConnectionLost, breaks: int, away: float) -> None:
        """Raise the error that ends the attempts, or log that there will be another one."""
        said = " ".join(str(error).split())
        advice = advice_for(said, self.host, answered=bool(self._known))
        if advice is not None:
            raise DeviceUnavailable(
                f"cannot measure on the device {self}: ssh says {said!r}; {advice}"
            ) from error
        if breaks >= _BREAKS:
            raise EvaluationFailed(
                f"the connection to the device {self} broke {breaks} times during one measurement "
                f"({said}), and could be made again each time; the network may be too large for it"
            ) from error
        if away > self.patience:
            raise DeviceUnavailable(
                f"the device {self} was away for {self.patience:g} s: ssh says {said!r}; see that "
                "it runs, and call again: the search goes on where it ended"
            ) from error
        _logger.warning("no connection to the device %s (%s); it is tried again", self, said)

    def _connected(self) -> Connection:
        """Return the connection of this process, made if there is none.

        Raises:
            DeviceUnavailable: if another device answers than before.
        """
        connection = self._slot.connection
        if connection is not None and connection.is_open:
            return connection
        self.close()
        connection = Connection(self._command(), self.connect_timeout)
        try:
            if self._known:
                check_same(str(self), self._known, connection.identity)
        except BonasError:
            connection.close()
            raise
        self._known.update(connection.identity)
        self._slot.connection = connection
        return connection

    def _command(self) -> list[str]:
        """Return the command that starts the program on the device."""
        return ssh_command(
            self.host,
            user=self.user,
            port=self.port,
            key=self.key,
            python=self.python,
            options=self.options,
            connect_timeout=self.connect_timeout,
        )

    def _log_queue(self) -> None:
        _logger.info("others measure on the device %s; waiting", self)


def _what(result: Mapping[str, Any], limit: float) -> str:
    """Return in words why a network has no latency."""
    if result["error"] == "time_limit":
        return f"more than the {limit:g} s of the time limit"
    if result["error"] == "crash":
        signal = result["signal"]
        killed = signal == 9  # SIGKILL, as the kernel sends
        how = f"signal {signal}" if signal > 0 else f"exit status {-signal}"
        return f"a crash ({how}){', perhaps out of memory' if killed else ''}"
    return str(result["text"])


def _digest(settings: Mapping[str, Any]) -> str:
    text = json.dumps(settings, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _check_path(name: str, path: object) -> None:
    if path is None and name != "python":
        return
    text = str(path)
    if not isinstance(path, (str, bytes)) and not hasattr(path, "__fspath__"):
        raise InvalidArgument(f"expected {name} as a path, got {path!r}")
    if not text or text.startswith("-") or not text.isprintable():
        raise InvalidArgument(
            f"expected {name} as a path that does not start with a dash, got {path!r}"
        )
