"""Wall time at sealing, boot time, true age: time is corrected once, by a pure function of the entry.

`eucora-boot: <boot id>;t=<ms since boot, sleep included>` is signed at sealing; `eucora-sent` adds the wall time at
sending and travels unsigned. All numbers are whole milliseconds; wall times count from 1970 in UTC.
"""

import re
import uuid

from msgspec import Struct, convert

TOLERANCE_MS = 30_000
"""A wall clock within this is left alone."""

_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_BOOT = re.compile(rf"({_UUID});t=([0-9]{{1,15}})")
_SENT = re.compile(rf"({_UUID});t=([0-9]{{1,15}});w=(-?[0-9]{{1,15}})")


class Boot(Struct, frozen=True):
    """A boot and the time since it, in ms, on a clock that runs during sleep."""

    id: uuid.UUID
    uptime_ms: int


class Sent(Struct, frozen=True):
    """The same at sending, with the wall clock's reading."""

    boot: Boot
    wall_ms: int


class Correction(Struct, frozen=True):
    """What to add to every device time of a batch, in ms, and whether it rests on a guess."""

    shift_ms: int
    uncertain: bool
    age_ms: int


def format_boot(boot: Boot) -> str:
    return f"{boot.id};t={boot.uptime_ms}"


def parse_boot(header: str) -> Boot:
    """Raises ValueError."""
    m = _BOOT.fullmatch(header)
    if m is None:
        raise ValueError("eucora-boot")
    return Boot(convert(m[1], uuid.UUID), int(m[2]))


def format_sent(sent: Sent) -> str:
    return f"{sent.boot.id};t={sent.boot.uptime_ms};w={sent.wall_ms}"


def parse_sent(header: str) -> Sent:
    """Raises ValueError."""
    m = _SENT.fullmatch(header)
    if m is None:
        raise ValueError("eucora-sent")
    return Sent(Boot(convert(m[1], uuid.UUID), int(m[2])), int(m[3]))


def correct(sealed: Boot, clock_ms: int, sent: Sent | None, received_ms: int) -> Correction:
    """How far the device's times are off.

    The true age is boot time at sending less boot time at sealing when both are of one boot, whatever the wall clock
    says; else the wall-clock skew at sending is assumed to have held at sealing, and the result is uncertain.
    """
    if sent is not None and sent.boot.id == sealed.id and sent.boot.uptime_ms >= sealed.uptime_ms:
        age, uncertain = sent.boot.uptime_ms - sealed.uptime_ms, False
    elif sent is not None:
        age, uncertain = max(0, sent.wall_ms - clock_ms), True
    else:
        age, uncertain = max(0, received_ms - clock_ms), True
    shift = received_ms - age - clock_ms
    return Correction(shift if abs(shift) > TOLERANCE_MS else 0, uncertain, age)
