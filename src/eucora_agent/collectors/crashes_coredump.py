"""Crashes kept by systemd-coredump(8): the file's name tells program and time, its attributes signal and path.

`core.COMM.UID.BOOT.PID.MICROSECONDS[.zst|.lz4|.xz]`, with unusual characters of COMM written as \\xNN.
"""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from eucora_wire.sections.apps import Crash

from .files import entries, line, machine
from .reading import record_id
from .signals import named

FOLDER = "var/lib/systemd/coredump"
_NAME = re.compile(r"core\.(?P<comm>.+)\.\d+\.[0-9a-f]{32}\.(?P<pid>\d+)\.(?P<us>\d{13,17})(?:\.\w+)?")
_ESCAPE = re.compile(r"\\x([0-9a-f]{2})")


def recorded(root: Path) -> Iterator[tuple[int, Crash]]:
    """Marked with their microsecond."""
    for file in entries(root, FOLDER):
        if told := _NAME.fullmatch(file.name):
            when = datetime.fromtimestamp(int(told["us"]) / 1_000_000, UTC)
            program = _attribute(file, "exe")
            name = Path(program).name if program else _ESCAPE.sub(lambda m: chr(int(m[1], 16)), told["comm"])
            crash = Crash(
                id=record_id(machine(root), when, name, told["pid"]),
                time=when,
                name=line(name, 200) or "unknown",
                signal=named(_attribute(file, "signal")),
                core=True,
            )
            yield int(told["us"]), crash


def _attribute(file: Path, name: str) -> str | None:
    """What systemd-coredump notes beside the file; None where the file system keeps no attributes."""
    try:
        return os.getxattr(file, f"user.coredump.{name}").decode(errors="replace") or None
    except OSError:
        return None
