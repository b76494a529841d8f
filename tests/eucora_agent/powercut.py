"""A disk that forgets: every write, truncation and sync below SQLite is kept, and what a power cut leaves is built anew.

Rule 1: what was synced is there. Rule 2: of what was written to a file since, each sector is there or not, in no order.
Rule 3: names that came, went or changed are there up to some moment, not before the folder's last sync.

The spool's own statements run on it; SQLite is reached through apsw, since the standard library can't name a VFS of ours.
"""

import itertools
import random
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
import pytest

from eucora_agent import durable, spool_file, spool_folder

SECTOR = 512
JOURNALS = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL
SERIAL = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Write:
    file: int
    at: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    file: int
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    file: int


@dataclass(frozen=True, slots=True)
class Names:
    """The folder from now on: which file each name leads to."""

    files: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SyncNames:
    pass


Act = Write | Truncate | Sync | Names | SyncNames


class Disk(apsw.VFS):
    """Of one folder. `log`: all that was done to it, `begun` of it before. `room`: bytes that it takes."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log, self.room, self.fails = folder, list[Act](), float("inf"), False
        self.name = f"disk-{next(SERIAL)}"
        self._inodes, self._listed, self._serial = dict[int, int](), dict[str, int](), itertools.count(1)
        super().__init__(self.name, "")
        self.look()
        for path in sorted(folder.iterdir()):  # what is there already is certain
            self.log += [Write(self.file(str(path)), 0, path.read_bytes()), Sync(self.file(str(path)))]
        self.log.append(SyncNames())
        self.begun = len(self.log)

    def xOpen(self, name: Any, flags: list[int]) -> "File":
        self.look()
        return File(self, name, flags)

    def look(self) -> None:
        """Notice what became of the names since."""
        entries = _listed(self.folder)
        if entries == self._listed:
            return
        known = {inode: self._inodes[inode] for inode in self._listed.values() if inode in entries.values()}
        self._inodes = {inode: known[inode] if inode in known else next(self._serial) for inode in entries.values()}
        self._listed = entries
        self.log.append(Names({name: self._inodes[inode] for name, inode in entries.items()}))

    def note(self, act: Act) -> None:
        self.look()
        self.log.append(act)

    def file(self, path: str) -> int:
        self.look()
        return self._inodes[self._listed[Path(path).name]]

    def free(self) -> float:
        return self.room - sum(f.stat().st_size for f in self.folder.iterdir())

    def refuses(self, path: str, end: int) -> bool:
        """Whether this write would need more than there is."""
        grown = end - (Path(path).stat().st_size if Path(path).exists() else 0)
        return grown > 0 and grown > self.free()


class File(apsw.VFSFile):
    """Passed through to the file system, and noted; a sync is noted alone: no test waits for a disk."""

    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        self.disk, self.path = disk, "" if name is None else str(name.filename() if hasattr(name, "filename") else name)
        self._is_new = bool(flags[0] & JOURNALS) and not Path(self.path).exists()
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        if self.path:
            if self.disk.fails:
                raise apsw.exception_for(apsw.SQLITE_IOERR_WRITE)
            if self.disk.refuses(self.path, offset + len(data)):
                raise apsw.exception_for(apsw.SQLITE_FULL)
            self.disk.note(Write(self.disk.file(self.path), offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, size: int) -> None:
        if self.path:
            self.disk.note(Truncate(self.disk.file(self.path), size))
        super().xTruncate(size)

    def xSync(self, flags: int) -> None:
        if self.path:
            self.disk.note(Sync(self.disk.file(self.path)))
            if self._is_new:  # as SQLite does on Unix: the first sync of a journal makes its name durable
                self._is_new = False
                self.disk.note(SyncNames())


def _listed(folder: Path) -> dict[str, int]:
    return {entry.name: entry.stat().st_ino for entry in sorted(folder.iterdir())}


@dataclass
class Platter:
    """What is certain after the acts taken so far, and what is not."""

    synced: dict[int, bytes] = field(default_factory=dict)
    written: dict[int, list[Write | Truncate]] = field(default_factory=dict)
    names: list[Mapping[str, int]] = field(default_factory=lambda: [{}])

    def take(self, act: Act) -> None:
        match act:
            case Write(file=file) | Truncate(file=file):
                self.written.setdefault(file, []).append(act)
            case Sync(file=file):
                content = bytearray(self.synced.get(file, b""))
                for one in self.written.pop(file, []):
                    _apply(one, content)
                self.synced[file] = bytes(content)
            case Names(files=files):
                self.names.append(files)
            case SyncNames():
                self.names = self.names[-1:]

    def leave(self, draw: random.Random, folder: Path) -> None:
        """One of the disks that a power cut may leave now."""
        luck = draw.choice((0.0, 0.5, 0.5, 0.9, 1.0))
        folder.mkdir(mode=0o700, parents=True)
        for name, file in draw.choice(self.names).items():
            content = bytearray(self.synced.get(file, b""))
            for act in self.written.get(file, []):
                for part in _torn(act, luck, draw):
                    _apply(part, content, draw)
            (folder / name).write_bytes(content)


def _torn(act: Write | Truncate, luck: float, draw: random.Random) -> Iterator[Write | Truncate]:
    """What arrived of it: all, nothing, or some of its sectors."""
    if isinstance(act, Truncate) or draw.random() < 0.5:
        if draw.random() < luck:
            yield act
        return
    edge = act.at
    while edge < (end := act.at + len(act.data)):
        until = min(end, edge - edge % SECTOR + SECTOR)
        if draw.random() < luck:
            yield Write(act.file, edge, act.data[edge - act.at : until - act.at])
        edge = until


def _apply(act: Write | Truncate, content: bytearray, draw: random.Random | None = None) -> None:
    """Where a file grew past what arrived there is nothing, or whatever lay on the disk."""
    if isinstance(act, Truncate):
        del content[act.size :]
        return
    if act.at > len(content):
        gap = act.at - len(content)
        content += draw.randbytes(gap) if draw is not None and draw.random() < 0.5 else bytes(gap)
    content[act.at : act.at + len(act.data)] = act.data


def cut(log: Sequence[Act], draw: random.Random, folder: Path) -> None:
    """What may be left when the power goes after these acts."""
    platter = Platter()
    for act in log:
        platter.take(act)
    platter.leave(draw, folder)


@contextmanager
def recorded(folder: Path, room: float = float("inf")) -> Iterator[Disk]:
    """Spools opened in this folder run on a disk that is noted, with the statements and pragmas of every day."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    disk = Disk(folder)
    disk.room = room
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool_file, "SYNCHRONOUS", "FULL")
        patch.setattr(spool_file, "connect", lambda path: Connection(path, disk))
        if room < float("inf"):
            patch.setattr(spool_folder, "free_bytes", lambda _: disk.free())
        patch.setattr(durable, "sync_folder", lambda _: disk.note(SyncNames()))
        yield disk
    disk.unregister()


class Connection:
    """As much of sqlite3.Connection as the spool uses, over apsw."""

    def __init__(self, path: Path, disk: Disk) -> None:
        with _told_as_sqlite3():
            self._db = apsw.Connection(str(path), vfs=disk.name)

    @property
    def in_transaction(self) -> bool:
        return self._db.in_transaction

    def execute(self, statement: str, values: Any = ()) -> "Cursor":
        with _told_as_sqlite3():
            rows = self._db.execute(statement, values)
            if statement.startswith("PRAGMA wal_autocheckpoint"):
                self._checkpoint_at(int(statement.rpartition("=")[2]))
            return Cursor(rows)

    def _checkpoint_at(self, most: int) -> None:
        """As SQLite does by itself, which lets a failure pass; apsw would raise it from the COMMIT that succeeded."""

        def hook(db: apsw.Connection, name: str, pages: int) -> int:
            with suppress(apsw.Error):
                if pages >= most:
                    db.wal_checkpoint(name, apsw.SQLITE_CHECKPOINT_PASSIVE)
            return 0

        self._db.set_wal_hook(hook)

    def close(self) -> None:
        with suppress(apsw.Error):  # nor does SQLite tell of what it could not move on closing
            self._db.close(True)


class Cursor:
    def __init__(self, rows: apsw.Cursor) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[Any]:
        with _told_as_sqlite3():
            yield from self._rows

    def fetchone(self) -> Any:
        with _told_as_sqlite3():
            return self._rows.fetchone()

    def fetchall(self) -> list[Any]:
        with _told_as_sqlite3():
            return self._rows.fetchall()

    def close(self) -> None:
        self._rows.close(True)


@contextmanager
def _told_as_sqlite3() -> Iterator[None]:
    try:
        yield
    except apsw.Error as exc:
        damage = isinstance(exc, apsw.CorruptError | apsw.NotADBError)
        told = (sqlite3.DatabaseError if damage else sqlite3.OperationalError)(str(exc))
        told.sqlite_errorcode = getattr(exc, "extendedresult", 0)
        raise told from exc
