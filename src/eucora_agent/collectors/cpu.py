"""Processor use since the read before, of all processors together, and the time since boot."""

from pathlib import Path

from eucora_wire.sections.hardware import Hardware

from .files import words
from .reading import Context, Reading

FIRST_LOOK_S = 0.2


def read(context: Context) -> Reading:
    """A first read has nothing to compare with, so it looks twice."""
    before = context.state.get("times")
    if before is None:
        before = times(context.root)
        context.pause(FIRST_LOOK_S)
    now = times(context.root)
    hardware = Hardware(cpu=busy(before, now), uptime=uptime(context.root))
    return Reading(hardware=hardware, state={"times": now})


def times(root: Path) -> list[int]:
    """The first line of /proc/stat: ticks as user, nice, system, idle, iowait, irq, softirq, steal (proc(5))."""
    first = (words(root, "proc/stat") or "").partition("\n")[0].split()
    # What follows steal is time of guests, which user and nice already hold.
    return [int(n) for n in first[1:9]]


def busy(before: list[int], now: list[int]) -> float | None:
    """Percent of the ticks in between that were neither idle nor waiting for a disk."""
    spent = [max(0, b - a) for a, b in zip(before, now, strict=False)]
    if len(spent) < 5 or not sum(spent):
        return None
    return round(100 * (1 - (spent[3] + spent[4]) / sum(spent)), 2)


def uptime(root: Path) -> float | None:
    text = words(root, "proc/uptime")
    return float(text.split()[0]) if text else None
