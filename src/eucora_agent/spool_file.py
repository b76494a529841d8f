"""One file of the spool, an SQLite database: what stands in it, how it is opened, written and checked.

Rule 1: a transaction is on the disk, or nothing of it is. Rule 2: damage is told from want of space and of permission:
only a damaged file is ever set aside. Rule 3: what SQLite does not check itself, the bytes of a body, has a checksum.
"""

import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eucora_agent import durable
from eucora_agent.problems import SpoolFailing, SpoolFromNewer, SpoolFull, SpoolUnusable
from eucora_agent.spool_sql import TABLES, VERSION

Step = tuple[str, Sequence[tuple[Any, ...]]]
"""A statement and the rows it is executed with."""


SYNCHRONOUS = "FULL"
"""Every commit waits for the disk, once: its pages go into a log beside the file, and from there into it later."""
PAGE_BYTES = 512
"""Small pages: a beat changes a few small rows, and each costs a page."""


class Damaged(Exception):
    """The file is no database any more, or not as it was written."""


class Unborn(Exception):
    """The file was begun and never finished: nothing was ever written to it."""


def create(path: Path, log_bytes: int, steps: Iterable[Step]) -> sqlite3.Connection:
    """A new file with its tables and these rows, all of it in one transaction. Raises SpoolFull, SpoolUnusable."""
    db = _connect(path, log_bytes)
    try:
        tables: list[Step] = [(table, [()]) for table in TABLES]
        write(db, [*tables, (f"PRAGMA user_version = {VERSION}", [()]), *steps])
        durable.sync_folder(path.parent)
    except BaseException:
        db.close()
        raise
    return db


def open_file(path: Path, log_bytes: int) -> sqlite3.Connection:
    """A file as it was left. Raises Damaged, Unborn, SpoolFromNewer, SpoolFull, SpoolUnusable."""
    db = _connect(path, log_bytes)
    try:
        with translated():
            _check(db)
    except Exception:
        db.close()
        raise
    return db


def _check(db: sqlite3.Connection) -> None:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise SpoolFromNewer
    if version == 0 and not db.execute("SELECT 1 FROM sqlite_schema").fetchone():
        raise Unborn
    if version < VERSION or db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise Damaged
    if {text for (text,) in db.execute("SELECT sql FROM sqlite_schema") if text} != set(TABLES):
        raise Damaged("schema")


def _connect(path: Path, log_bytes: int) -> sqlite3.Connection:
    with translated():
        db = connect(path)
    try:
        with translated():
            for pragma in (
                # Nobody else may look, so that the log's index is in memory: no third file, nothing mapped from a disk
                # that may be full.
                "locking_mode = EXCLUSIVE",
                f"page_size = {PAGE_BYTES}",
                # Freed pages can be given back a few at a time, where a VACUUM would need as much space again.
                "auto_vacuum = INCREMENTAL",
                "journal_mode = WAL",
                f"wal_autocheckpoint = {max(1, log_bytes // PAGE_BYTES)}",
                f"journal_size_limit = {log_bytes}",
                f"synchronous = {SYNCHRONOUS}",
                # Pages that are free are not written once more to be blank, as some builds of SQLite do.
                "secure_delete = FAST",
                "cache_size = -512",
            ):
                db.execute(f"PRAGMA {pragma}").fetchall()
    except Exception:
        db.close()
        raise
    return db


def connect(path: Path) -> sqlite3.Connection:
    """The one place where SQLite is begun: tests put a disk of their own below it."""
    # One thread at a time is the caller's promise; autocommit, since transactions are begun by `write` alone.
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


def write(db: sqlite3.Connection, steps: Iterable[Step]) -> None:
    """One transaction, synced. Raises SpoolFull or SpoolUnusable, and then nothing of it is there."""
    with translated():
        try:
            db.execute("BEGIN IMMEDIATE")
            for statement, rows in steps:
                for row in rows:
                    db.execute(statement, row)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise


def give_back(db: sqlite3.Connection) -> None:
    """Free pages go back to the file system. The log's room stays: on a full disk it is what can be written to."""
    with translated():
        db.execute("PRAGMA incremental_vacuum").fetchall()
        db.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()


def empty_log(db: sqlite3.Connection) -> None:
    """What stands in the log goes into the file, and the log's room back to the file system."""
    with translated():
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def checksum(*parts: bytes) -> int:
    found = 0
    for part in parts:
        found = zlib.crc32(part, found)
    return found


@contextmanager
def translated() -> Iterator[None]:
    """SQLite's failures in the agent's own words."""
    try:
        yield
    except sqlite3.DatabaseError as exc:
        raise _meaning(exc) from exc


def _meaning(exc: sqlite3.DatabaseError) -> Exception:
    """By SQLite's primary result code."""
    code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return Damaged(str(exc))
    if code == sqlite3.SQLITE_FULL:
        return SpoolFull()
    if code == sqlite3.SQLITE_IOERR:
        return SpoolFailing()
    if isinstance(exc, sqlite3.OperationalError):
        return SpoolUnusable(f"{SpoolUnusable.__doc__} ({exc})")
    return exc
