"""Records of utmp(5) and wtmp: who logged on where, boots and shutdowns.

Source: glibc's bits/utmp.h. Where time_t of the record is 64 bits wide (arm64) a record is 400 bytes, else 384.
"""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

RUN_LEVEL, BOOT, USER_PROCESS = 1, 2, 7
LAYOUTS = (struct.Struct("<hxxi32s4s32s256shhiii16s20x"), struct.Struct("<hxxi32s4s32s256shhqqq16s20x4x"))
"""type, pid, line, id, user, host, exit (two), session, seconds, microseconds, address."""


@dataclass(frozen=True, slots=True)
class Record:
    type: int
    pid: int
    line: str
    user: str
    host: str
    time: datetime


def records(root: Path, path: str) -> list[Record]:
    """All records of a file, oldest first; empty when there is none, or when it is in neither layout."""
    try:
        data = (root / path).read_bytes()
    except OSError:
        return []
    for layout in LAYOUTS:
        if len(data) % layout.size == 0:
            rows = list(layout.iter_unpack(data))
            if all(0 <= row[0] <= 9 for row in rows):
                return [_record(row) for row in rows]
    return []


def _record(row: tuple[int, int, bytes, bytes, bytes, bytes, int, int, int, int, int, bytes]) -> Record:
    when = datetime.fromtimestamp(row[9] + row[10] / 1_000_000, UTC)
    return Record(row[0], row[1], _text(row[2]), _text(row[4]), _text(row[5]), when)


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode(errors="replace")
