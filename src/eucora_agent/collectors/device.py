"""Facts about the device: what it is, whose make, which system, virtual or not, how it is protected."""

import os
from datetime import UTC, datetime
from pathlib import Path

from eucora_wire.sections.device import Device, OperatingSystem

from . import dmi, encryption, virtual
from .files import line, number, os_release, words
from .memory import meminfo
from .reading import Context, Reading

SAME_BOOT_S = 60


def read(context: Context) -> Reading:
    root = context.root
    guest, boxed = virtual.machine(root), virtual.container(root)
    booted = steady_boot_time(context)
    cpu_model, cpu_count = processors(root)
    device = Device(
        os=operating_system(root),
        hostname=line(words(root, "proc/sys/kernel/hostname"), 255),
        serial=dmi.serial(root),
        manufacturer=dmi.manufacturer(root),
        model=dmi.model(root),
        chassis="virtual" if guest or boxed else dmi.chassis(root),
        architecture=architecture(root),
        cpu_model=cpu_model,
        cpu_count=cpu_count,
        memory_bytes=meminfo(root).get("MemTotal"),
        boot_time=booted,
        timezone=timezone(root),
        virtual=boxed or guest,
        vdi=virtual.desktop(root),
        tpm=tpm(root),
        disk_encrypted=encryption.of_root(root),
        firmware=dmi.firmware(root),
    )
    kept = {"boot": str(context.boot.id), "boot_time": booted.isoformat()} if booted else {}
    return Reading(device=device, state=kept)


def operating_system(root: Path) -> OperatingSystem | None:
    release = os_release(root)
    name = release.get("PRETTY_NAME") or release.get("NAME") or words(root, "proc/sys/kernel/ostype")
    if name is None:
        return None
    return OperatingSystem(
        name=line(name, 120) or "Linux",
        family="linux",
        version=line(release.get("VERSION_ID"), 64),
        build=line(words(root, "proc/sys/kernel/osrelease"), 120),
    )


def architecture(root: Path) -> str | None:
    """As `uname -m` has it. Kernels before 6.1 say it to a system call only, which knows of no other root."""
    return words(root, "proc/sys/kernel/arch") or (os.uname().machine if root == Path("/") else None)


def processors(root: Path) -> tuple[str | None, int | None]:
    """Model and number of logical processors."""
    rows = [row.partition(":") for row in (words(root, "proc/cpuinfo") or "").splitlines()]
    model = next((value for name, _, value in rows if name.strip() == "model name"), None)
    return line(model, 120), sum(name.strip() == "processor" for name, _, _ in rows) or None


def steady_boot_time(context: Context) -> datetime | None:
    """It moves when the clock is set: within one boot the first reading stands."""
    booted = boot_time(context.root)
    first = context.state.get("boot_time")
    if booted is None or first is None or context.state.get("boot") != str(context.boot.id):
        return booted
    before = datetime.fromisoformat(first)
    return before if abs((booted - before).total_seconds()) < SAME_BOOT_S else booted


def boot_time(root: Path) -> datetime | None:
    """btime of /proc/stat, in whole seconds."""
    for row in (words(root, "proc/stat") or "").splitlines():
        if row.startswith("btime "):
            return datetime.fromtimestamp(int(row.split()[1]), UTC)
    return None


def timezone(root: Path) -> str | None:
    """/etc/localtime is what the system goes by; /etc/timezone may be older."""
    try:
        _, _, name = str((root / "etc/localtime").readlink()).partition("zoneinfo/")
    except OSError:
        name = ""
    return line(name or words(root, "etc/timezone"), 64)


def tpm(root: Path) -> str | None:
    major = number(root, "sys/class/tpm/tpm0/tpm_version_major")
    return {1: "1.2", 2: "2.0"}.get(major, str(major)) if major else None
