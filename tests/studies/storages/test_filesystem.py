"""Files on network file systems get a warning, since locks fail there."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path

import psutil
import pytest

from bonas.studies import open
from bonas.studies.storages.filesystem import network_file_system

Partition = namedtuple("Partition", ["device", "mountpoint", "fstype", "opts"])


@pytest.mark.parametrize(
    ("fstype", "opts", "is_network"),
    [
        ("nfs4", "rw", True),
        ("fuse.sshfs", "rw", True),
        ("CIFS", "rw", True),
        ("NTFS", "rw,remote", True),  # as Windows names it
        ("ext4", "rw", False),
        ("overlay", "rw", False),
    ],
)
def test_a_file_on_a_network_file_system_is_warned_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fstype: str, opts: str, is_network: bool
) -> None:
    mounts = [
        Partition("disk", "/", "ext4", "rw"),
        Partition("server", str(tmp_path), fstype, opts),
        Partition("disk", str(tmp_path / "local"), "xfs", "rw"),
        Partition("server", str(tmp_path) + "-other", "nfs", "rw"),
    ]
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: mounts)
    (tmp_path / "local").mkdir()
    for name in ("sqlite:///{}/a.db", "{}/a.log"):
        open(name.format(tmp_path / "local"))
        if is_network:
            with pytest.warns(UserWarning, match=rf"network file system \({fstype}\).*postgresql"):
                open(name.format(tmp_path))
        else:
            open(name.format(tmp_path))


def test_without_a_mount_table_there_is_no_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(all: bool) -> list[Partition]:
        raise PermissionError("/proc")

    monkeypatch.setattr(psutil, "disk_partitions", refuse)
    assert network_file_system(tmp_path) is None


def test_a_path_outside_every_mount_is_taken_for_a_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Partition("server", str(tmp_path / "other"), "nfs", "rw")
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: [other])
    assert network_file_system(tmp_path / "a.db") is None


def test_of_two_mounts_at_one_place_the_later_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, server = (Partition(kind, str(tmp_path), kind, "rw") for kind in ("ext4", "nfs4"))
    for mounts, expected in (([disk, server], "nfs4"), ([server, disk], None)):
        monkeypatch.setattr(psutil, "disk_partitions", lambda all, found=mounts: found)
        assert network_file_system(tmp_path / "a.db") == expected
