"""A folder that appears as a whole: it is written beside its place, and renamed in the end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from bonas.errors import InvalidArgument


def checked_target(folder: str | os.PathLike[str], *, overwrite: bool) -> Path:
    """Return the absolute path of a folder to be written.

    Raises:
        InvalidArgument: if it is no path, is a file, exists and may not be overwritten, or holds
            what no export wrote.
    """
    if not isinstance(folder, (str, os.PathLike)) or not str(folder):
        raise InvalidArgument(f"expected the path of a folder to export to, got {folder!r}")
    target = Path(os.fspath(folder)).absolute()
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise InvalidArgument(f"expected a folder to export to, got the file or link {target}")
    if target.exists() and any(target.iterdir()):
        if not overwrite:
            raise InvalidArgument(
                f"expected a folder that does not exist yet, got {target}; choose another one, or "
                "give overwrite=True"
            )
        if not (target / "weights.safetensors").exists():
            raise InvalidArgument(
                f"expected an earlier export to overwrite, got {target}, which holds other files; "
                "choose another folder"
            )
    return target


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Yield a new folder beside the target, and rename it to the target if the block succeeds.

    Raises:
        InvalidArgument: if the place cannot be written to.
    """
    folder = target.with_name(f".{target.name}.{uuid4().hex[:8]}.part")
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise InvalidArgument(
            f"expected a place to write the folder {target} to, got {error}; choose another one"
        ) from error
    try:
        yield folder
        _replace(folder, target)
    except OSError as error:
        raise InvalidArgument(
            f"expected to write the folder {target}, got {error}; nothing was written"
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _replace(folder: Path, target: Path) -> None:
    """Put a folder in the place of another; the old one is deleted last."""
    old = folder.with_suffix(".old")
    if target.exists():
        target.rename(old)
    try:
        folder.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)
