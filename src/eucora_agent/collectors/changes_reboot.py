"""That the machine was booted anew, with which kernel, and whether it had been shut down before, where wtmp tells."""

from pathlib import Path

from eucora_wire.sections.changes import Change

from .device import boot_time
from .files import line, machine, words
from .reading import Context, Reading, record_id
from .utmp import BOOT, RUN_LEVEL, records

CLEAN = "shut down in order"
DIRTY = "not shut down: crash or loss of power"


def read(context: Context) -> Reading:
    """A first read has nothing to compare with: it only remembers."""
    boot, kernel = str(context.boot.id), words(context.root, "proc/sys/kernel/osrelease")
    before, state = context.state.get("boot"), {"boot": boot, "kernel": kernel}
    when = boot_time(context.root)
    if before in (None, boot) or when is None:
        return Reading(state=state)
    change = Change(
        id=record_id(machine(context.root), when, boot),
        time=when,
        kind="reboot",
        subject="system",
        before=line(context.state.get("kernel"), 200),
        after=line(kernel, 200),
        reason=reason(context.root),
    )
    return Reading(changes=(change,), state=state)


def reason(root: Path) -> str | None:
    """What stands before the newest boot in wtmp: a shutdown, or only an older boot; None where wtmp does not tell."""
    told = [
        r for r in records(root, "var/log/wtmp") if r.type == BOOT or (r.type == RUN_LEVEL and r.user == "shutdown")
    ]
    if len(told) < 2 or told[-1].type != BOOT:
        return None
    return CLEAN if told[-2].type == RUN_LEVEL else DIRTY
