"""Volumes against df(1)."""

import os
import subprocess

from eucora_agent.collectors import disk

MOUNTS = """\
/dev/mapper/vg-root / btrfs rw 0 0
/dev/mapper/vg-root /home btrfs rw 0 0
/dev/loop3 /snap/core22/1 squashfs ro 0 0
/dev/sdb1 /media/My\\040Disk vfat rw 0 0
server:/export /net nfs4 rw 0 0
tank/data /tank zfs rw 0 0
tmpfs /run tmpfs rw 0 0
"""


def test_each_local_disk_is_named_once_and_no_network_mount_is_touched(tree):
    root = tree({"proc/self/mounts": MOUNTS})
    assert list(disk.mounts(root)) == [("/", "btrfs"), ("/media/My Disk", "vfat"), ("/tank", "zfs")]


def test_the_root_volume_equals_df(asked):
    columns = ["df", "-B1", "--output=size,used,pcent", "/"]
    size, used, percent = subprocess.run(columns, capture_output=True, text=True, check=True).stdout.split()[3:]
    found = disk.read(asked()).hardware
    root = next(v for v in found.volumes if v.mount == "/")
    assert root.total == int(size)
    assert abs(root.used - int(used)) < 2**30
    assert 0 <= int(percent.rstrip("%")) - disk.full(os.statvfs("/")) <= 1.0


def test_the_fullest_volume_is_the_one_number(tree, asked, monkeypatch):
    shares = {"mnt": (100, 10, 0), "": (100, 80, 80)}

    def statvfs(path):
        blocks, free, available = shares[os.path.relpath(path, root).strip("./")]
        return os.statvfs_result((4096, 4096, blocks, free, available, 0, 0, 0, 0, 255))

    root = tree({"proc/self/mounts": "/dev/a / ext4 rw 0 0\n/dev/b /mnt xfs rw 0 0\n"})
    monkeypatch.setattr(os, "statvfs", statvfs)
    found = disk.read(asked(root)).hardware
    assert (found.disk, [v.used / v.total for v in found.volumes]) == (100.0, [0.2, 0.9])
