"""What firmware says of the machine: SMBIOS by way of /sys/class/dmi/id, else the device tree.

Serial numbers are for root to read: without it they are absent.
"""

from pathlib import Path

from eucora_wire.sections.device import Chassis

from .files import line, number, words

DMI = "sys/class/dmi/id"
TREE = "proc/device-tree"

# SMBIOS specification (DSP0134) 7.4.1, "System Enclosure or Chassis Types".
CHASSIS: dict[int, Chassis] = {
    **dict.fromkeys((3, 4, 5, 6, 7, 13, 15, 16, 24, 34, 35, 36), "desktop"),
    **dict.fromkeys((8, 9, 10, 14, 31), "laptop"),
    **dict.fromkeys((11, 30, 32), "tablet"),
    **dict.fromkeys((17, 18, 19, 20, 21, 22, 23, 25, 26, 27, 28, 29), "server"),
}


def said(root: Path, name: str, most: int) -> str | None:
    return line(words(root, f"{DMI}/{name}"), most)


def manufacturer(root: Path) -> str | None:
    return said(root, "sys_vendor", 120)


def model(root: Path) -> str | None:
    return said(root, "product_name", 120) or line(words(root, f"{TREE}/model"), 120)


def serial(root: Path) -> str | None:
    return said(root, "product_serial", 128) or line(words(root, f"{TREE}/serial-number"), 128)


def chassis(root: Path) -> Chassis | None:
    """The form, `other` for a number that names none of ours, None where there is no SMBIOS."""
    kind = number(root, f"{DMI}/chassis_type")
    return None if kind is None else CHASSIS.get(kind & 0x7F, "other")


def firmware(root: Path) -> str | None:
    told = [word for name in ("bios_vendor", "bios_version") if (word := said(root, name, 80))]
    return line(" ".join(told), 160)
