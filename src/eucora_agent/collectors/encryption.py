"""Whether the volume that holds / is encrypted: a dm-crypt device anywhere below it (LUKS, plain, under LVM or RAID)."""

from pathlib import Path

from .files import entries, words


def of_root(root: Path) -> bool | None:
    """None where / lies on no block device that can be seen, as in a container."""
    device = _device_of_root(root)
    return None if device is None else _encrypted(device)


def _device_of_root(root: Path) -> Path | None:
    """The folder in /sys of the device that is mounted on / (proc(5), mountinfo)."""
    for row in (words(root, "proc/self/mountinfo") or "").splitlines():
        mount, _, source = row.partition(" - ")
        fields, name = mount.split(), source.split()[1:2]
        if len(fields) > 4 and fields[4] == "/" and name:
            return _first(root, f"sys/dev/block/{fields[2]}", f"sys/class/block/{Path(name[0]).name}") or _mapped(
                root, Path(name[0]).name
            )
    return None


def _encrypted(device: Path) -> bool:
    if (words(device, "dm/uuid") or "").startswith("CRYPT-"):
        return True
    return any(_encrypted(below) for below in entries(device, "slaves"))


def _first(root: Path, *paths: str) -> Path | None:
    return next((root / path for path in paths if (root / path).exists()), None)


def _mapped(root: Path, name: str) -> Path | None:
    """btrfs names its source /dev/mapper/NAME and has a device number of its own."""
    return next((block for block in entries(root, "sys/class/block") if words(block, "dm/name") == name), None)
