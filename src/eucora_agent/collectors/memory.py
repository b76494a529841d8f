"""Memory in use: what is not available to a new program without swapping, as free(1) counts it."""

from pathlib import Path

from eucora_wire.sections.hardware import Hardware

from .files import words
from .reading import Context, Reading


def read(context: Context) -> Reading:
    found = meminfo(context.root)
    total, available = found.get("MemTotal"), found.get("MemAvailable")
    if not total or available is None:
        return Reading()
    used = max(0, total - available)
    swap = found["SwapTotal"] - found["SwapFree"] if found.get("SwapTotal") else None
    percent = round(100 * used / total, 2)
    return Reading(hardware=Hardware(memory=percent, memory_total=total, memory_used=used, swap_used=swap))


def meminfo(root: Path) -> dict[str, int]:
    """/proc/meminfo in bytes (it says kB and means KiB)."""
    found = {}
    for row in (words(root, "proc/meminfo") or "").splitlines():
        name, _, value = row.partition(":")
        if value.endswith(" kB"):
            found[name] = int(value[:-3]) * 1024
    return found
