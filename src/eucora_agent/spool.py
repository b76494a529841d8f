"""The durable, bounded, crash-safe queue: the file to read twice.

Rule 1: an item is on disk before it is sealed, a sealed batch before its first byte is sent; it is sent again byte for byte.
Rule 2: only `settle` lets go of a batch. Rule 3: every ordinal is carried once or stands as a tombstone with its reason.
Rule 4: the newest file alone knows the head (stream, sequence, chain); when it is damaged, a new stream begins.
"""

import sqlite3
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from eucora_agent import durable
from eucora_agent.problems import SpoolFull
from eucora_agent.spool_file import is_empty, open_file, size_of
from eucora_wire.envelope import Envelope
from eucora_wire.sequence import FIRST, LOST, Items, Lost, Reason, tombstones

FILE_BYTES = 4 * 2**20
MOST_GONE = 20_000
"""Tombstones in one batch: a header must stay readable."""


class Head(msgspec.Struct, frozen=True):
    """Where the stream stands. `open`: sealed batches not yet settled, sequence to (first, last) ordinal."""

    stream: uuid.UUID
    next_ordinal: int = 1
    sealed_to: int = 0
    sequence: int = 0
    previous: str = FIRST
    open: dict[int, tuple[int, int]] = {}
    shed: int = 0


@dataclass(frozen=True, slots=True)
class Pending:
    """What the next batch would hold: bodies of one mark in the order of their ordinals, and when they were appended."""

    items: Items
    mark: str
    bodies: tuple[bytes, ...]
    first_ms: int
    last_uptime_ms: int


@dataclass(frozen=True, slots=True)
class Kept:
    """An item as it lies in a file. Lower ranks are shed first."""

    ordinal: int
    mark: str
    rank: int
    appended_ms: int
    uptime_ms: int
    body: bytes


Make = Callable[[Head, tuple[Lost, ...]], tuple[Envelope, str]]
"""Signs the next batch for this head, naming lost ones; gives the envelope and the digest that the chain goes on with."""


class Spool:
    """Items in, sealed batches out. One process at a time."""

    def __init__(self, folder: Path, most_bytes: int, max_age_ms: int) -> None:
        self._folder, self._most_bytes, self._max_age_ms = durable.private_folder(folder), most_bytes, max_age_ms
        self.damaged = 0
        self._files: dict[int, sqlite3.Connection] = {}
        newest_is_lost = self._open_all()
        self.head = self._begin_anew() if newest_is_lost or not self._files else self._continue()

    # --- in

    def append(self, body: bytes, mark: str, rank: int, now_ms: int, uptime_ms: int) -> int:
        """Keep one payload; its ordinal. Raises SpoolFull when the disk takes no more."""
        self._bound(now_ms)
        ordinal = self.head.next_ordinal
        with self._writing() as db:
            db.execute("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?)", (ordinal, mark, rank, now_ms, uptime_ms, body))
            self._save(db, next_ordinal=ordinal + 1)
        return ordinal

    # --- out

    def pending(self, most: int) -> Pending | None:
        """The longest run of waiting items of one mark, with tombstones for those that are gone; None for nothing."""
        waiting = self._waiting(most)
        gone = self._gone()
        if not waiting and not gone:
            return None
        mark = waiting[0].mark if waiting else ""
        run = [x for n, x in enumerate(waiting) if all(y.mark == mark for y in waiting[: n + 1])]
        last = run[-1].ordinal if run else max(gone)
        if len(run) == len(waiting) < most:  # nothing else waits: tombstones at the end come along
            last = max([last, *gone])
        first, present = self.head.sealed_to + 1, {x.ordinal for x in run}
        last = min(last, first + MOST_GONE + most)
        absent: list[tuple[int, Reason]] = [
            (n, gone.get(n, "corrupt")) for n in range(first, last + 1) if n not in present
        ]
        run = [x for x in run if x.ordinal <= last]
        return Pending(
            Items(first, last, tombstones(absent)),
            mark,
            tuple(x.body for x in run),
            min((x.appended_ms for x in run), default=0),
            max((x.uptime_ms for x in run), default=0),
        )

    def seal(self, pending: Pending, make: Make, now_ms: int) -> int:
        """Write the batch down, then let go of its items; its sequence."""
        lost = self.lost()
        envelope, digest = make(self.head, lost)
        sequence, first, last = self.head.sequence + 1, pending.items.first, pending.items.last
        named = {x.sequence for x in lost}
        still = {k: v for k, v in self.head.open.items() if k not in named}
        row = (sequence, first, last, now_ms, msgspec.json.encode(envelope.headers), envelope.body)
        with self._writing() as db:
            db.execute("INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?)", row)
            self._save(db, sequence=sequence, previous=digest, sealed_to=last, open={**still, sequence: (first, last)})
        self._forget_sealed()
        return sequence

    def sealed(self) -> list[int]:
        """Sequences to deliver, ascending."""
        return sorted(row[0] for row in self._rows("SELECT sequence FROM batches"))

    def batch(self, sequence: int) -> Envelope:
        """The exact bytes of a sealed batch. Raises KeyError for one that is not there."""
        for headers, body in self._rows("SELECT headers, body FROM batches WHERE sequence = ?", sequence):
            return Envelope(msgspec.json.decode(headers, type=dict[str, str]), body)
        raise KeyError(sequence)

    def settle(self, sequence: int) -> None:
        """The platform has it, or refused it for ever: only now is it forgotten."""
        with self._writing() as db:
            self._save(db, open={k: v for k, v in self.head.open.items() if k != sequence})
        for db in self._files.values():
            with db:
                db.execute("DELETE FROM batches WHERE sequence = ?", (sequence,))
        self._unlink_empty()

    def lost(self) -> tuple[Lost, ...]:
        """Sealed batches that this device can't send any more."""
        there = set(self.sealed())
        return tuple(Lost(n, a, b, "corrupt") for n, (a, b) in sorted(self.head.open.items()) if n not in there)

    def depth(self) -> int:
        """Items appended and not settled."""
        waiting = sum(row[0] for row in self._rows("SELECT count(*) FROM items"))
        return int(waiting) + sum(last - first + 1 for first, last in self.head.open.values())

    def new_stream(self, bodies_of: Callable[[Envelope], list[bytes]]) -> None:
        """After a fork: whatever is not settled is appended again to a stream of its own, under ordinals of its own."""
        again = [
            Kept(0, "", 3, int(e.headers["eucora-clock"]), 0, body)
            for n in self.sealed()
            for e in (self.batch(n),)
            for body in bodies_of(e)
        ]
        again += self._waiting(-1)
        self._replace_all(Head(uuid.uuid4(), previous=self.head.previous, shed=self.head.shed), again)

    def close(self) -> None:
        for db in self._files.values():
            db.close()

    # --- bounds

    def _bound(self, now_ms: int) -> None:
        """Too old is expired; beyond the size the lowest ranks go, oldest first. Each leaves a tombstone."""
        for db in self._files.values():
            old = db.execute("SELECT ordinal FROM items WHERE appended_ms < ?", (now_ms - self._max_age_ms,)).fetchall()
            if old:
                self._bury(db, [row[0] for row in old], "expired")
        over = sum(size_of(self._path(n)) for n in self._files) - self._most_bytes
        if over > 0:
            self._shed(over)

    def _shed(self, over: int) -> None:
        buried = 0
        for db in self._files.values():
            chosen = []
            for ordinal, size in db.execute(
                "SELECT ordinal, length(body) FROM items WHERE rank < 3 ORDER BY rank, ordinal"
            ):
                if over <= 0:
                    break
                chosen.append(ordinal)
                over -= size
            if chosen:
                self._bury(db, chosen, "shed")
                db.execute("VACUUM")
                buried += len(chosen)
        if buried:
            with self._writing() as db:
                self._save(db, shed=self.head.shed + buried)

    def _bury(self, db: sqlite3.Connection, ordinals: list[int], reason: Reason) -> None:
        with db:
            db.executemany("DELETE FROM items WHERE ordinal = ?", [(n,) for n in ordinals])
            db.executemany("INSERT OR REPLACE INTO gone VALUES (?, ?)", [(n, reason) for n in ordinals])

    # --- files

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:08}.db"

    def _writing(self) -> "_Transaction":
        """A transaction in the newest file; a new one is begun when that has grown large."""
        newest = max(self._files)
        if size_of(self._path(newest)) >= FILE_BYTES:
            self._files[newest + 1] = open_file(self._path(newest + 1))
            with self._files[newest + 1] as db:
                self._save(db)
            newest += 1
        return _Transaction(self._files[newest])

    def _save(self, db: sqlite3.Connection, **changes: Any) -> None:
        head = msgspec.structs.replace(self.head, **changes)
        db.execute("INSERT OR REPLACE INTO head VALUES (1, ?)", (msgspec.json.encode(head),))
        self.head = head

    def _open_all(self) -> bool:
        """Open every file; a damaged one is set aside by renaming. Whether that was the newest."""
        numbers = sorted(int(path.stem) for path in self._folder.glob("*.db"))
        lost = False
        for n in numbers:
            try:
                self._files[n] = open_file(self._path(n), check=True)
                lost = n == numbers[-1] and self._stored_head() is None
            except sqlite3.DatabaseError:
                self._files.pop(n, None)
                self._path(n).rename(self._path(n).with_suffix(f".damaged-{uuid.uuid4().hex[:8]}"))
                self.damaged += 1
                lost = n == numbers[-1]
        return lost

    def _stored_head(self) -> Head | None:
        row = self._files[max(self._files)].execute("SELECT state FROM head").fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=Head)

    def _continue(self) -> Head:
        """The head as it was; items that a crash left behind after their sealing go."""
        head = self._stored_head()
        assert head is not None
        self.head = head
        self._forget_sealed()
        return self.head

    def _begin_anew(self) -> Head:
        """A new stream with what older files still hold; the first ever has nothing before it."""
        kept = sorted((Kept(*row) for row in self._rows("SELECT * FROM items")), key=lambda x: x.ordinal)
        self._replace_all(Head(uuid.uuid4(), previous=LOST if self.damaged else FIRST), kept)
        return self.head

    def _replace_all(self, head: Head, items: list[Kept]) -> None:
        """One new file with this head and these items, numbered anew, instead of all others."""
        old, number = self._files, max([0, *self._files]) + 1
        while self._path(number).exists():
            number += 1
        db = open_file(self._path(number))
        self.head = head
        with db:
            rows = [(n, x.mark, x.rank, x.appended_ms, x.uptime_ms, x.body) for n, x in enumerate(items, 1)]
            db.executemany("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?)", rows)
            self._save(db, next_ordinal=len(items) + 1)
        self._files = {number: db}
        for n, closed in old.items():
            closed.close()
            self._path(n).unlink()

    def _forget_sealed(self) -> None:
        for db in self._files.values():
            with db:
                db.execute("DELETE FROM items WHERE ordinal <= ?", (self.head.sealed_to,))
                db.execute("DELETE FROM gone WHERE ordinal <= ?", (self.head.sealed_to,))
        self._unlink_empty()

    def _unlink_empty(self) -> None:
        """Space comes back by unlinking."""
        for n in [n for n in self._files if n != max(self._files) and is_empty(self._files[n])]:
            self._files.pop(n).close()
            self._path(n).unlink()

    def _waiting(self, most: int) -> list[Kept]:
        """Items not yet sealed, ascending; at most `most`, all for -1."""
        query = "SELECT * FROM items WHERE ordinal > ? ORDER BY ordinal LIMIT ?"
        found = sorted((Kept(*row) for row in self._rows(query, self.head.sealed_to, most)), key=lambda x: x.ordinal)
        return found if most < 0 else found[:most]

    def _gone(self) -> dict[int, Reason]:
        return dict(
            self._rows("SELECT ordinal, reason FROM gone WHERE ordinal > ? ORDER BY ordinal", self.head.sealed_to)
        )

    def _rows(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        for n in sorted(self._files):
            yield from self._files[n].execute(query, values).fetchall()


class _Transaction:
    """A transaction whose failure for want of space is said in the agent's own words."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> sqlite3.Connection:
        return self._db.__enter__()

    def __exit__(self, kind: Any, exc: Any, trace: Any) -> None:
        self._db.__exit__(kind, exc, trace)
        if isinstance(exc, sqlite3.OperationalError):
            raise SpoolFull from exc
