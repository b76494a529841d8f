"""One file of the spool: items that wait, tombstones, sealed batches, and the head as it was when last written here."""

import sqlite3
from pathlib import Path

TABLES = """
CREATE TABLE IF NOT EXISTS items (ordinal INTEGER PRIMARY KEY, mark TEXT NOT NULL, rank INTEGER NOT NULL,
  appended_ms INTEGER NOT NULL, uptime_ms INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS gone (ordinal INTEGER PRIMARY KEY, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS batches (sequence INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL,
  sealed_ms INTEGER NOT NULL, headers BLOB NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS head (one INTEGER PRIMARY KEY CHECK (one = 1), state BLOB NOT NULL);
"""


def open_file(path: Path, *, check: bool = False) -> sqlite3.Connection:
    """Every commit is synced. Raises sqlite3.DatabaseError for a damaged file when asked to check."""
    db = sqlite3.connect(path)
    try:
        db.execute("PRAGMA journal_mode = TRUNCATE")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA cache_size = -512")
        if check and db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("damaged")
        db.executescript(TABLES)
    except sqlite3.DatabaseError:
        db.close()
        raise
    return db


def is_empty(db: sqlite3.Connection) -> bool:
    """Whether nothing in it is needed any more."""
    counted = "SELECT (SELECT count(*) FROM items) + (SELECT count(*) FROM gone) + (SELECT count(*) FROM batches)"
    return bool(db.execute(counted).fetchone()[0] == 0)


def size_of(path: Path) -> int:
    return path.stat().st_size
