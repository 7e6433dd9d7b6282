"""Network file systems, where locks and writes of several machines get lost."""

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
"""Types of network file systems, as the mount table names them."""


def network_file_system(path: str | os.PathLike[str]) -> str | None:
    """Return the type of the network file system of ``path``, or None for a local disk."""
    try:
        partitions = psutil.disk_partitions(all=True)
    except (OSError, psutil.Error):  # the mount table cannot be read: assume a disk
        return None
    file = Path(path).resolve()
    found = [p for p in partitions if file.is_relative_to(p.mountpoint)]
    if not found:
        return None
    # Of two mounts at the same place, the later one hides the earlier.
    nearest = sorted(found, key=lambda p: len(Path(p.mountpoint).parts))[-1]
    is_remote = nearest.fstype.lower() in NETWORK or "remote" in nearest.opts.split(",")
    return nearest.fstype if is_remote else None


def warn_of_network(path: str | os.PathLike[str], kind: str) -> None:
    """Warn if the file ``path`` of this kind, such as "a journal", is on a network file system."""
    file_system = network_file_system(path)
    if file_system is not None:
        warnings.warn(
            f"{os.fspath(path)} lies on a network file system ({file_system}), where the locks of "
            f"{kind} fail: workers on several machines can damage it. Put it on a local disk if "
            "all workers run on one machine; otherwise use a server: "
            "postgresql://user:password@host/database, or grpc://host:port",
            UserWarning,
            stacklevel=4,
        )
