"""ONNX Runtime: a session on one file, with its threads pinned and its log silent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bonas.errors import MissingPackage

INSTALL = 'pip install "bonas[onnx]"'
_ONLY_FATAL = 4  # log level: what is wrong is raised


def onnxruntime() -> Any:
    """Return the module onnxruntime.

    Raises:
        MissingPackage: if it is not installed.
    """
    try:
        import onnxruntime as module
    except ImportError as error:
        raise missing("onnxruntime", error) from error
    return module


def missing(name: str, error: ImportError) -> MissingPackage:
    """Return the error for a package of the extra ``onnx`` that cannot be imported."""
    return MissingPackage(
        f"expected the package {name} for ONNX files, got {error}; install it with {INSTALL}"
    )


def session(
    path: str | Path,
    *,
    threads: int | None = 1,
    providers: tuple[Any, ...] = ("CPUExecutionProvider",),
) -> Any:
    """Return an ``onnxruntime.InferenceSession`` on a file.

    Args:
        path: The ONNX file.
        threads: Of one operator (operators run one after the other); None is one per core.
        providers: Execution providers, the preferred one first, as onnxruntime takes them.
    """
    ort = onnxruntime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.inter_op_num_threads = 1
    options.log_severity_level = _ONLY_FATAL
    if threads == 1:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(str(path), options, providers=list(providers))
