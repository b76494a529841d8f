"""The spool's files: several small ones, so that damage stays small and space comes back by unlinking.

Rule 1: the head stands in one file alone, the newest; it is handed over before anything else is written to a new file,
so that an older head is never taken for the true one. Rule 2: a damaged file is set aside by renaming, never opened
again. Rule 3: everything in the folder counts against its bound, also what was set aside. Rule 4: a reserve lies there,
so that on a full disk there is room to let go of something.
"""

import re
import shutil
import sqlite3
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from eucora_agent import durable
from eucora_agent.problems import SpoolFull
from eucora_agent.spool_file import (
    Damaged,
    Step,
    Unborn,
    checksum,
    create,
    empty_log,
    give_back,
    open_file,
    translated,
    write,
)
from eucora_agent.spool_head import Head
from eucora_agent.spool_log import is_damaged
from eucora_agent.spool_sql import CARRIED, HAND_OVER

_HANDED_OVER: list[Step] = [(statement, [()]) for statement in HAND_OVER]
_NAME = re.compile(r"([0-9]{8})\.(db|damaged-[0-9a-f]{8})")
_RESERVE = "reserve"


class Folder:
    """The open files by number. `was_used`: a spool stood here, or was just about to; whatever is left of it.

    `is_older`: the end of the newest log was damaged, so that the head may be older than what was sent.
    """

    def __init__(self, path: Path, file_bytes: int) -> None:
        self.path, self._file_bytes = durable.private_folder(path), file_bytes
        # A full log, and a batch that came on top, fit into the room that the reserve leaves: so it can be emptied.
        self._log_bytes, self.reserve_bytes = file_bytes, 2 * file_bytes
        self.files: dict[int, sqlite3.Connection] = {}
        self.damaged, self.is_older = 0, False
        self.was_used = bool(self._names())
        self._open_all()

    @property
    def newest(self) -> int:
        return max(self.files)

    def older(self) -> list[int]:
        return sorted(self.files)[:-1]

    def head(self) -> Head | None:
        """The head as last written; None when its file is gone, or none was ever written."""
        holders = [n for n, db in sorted(self.files.items()) if head_of(db) is not None]
        for n in holders[:-1]:
            self.write_older(n, _HANDED_OVER)  # a crash came between the birth of the next file and this
        return head_of(self.files[self.newest]) if holders and holders[-1] == self.newest else None

    def write(self, steps: Iterable[Step]) -> None:
        """One transaction in the newest file. Raises SpoolFull, SpoolUnusable."""
        write(self.files[self.newest], steps)

    def write_older(self, number: int, steps: Iterable[Step]) -> None:
        """One transaction in a file that rests again afterwards. Raises SpoolFull, SpoolUnusable."""
        write(self.files[number], steps)
        empty_log(self.files[number])

    def begin(self, steps: Iterable[Step]) -> None:
        """A new file, which is the newest from now on."""
        number = 1 + max((int(name[:8]) for name in self._names()), default=0)
        try:
            self.files[number] = create(self._path(number), self._log_bytes, steps)
        except BaseException:
            self._unlink(number)
            raise

    def roll(self) -> None:
        """A new file takes over when the newest has grown large."""
        old = self.newest
        if self._path(old).stat().st_size < self._file_bytes:
            return
        db = self.files[old]
        self.begin([(into, db.execute(query).fetchall()) for query, into in CARRIED])
        try:
            self.write_older(old, _HANDED_OVER)
        except BaseException:
            self.remove(self.newest)
            raise

    def rows(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """Of all files, oldest file first, a row at a time."""
        with translated():
            for n in sorted(self.files):
                yield from self.files[n].execute(query, values)

    def facts(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Of the newest file, which holds ledger, tombstones and head."""
        with translated():
            return self.files[self.newest].execute(query, values).fetchall()

    def remove(self, number: int) -> None:
        self.files.pop(number).close()
        self._unlink(number)

    def size(self, number: int) -> int:
        """What one file takes on the disk."""
        return self._path(number).stat().st_size

    def bytes(self) -> int:
        """What the folder takes on the disk."""
        return sum(entry.stat().st_size for entry in self.path.iterdir())

    def give_back(self) -> None:
        """Free pages of every file go back to the file system, as far as the disk takes it."""
        for n, db in self.files.items():
            with suppress(SpoolFull):
                give_back(db)
                if n != self.newest:
                    empty_log(db)

    def lay_reserve(self) -> None:
        """Room for a bad day. On a full disk there is none, and the log is emptied while it can be."""
        path = self.path / _RESERVE
        if path.exists():
            return
        if free_bytes(self.path) <= self.reserve_bytes:
            self.give_back()
            return
        try:
            path.write_bytes(bytes(self.reserve_bytes))
        except OSError:
            path.unlink(missing_ok=True)

    def use_reserve(self) -> bool:
        """Whether there was one."""
        path = self.path / _RESERVE
        was_there = path.exists()
        path.unlink(missing_ok=True)
        return was_there

    def drop_damaged(self) -> bool:
        """Remove the oldest file that was set aside; whether there was one."""
        aside = sorted(name for name in self._names() if not name.endswith(".db"))
        for name in aside[:1]:
            (self.path / name).unlink()
        return bool(aside)

    def close(self) -> None:
        for db in self.files.values():
            db.close()

    def _open_all(self) -> None:
        for log in self.path.glob("*.db-*"):
            if not log.with_suffix(".db").exists():
                log.unlink()  # its file went, and a crash came before it could
        for n in sorted(int(name[:8]) for name in self._names() if name.endswith(".db")):
            self.is_older = is_damaged(self._path(n).with_suffix(".db-wal"))
            try:
                self.files[n] = open_file(self._path(n), self._log_bytes)
                head_of(self.files[n])
            except Unborn:
                self._unlink(n)
            except Damaged:
                self._set_aside(n)
        self.damaged += self.is_older

    def _set_aside(self, number: int) -> None:
        if (db := self.files.pop(number, None)) is not None:
            db.close()
        self._path(number).rename(self.path / f"{number:08}.damaged-{uuid.uuid4().hex[:8]}")
        self._unlink(number)
        self.damaged += 1

    def _unlink(self, number: int) -> None:
        """The file, then its log (or the journal of an older agent): a file without its log would look older."""
        for name in (".db", ".db-wal", ".db-journal"):
            self._path(number).with_suffix(name).unlink(missing_ok=True)

    def _path(self, number: int) -> Path:
        return self.path / f"{number:08}.db"

    def _names(self) -> list[str]:
        return [entry.name for entry in self.path.iterdir() if _NAME.fullmatch(entry.name)]


def free_bytes(folder: Path) -> int:
    """What its file system takes yet."""
    return shutil.disk_usage(folder).free


def head_row(head: Head) -> tuple[int, bytes]:
    """As KEEP_HEAD takes it."""
    state = msgspec.json.encode(head)
    return checksum(state), state


def head_of(db: sqlite3.Connection) -> Head | None:
    """The head that stands in this file. Raises Damaged."""
    try:
        row = db.execute("SELECT sum, state FROM head").fetchone()
        if row is None:
            return None
        if checksum(row[1]) != row[0]:
            raise Damaged("head")
        return msgspec.json.decode(row[1], type=Head)
    except (sqlite3.DatabaseError, msgspec.DecodeError, TypeError) as exc:
        raise Damaged("head") from exc
