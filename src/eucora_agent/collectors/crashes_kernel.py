"""Crashes that the kernel notes in its log: segmentation faults and traps of programs, from /dev/kmsg.

Source: show_signal_msg and do_trap in the kernel's arch/x86; the record format is Documentation/ABI/testing/dev-kmsg.
"""

import os
import re
from collections.abc import Iterator
from datetime import timedelta

from eucora_wire.sections.apps import Crash

from .files import line, machine
from .reading import Context, record_id

LOG = "dev/kmsg"
RECORD_MOST = 8192
_FAULT = re.compile(r"(?P<name>\S.*)\[(?P<pid>\d+)\]: segfault at .*? error [0-9a-f]+(?: in (?P<module>[^\[\s]+))?")
_TRAP = re.compile(
    r"traps: (?P<name>\S.*)\[(?P<pid>\d+)\] (?:trap )?(?P<trap>general protection|divide error|invalid opcode|int3|"
    r"stack segment|bounds|alignment check)[^\[]*?(?: in (?P<module>[^\[\s]+))?(?:\[|$)"
)
SIGNALS = {"divide error": "SIGFPE", "invalid opcode": "SIGILL", "int3": "SIGTRAP", "alignment check": "SIGBUS"}


def recorded(context: Context) -> Iterator[tuple[int, Crash]]:
    """All faults in the log of this boot, marked with their number in it."""
    for record in _records(context):
        head, _, message = record.partition(";")
        if found := _FAULT.match(message) or _TRAP.match(message):
            _, number, us = head.split(",")[:3]
            yield int(number), _crash(context, number, int(us) / 1_000_000, found.groupdict())


def _crash(context: Context, number: str, since_boot_s: float, told: dict[str, str | None]) -> Crash:
    name = line(told["name"], 200) or "unknown"
    when = context.now - timedelta(seconds=context.monotonic_s - since_boot_s)
    return Crash(
        id=record_id(f"{machine(context.root)} {context.boot.id}", when, number),
        time=when,
        name=name,
        signal=SIGNALS.get(told.get("trap") or "", "SIGSEGV"),
        module=line(told["module"], 200),
    )


def _records(context: Context) -> Iterator[str]:
    """One a read, until there is no more; what was overwritten in between (EPIPE) is passed over."""
    try:
        log = os.open(context.root / LOG, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return
    try:
        while True:
            try:
                record = os.read(log, RECORD_MOST)
            except BrokenPipeError:
                continue
            except OSError:
                return
            if not record:
                return
            # Lines that begin with a blank belong to the record before (its properties).
            yield from (row for row in record.decode(errors="replace").splitlines() if row[:1] != " ")
    finally:
        os.close(log)
