"""The program on the device: the one file of bonas that runs there, and measures ONNX files.

It needs Python 3.8, numpy and onnxruntime, and nothing of bonas. Its source comes through the
connection each time, so that no older one is ever run, and no file of a measurement stays behind.

Protocol, over standard input and output: a line of JSON, then as many bytes as it announces. The
program first says ``hello`` with its fingerprint, then answers each request with one line. Lines
open with a token that the client chose; whatever else a login shell prints is skipped.

Timing: rounds in a random order, in each one warm run and three timed ones per network, the
reference network among them; a timing covers a block of runs of at least half a millisecond. A run
of more than 50 ms is timed once per round, without a warm one. The value is the 25 % quantile over
all rounds. A lock on the device lets one measurement run at a time, whoever asks. Each measurement
runs in a process of its own, which a crash or the time limit ends.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import io
import json
import math
import os
import platform
import random
import select
import signal
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # Python 3.8 knows neither of them at run time
    from collections.abc import Callable

    Json = dict[str, Any]
    Run = Callable[[], object]

BLOCK_MS = 0.5  # a thousand times the cost of reading the clock
TIMED = 3  # timings per round
LEAST_ROUNDS = 5
QUANTILE = 25
GROUPS = 5  # of rounds, whose quantiles give the standard error
UNSTEADY = 0.10  # change of the reference between the halves of a measurement that repeats it
ATTEMPTS = 3
POLL = 0.02  # seconds between two looks at the lock
LONG_MS = 50.0  # a run that needs no warm one before it, and no other beside it in a round
GRACE = 5.0  # seconds beyond the time limit, after which the kernel ends a forgotten process


def main(token: str) -> None:
    """Answer requests until standard input ends."""
    wire = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer

    def say(what: Json) -> None:
        wire.write((token + json.dumps(what) + "\n").encode())
        wire.flush()

    try:
        import numpy  # noqa: F401
        import onnxruntime
    except Exception as error:
        say({"error": "packages", "text": f"{type(error).__name__}: {error}"})
        return
    if hasattr(onnxruntime, "disable_telemetry_events"):
        onnxruntime.disable_telemetry_events()  # it keeps a file of them
    say({"hello": identity(onnxruntime), "state": state()})
    while True:
        line = sys.stdin.buffer.readline()
        if not line:
            return
        request = json.loads(line)
        files = [sys.stdin.buffer.read(size) for size in request["sizes"]]
        try:
            say(answer(request, files, say))
        except Gone:
            return
        except Exception as error:
            say({"error": "program", "text": f"{type(error).__name__}: {error}"})


class Gone(Exception):
    """The client has closed the connection."""


def answer(request: Json, files: list[bytes], say: Callable[[Json], None]) -> Json:
    """Measure the networks of a request, when it is their turn."""
    if request.get("forget"):
        with contextlib.suppress(FileNotFoundError):
            os.remove(baseline_path(request))
        return {"results": []}
    count = len(files) // 2 - 1  # pairs of a network and its inputs, the reference at the end
    with turn(request, say):
        before = state()
        results = measured(request, files, list(range(count)))
        if count > 1 and any("error" in each for each in results):
            results = [measured(request, files, [i])[0] for i in range(count)]
        found = next((r["reference"] for r in results if "reference" in r), None)
        baseline = None if found is None else remembered_baseline(request, found)
        ended = time.time()
    return {"results": results, "baseline": baseline, "state": before, "ended": ended}


# The queue


class turn:  # noqa: N801  # a context manager, read as a verb
    """The lock of the device, held for one measurement; waits for it at most ``queue`` seconds."""

    def __init__(self, request: Json, say: Callable[[Json], None]) -> None:
        self.path = request.get("lock") or os.path.join(shared_folder(), "bonas-device.lock")
        self.patience, self.say = float(request["queue"]), say

    def __enter__(self) -> None:
        self.opened = opened_lock(self.path)
        began, told = time.monotonic(), False
        while not locked(self.opened):
            if not told:
                self.say({"waits": True})
                told = True
            if is_gone():
                raise Gone
            if time.monotonic() - began > self.patience:
                os.close(self.opened)
                raise RuntimeError(f"queue: others held {self.path} for {self.patience:g} s")
            time.sleep(POLL)
        self.say({"begins": True})

    def __exit__(self, *error: object) -> None:
        os.close(self.opened)


def locked(opened: int) -> bool:
    """Return whether this process got the lock now."""
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise
    return True


def shared_folder() -> str:
    """Return a folder that all users of the device share."""
    return "/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir()


def opened_lock(path: str) -> int:
    """Open the lock file; it may belong to another user, and is never a link."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    with contextlib.suppress(FileNotFoundError):
        return os.open(path, flags)
    try:
        made = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return os.open(path, flags)
    with contextlib.suppress(OSError):
        os.fchmod(made, 0o644)
    return made


def is_gone() -> bool:
    """Return whether the client is: it sends nothing while it waits for an answer."""
    return bool(select.select([0], [], [], 0)[0])


# One measurement, in a process of its own


def measured(request: Json, files: list[bytes], chosen: list[int]) -> list[Json]:
    """Measure some of the networks in a child process; an error stands for each if it dies."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        measure_and_exit(request, files, chosen, writer)
    os.close(writer)
    try:
        text, in_time = heard(reader, float(request["time_limit"]) * len(chosen))
    finally:
        os.close(reader)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
    lines = text.decode().splitlines()
    if lines and lines[-1].startswith("["):
        found: list[Json] = json.loads(lines[-1])
        return found
    phase = lines[-1] if lines else "reference"
    kind = "crash" if in_time else "time_limit"
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else -os.WEXITSTATUS(status)
    failed = {"error": kind, "signal": number if in_time else 0, "phase": phase}
    return [dict(failed) for _ in chosen]


def heard(reader: int, limit: float) -> tuple[bytes, bool]:
    """Return what a child wrote until its end, and whether that came in time."""
    text, end = b"", time.monotonic() + limit
    while True:
        left = end - time.monotonic()
        if left <= 0:
            return text, False
        ready = select.select([reader, 0], [], [], left)[0]
        if 0 in ready:
            raise Gone
        if reader in ready:
            part = os.read(reader, 65536)
            if not part:
                return text, True
            text += part


def measure_and_exit(request: Json, files: list[bytes], chosen: list[int], writer: int) -> None:
    """Write a line per phase, and the results; never return."""
    status = 1
    try:
        signal.alarm(math.ceil(float(request["time_limit"]) * len(chosen) + GRACE))
        os.write(writer, b"reference\n")
        results = Measurement(request, files, chosen, writer).results()
        text = (json.dumps(results) + "\n").encode()
        while text:
            text = text[os.write(writer, text) :]
        status = 0
    except BaseException as error:
        with contextlib.suppress(Exception):
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            sys.stderr.flush()
    finally:
        os._exit(status)


class Measurement:
    """The networks of one measurement, loaded and timed with the reference among them."""

    def __init__(self, request: Json, files: list[bytes], chosen: list[int], writer: int) -> None:
        self.request, self.chosen = request, chosen
        self.random = random.Random(request.get("seed", 0))
        self.runs: list[Run] = [self.opened(files[-2], files[-1])]
        self.found: list[Json] = []
        timed(self.runs[0], 3)
        for i in chosen:
            os.write(writer, b"network\n")
            self.found.append(self.loaded(files[2 * i], files[2 * i + 1]))

    def loaded(self, model: bytes, inputs: bytes) -> Json:
        """Load a network and run it once; return its memory in bytes, or its error."""
        before = resident("VmRSS")
        reset = reset_peak()
        try:
            run = self.opened(model, inputs)
            run()
        except Exception as error:
            return {"error": "network", "text": f"{type(error).__name__}: {error}"}
        self.runs.append(run)
        peak = resident("VmHWM")
        if not reset or before is None or peak is None:
            return {"memory": None}
        return {"memory": max(peak - before, 0)}

    def opened(self, model: bytes, inputs: bytes) -> Run:
        """Return how to run a model on its inputs."""
        import numpy
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(self.request["threads"])
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        providers = list(self.request["providers"])
        session = onnxruntime.InferenceSession(model, options, providers=providers)
        if session.get_providers()[0] != providers[0]:
            raise RuntimeError(f"the provider {providers[0]} is not available")
        with numpy.load(io.BytesIO(inputs), allow_pickle=False) as arrays:
            feed = {name: arrays[name] for name in arrays.files}
        return lambda: session.run(None, feed)

    def results(self) -> list[Json]:
        """Return latency, spread and memory of each network, with the reference's latency."""
        for _ in range(ATTEMPTS):
            rounds = self.rounds()
            half = len(rounds) // 2
            first, second = (quantile(part, 0) for part in (rounds[:half], rounds[half:]))
            change = abs(first - second) / min(first, second)
            if change <= UNSTEADY:
                break
        shared = {"reference": quantile(rounds, 0), "change": change}
        place = 0
        for each in self.found:
            if "error" in each:
                continue
            place += 1
            all_ms = [ms for one in rounds for ms in one[place]]
            groups = [quantile(rounds[g::GROUPS], place) for g in range(GROUPS)]
            each.update(shared)
            each["latency"] = quantile(rounds, place)
            each["iqr"] = percentile(all_ms, 75) - percentile(all_ms, 25)
            each["sd"] = deviation(groups) / math.sqrt(GROUPS)
            each["rounds"] = len(rounds)
        return self.found

    def rounds(self) -> list[list[list[float]]]:
        """Return the timings in milliseconds by round and network, the reference first."""
        blocks = [block(run) for run in self.runs]
        order = list(range(len(self.runs)))
        rounds: list[list[list[float]]] = []
        end = time.monotonic() + float(self.request["seconds"]) * max(len(self.chosen), 1)
        while len(rounds) < LEAST_ROUNDS or time.monotonic() < end:
            self.random.shuffle(order)
            timings: list[list[float]] = [[] for _ in order]
            for i in order:
                if blocks[i]:
                    self.runs[i]()
                times = TIMED if blocks[i] else 1
                timings[i] = [timed(self.runs[i], max(blocks[i], 1)) for _ in range(times)]
            rounds.append(timings)
        return rounds


def timed(run: Run, times: int) -> float:
    """Return the milliseconds per run over ``times`` of them."""
    began = time.perf_counter()
    for _ in range(times):
        run()
    return 1000.0 * (time.perf_counter() - began) / times


def block(run: Run) -> int:
    """Return how many runs a timing covers; 0 for one run that is long."""
    once = timed(run, 1)  # not the first: it ran when it was loaded
    if once > LONG_MS:
        return 0
    once = min(once, *(timed(run, 1) for _ in range(3)))
    return math.ceil(BLOCK_MS / max(once, 0.001))


def quantile(rounds: list[list[list[float]]], place: int) -> float:
    """Return the low quantile of one network's timings."""
    return percentile([ms for one in rounds for ms in one[place]], QUANTILE)


def percentile(values: list[float], share: float) -> float:
    """Return a percentile by linear interpolation."""
    ordered = sorted(values)
    at = share / 100.0 * (len(ordered) - 1)
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])


def deviation(values: list[float]) -> float:
    """Return the sample standard deviation."""
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


# The device


def identity(onnxruntime: Any) -> Json:
    """Return what decides a latency on this device, and who it is."""
    return {
        "id": machine_id(),
        "cpu": cpu_model(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "cores": cores(),
        "max_mhz": mhz("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq"),
        "governor": read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "onnxruntime": onnxruntime.__version__,
    }


def state() -> Json:
    """Return what may change: load, clock frequency, time, versions that decide little."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "load": load,
        "mhz": current_mhz(),
        "clock": time.time(),
        "python": platform.python_version(),
        "kernel": platform.release(),
    }


def machine_id() -> str:
    """Return a digest of what no two devices share: a serial number, the system's id."""
    serial = read("/proc/device-tree/serial-number") or ""
    text = serial + (read("/etc/machine-id") or read("/var/lib/dbus/machine-id") or platform.node())
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def cpu_model() -> str:
    """Return the name of the processor."""
    for line in (read("/proc/cpuinfo") or "").splitlines():
        if line.split(":")[0].strip() in ("model name", "Model", "Hardware"):
            return line.split(":", 1)[1].strip()
    return (read("/proc/device-tree/model") or platform.processor() or platform.machine()).strip()


def cores() -> int | None:
    """Return how many cores this process may use."""
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count()


def current_mhz() -> float | None:
    """Return the clock frequency of the first core now."""
    now = mhz("/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq")
    for line in (read("/proc/cpuinfo") or "").splitlines() if now is None else ():
        if line.startswith("cpu MHz"):
            return float(line.split(":")[1])
    return now


def mhz(path: str) -> float | None:
    """Return a frequency that a file gives in kHz."""
    text = read(path)
    return float(text) / 1000.0 if text and text.isdigit() else None


def read(path: str) -> str | None:
    """Return a small file's text; None if there is none."""
    try:
        with open(path, errors="replace") as file:
            return file.read().strip("\0\n ") or None
    except OSError:
        return None


def reset_peak() -> bool:
    """Set the peak of this process' resident memory to what it is now; False where it cannot."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        return False
    return True


def resident(name: str) -> int | None:
    """Return this process' memory of that name in ``/proc/self/status``, in bytes."""
    for line in (read("/proc/self/status") or "").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    return None


# What the reference took first


def baseline_path(request: Json) -> str:
    """Return the file that holds the first latency of the reference, under these settings."""
    folder = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(folder, "bonas", f"reference-{request['settings']}.json")


def remembered_baseline(request: Json, found: float) -> float:
    """Return the first latency of the reference on this device, which is kept; at first ``found``.

    The lock is held meanwhile.
    """
    path = baseline_path(request)
    try:
        known = float(json.loads(read(path) or "null")["ms"])
        if math.isfinite(known) and known > 0:
            return known
    except (TypeError, ValueError, KeyError):
        pass
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        part = f"{path}.{os.getpid()}"
        with open(part, "w") as file:
            json.dump({"ms": found, "at": time.time()}, file)
        os.replace(part, path)
    return found
