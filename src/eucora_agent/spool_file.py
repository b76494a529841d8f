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
from eucora_agent.problems import SpoolFromNewer, SpoolFull, SpoolUnusable
from eucora_agent.spool_sql import TABLES, VERSION

Step = tuple[str, Sequence[tuple[Any, ...]]]
"""A statement and the rows it is executed with."""


SYNCHRONOUS = "FULL"
"""Every commit waits for the disk."""


class Damaged(Exception):
    """The file is no database any more, or not as it was written."""


class Unborn(Exception):
    """The file was begun and never finished: nothing was ever written to it."""


def create(path: Path, steps: Iterable[Step]) -> sqlite3.Connection:
    """A new file with its tables and these rows, all of it in one transaction. Raises SpoolFull, SpoolUnusable."""
    db = _connect(path)
    # Small pages: a beat's few small rows cost 65 kB of writing instead of 102. Freed pages can be given back a few at
    # a time, where a VACUUM would need as much space again.
    db.execute("PRAGMA page_size = 1024")
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    tables: list[Step] = [(table, [()]) for table in TABLES]
    write(db, [*tables, (f"PRAGMA user_version = {VERSION}", [()]), *steps])
    durable.sync_folder(path.parent)
    return db


def open_file(path: Path) -> sqlite3.Connection:
    """A file as it was left. Raises Damaged, Unborn, SpoolFromNewer, SpoolFull, SpoolUnusable."""
    db = _connect(path)
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


def _connect(path: Path) -> sqlite3.Connection:
    with translated():
        # One thread at a time is the caller's promise; autocommit, since transactions are begun by `write` alone.
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        with translated():
            # The rollback journal is emptied after a commit, not removed: a name less to make durable.
            for pragma in ("journal_mode = TRUNCATE", f"synchronous = {SYNCHRONOUS}", "cache_size = -512"):
                db.execute(f"PRAGMA {pragma}")
    except Exception:
        db.close()
        raise
    return db


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
    """Free pages go back to the file system."""
    with translated():
        db.execute("PRAGMA incremental_vacuum").fetchall()


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
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return SpoolFull()
    if isinstance(exc, sqlite3.OperationalError):
        return SpoolUnusable(f"{SpoolUnusable.__doc__} ({exc})")
    return exc
