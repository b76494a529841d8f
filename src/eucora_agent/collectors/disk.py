"""Fixed volumes and how full they are, as df(1) has it; `disk` is the fullest."""

import os
from collections.abc import Iterator
from pathlib import Path

from eucora_wire.sections.hardware import Hardware, Volume

from .files import line, words
from .reading import Context, Reading

MOST = 64
READ_ONLY_IMAGES = frozenset({"squashfs", "iso9660", "udf", "erofs", "cramfs"})
"""Full by nature: snaps, discs, images."""
POOLED = frozenset({"zfs", "bcachefs", "btrfs"})
"""File systems whose source is not a path in /dev."""


def read(context: Context) -> Reading:
    volumes, worst = [], None
    for mount, filesystem in mounts(context.root):
        try:
            stat = os.statvfs(context.root / mount.lstrip("/"))
        except OSError:
            continue
        if stat.f_blocks:
            volumes.append(volume(mount, filesystem, stat))
            worst = max(worst or 0.0, full(stat))
    return Reading(hardware=Hardware(disk=worst, volumes=tuple(volumes[:MOST])))


def mounts(root: Path) -> Iterator[tuple[str, str]]:
    """(mount point, file system) of each local disk, the first mount of each; network mounts may hang: never touched."""
    seen = set()
    for row in (words(root, "proc/self/mounts") or words(root, "proc/mounts") or "").splitlines():
        source, mount, filesystem = row.split()[:3]
        local = source.startswith("/dev/") or filesystem in POOLED or mount == "/"
        if local and source not in seen and filesystem not in READ_ONLY_IMAGES:
            seen.add(source)
            yield _unescaped(mount), filesystem


def volume(mount: str, filesystem: str, stat: os.statvfs_result) -> Volume:
    total, used = stat.f_blocks * stat.f_frsize, (stat.f_blocks - stat.f_bfree) * stat.f_frsize
    return Volume(mount=line(mount, 256) or "/", total=total, used=used, filesystem=line(filesystem, 32))


def full(stat: os.statvfs_result) -> float:
    """Percent of what ordinary users may fill: the reserve of root counts as full, as df has it."""
    used = stat.f_blocks - stat.f_bfree
    usable = used + stat.f_bavail
    return round(100 * used / usable, 2) if usable else 100.0


def _unescaped(mount: str) -> str:
    """fstab(5) writes blanks as octal escapes."""
    for escape, plain in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        mount = mount.replace(escape, plain)
    return mount
