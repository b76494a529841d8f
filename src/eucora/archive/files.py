"""The catalogue of files, and the snapshot in which a query takes each window from exactly one place."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime

from msgspec import Struct

from eucora.archive import bloom
from eucora.slice import Pool, Transaction
from eucora.sql import load

SQL = load(__file__, "files.sql")


class Gone(Exception):
    """A file is current no more."""


class File(Struct, frozen=True, kw_only=True):
    """Rows of one kind and event day, from the windows first to last."""

    kind: str
    object: str
    day: date
    first: int
    last: int
    generation: int
    rows: int
    size: int
    digest: bytes
    since: datetime
    until: datetime
    masks: int = 0
    width: int = 0
    traces: bytes | None = None
    """Of spans, when it is written: which traces are in it (`bloom`)."""


class Snapshot(Struct, frozen=True):
    """What one query reads: hot rows of these windows by `db`, and the files that it asks for."""

    db: Transaction
    hot: list[int]

    async def files(self, kind: str, since: datetime | None = None, until: datetime | None = None) -> list[File]:
        """Current files that hold rows in [since, until), newest first."""
        return [File(**row) for row in await self.db.fetch(SQL.current, kind, since, until)]

    async def files_of_trace(self, trace_id: str) -> list[File]:
        """Current files of spans that may hold a trace."""
        rows = [dict(row) for row in await self.db.fetch(SQL.of_trace, bloom.number(trace_id), bloom.BLOCK)]
        blocks = [row.pop("block") for row in rows]
        may = [block is None or bloom.may_hold(block, trace_id) for block in blocks]
        return [File(**row) for row, here in zip(rows, may, strict=True) if here]


@asynccontextmanager
async def snapshot(pool: Pool) -> AsyncIterator[Snapshot]:
    """One moment of the archive: a window that is sealed meanwhile is still read from where it was.

    Files are read after it has ended: they stay for a grace, and a session that waits for a store would be cut.
    """
    async with pool.acquire() as db, db.transaction(isolation="repeatable_read", readonly=True):
        yield Snapshot(db, await db.fetchval(SQL.hot))


async def replace(tx: Transaction, old: Sequence[File], new: Sequence[File]) -> None:
    """Name new files in place of old ones. Raises Gone when one of those was replaced already."""
    if len(await tx.fetch(SQL.replace, [file.object for file in old])) != len(old):
        raise Gone
    await record(tx, new)


async def record(tx: Transaction, files: Sequence[File]) -> None:
    """Name new files. In the transaction that makes them the place to read from."""
    await tx.executemany(SQL.record, [tuple(getattr(f, n) for n in File.__struct_fields__) for f in files])
