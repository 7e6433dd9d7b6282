"""Fingerprint: what a measured time depends on beside the network, as a person reads it."""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path
from typing import Any

import torch

_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "amx_bf16")
_FLAGS_ARM = ("asimd", "asimddp", "i8mm", "sve", "sve2", "bf16")


def fingerprint(device: torch.device, threads: int | None) -> dict[str, Any]:
    """Return the processor, its vector instructions, threads and the present load, for JSON.

    ``load`` is the mean number of running processes of the last minute, divided by the cores; None
    where the system does not say.
    """
    found: dict[str, Any] = {**_processor(), "threads": threads or torch.get_num_threads()}
    found["load"] = _load()
    if device.type == "cuda":
        found["gpu"] = torch.cuda.get_device_name(device)
    return found


@cache
def _processor() -> dict[str, Any]:
    model, flags = platform.processor() or platform.machine(), ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = [line.partition(":") for line in cpuinfo.read_text(errors="replace").splitlines()]
        fields = {key.strip().lower(): value.strip() for key, _, value in reversed(lines)}
        model = fields.get("model name", model)
        flags = fields.get("flags") or fields.get("features") or ""
    known = [flag for flag in (*_FLAGS, *_FLAGS_ARM) if flag in flags.split()]
    return {"cpu": model, "flags": known, "cores": os.cpu_count()}


def _load() -> float | None:
    if not hasattr(os, "getloadavg"):  # Windows
        return None
    return round(os.getloadavg()[0] / (os.cpu_count() or 1), 2)
