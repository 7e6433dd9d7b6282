"""Files on network file systems: locks and writes of several machines get lost there."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import psutil

NETWORK = frozenset(
    {"afpfs", "afs", "beegfs", "ceph", "cifs", "davfs", "fhgfs", "glusterfs", "gpfs", "lustre"}
    | {"mmfs", "moosefs", "nfs", "nfs3", "nfs4", "orangefs", "panfs", "pvfs2", "smb2", "smb3"}
    | {"smbfs", "sshfs", "wekafs", "fuse.ceph", "fuse.davfs", "fuse.gcsfuse", "fuse.glusterfs"}
    | {"fuse.goofys", "fuse.juicefs", "fuse.mfs", "fuse.mount-s3", "fuse.rclone", "fuse.s3fs"}
    | {"fuse.smbnetfs", "fuse.sshfs"}
)
"""The names, in the table of mounts, of the file systems that lie on other machines."""


def network_file_system(path: str | os.PathLike[str]) -> str | None:
    """The kind of network file system that ``path`` lies on; None if it lies on a disk."""
    try:
        partitions = psutil.disk_partitions(all=True)
    except (OSError, psutil.Error):  # no table of mounts: nothing is known
        return None
    file = Path(path).resolve()
    found = [p for p in partitions if file.is_relative_to(p.mountpoint)]
    if not found:
        return None
    # Of two at the same place, the later mount hides the earlier.
    nearest = sorted(found, key=lambda p: len(Path(p.mountpoint).parts))[-1]
    is_remote = nearest.fstype.lower() in NETWORK or "remote" in nearest.opts.split(",")
    return nearest.fstype if is_remote else None


def warn_of_network(path: str | os.PathLike[str], what: str) -> None:
    """Warn if the file ``path``, which is ``what``, lies on a network file system."""
    kind = network_file_system(path)
    if kind is not None:
        warnings.warn(
            f"{os.fspath(path)} lies on a network file system ({kind}), where the locks of {what} "
            "fail: workers on several machines can damage it. Put it on a local disk if all workers"
            " run on one machine; otherwise use a server: postgresql://user:password@host/database,"
            " or grpc://host:port",
            UserWarning,
            stacklevel=4,
        )
