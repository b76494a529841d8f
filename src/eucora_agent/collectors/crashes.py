"""Programs that crashed, from the one place where this system records them, so that no crash counts twice.

The kernel's core_pattern names it: systemd-coredump's folder, apport's reports, else the kernel's own log lines.
"""

from collections.abc import Iterator

from eucora_wire.sections.apps import Apps, Crash

from . import crashes_apport, crashes_coredump, crashes_kernel
from .files import words
from .reading import HISTORY, Context, Reading

MOST = 200

Marked = tuple[int, Crash]


def read(context: Context) -> Reading:
    """`state` names the source and how far it was told; a first look tells the last days."""
    source, recorded = _source(context)
    told = context.state.get("told") if context.state.get("source") == source else None
    after = context.now - HISTORY
    fresh = (each for each in recorded if (each[1].time > after if told is None else each[0] > told))
    taken = sorted(fresh, key=lambda each: each[0])[:MOST]
    state = {"source": source, "told": taken[-1][0] if taken else told}
    return Reading(apps=Apps(crashes=tuple(crash for _, crash in taken)) if taken else None, state=state)


def _source(context: Context) -> tuple[str, Iterator[Marked]]:
    """Where crashes are recorded, and all that it still has, each with a mark that grows."""
    pattern = words(context.root, "proc/sys/kernel/core_pattern") or ""
    if "systemd-coredump" in pattern:
        return "coredump", crashes_coredump.recorded(context.root)
    if "apport" in pattern:
        return "apport", crashes_apport.recorded(context.root)
    return f"kernel {context.boot.id}", crashes_kernel.recorded(context)
