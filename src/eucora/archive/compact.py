"""A closed window becomes files: written, stored, read back, and then in one transaction the place to read it from.

Rule 1: nothing is read from a file before it was read back equal from the store. Rule 2: a window is at all times read
from exactly one place. Rule 3: hot rows go only after the longest query that may still read them. A crash anywhere
leaves objects that nobody names, and the window is compacted again.
"""

import asyncio
import hashlib
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from eucora.archive import files
from eucora.archive.files import File
from eucora.archive.parquet import KINDS, Kind, Written, write_days
from eucora.problems import TryLater
from eucora.slice import Pool, Transaction
from eucora.sql import load
from eucora.stores.ports import Objects
from eucora.stores.postgres import translated

SQL = load(__file__, "compact.sql")
GRACE = timedelta(minutes=10)
"""Longer than any query runs."""

log = structlog.get_logger()


async def compact(pool: Pool, objects: Objects, epoch: int) -> list[int]:
    """Seal every closed window, oldest first; which. Raises TryLater when a store is away: then the rest comes later."""
    sealed: list[int] = []
    with translated():
        async with pool.acquire() as db:
            if not await db.fetchval(SQL.hold):
                return []  # another worker is at it
            try:
                while (window := await db.fetchval(SQL.oldest_closed)) is not None:
                    await _seal(db, objects, window, epoch)
                    sealed.append(window)
            finally:
                await db.execute(SQL.let_go)
    return sealed


async def drop(pool: Pool, now: datetime) -> list[int]:
    """Drop the hot rows of windows that were sealed long enough ago; which. One that is being read waits."""
    with translated():
        return list(await pool.fetchval(SQL.drop, now - GRACE))


async def _seal(db: Transaction, objects: Objects, window: int, epoch: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="eucora-archive-"))
    try:
        made = [file for kind in KINDS for file in await _store(db, objects, window, epoch, kind, folder)]
        async with db.transaction():
            if await db.fetchval(SQL.seal, window) is None:
                return  # sealed meanwhile
            await files.record(db, made)
    finally:
        shutil.rmtree(folder)
    log.info("window_sealed", window=window, files=len(made), rows=sum(f.rows for f in made))


async def _store(db: Transaction, objects: Objects, window: int, epoch: int, kind: Kind, folder: Path) -> list[File]:
    """The files of one kind, stored and read back."""
    csv = folder / f"{kind}.csv"
    await db.copy_from_query(getattr(SQL, kind), window, output=csv, format="csv")
    written = await asyncio.to_thread(write_days, kind, csv, folder)
    csv.unlink()
    made = []
    for number, each in enumerate(written):
        made.append(await _put(objects, f"archive/{kind}/{epoch}/{window}/0/{each.day}-{number}", each, kind, window))
    return made


async def _put(objects: Objects, place: str, written: Written, kind: Kind, window: int) -> File:
    body = written.path.read_bytes()
    digest = hashlib.sha256(body).digest()
    key = f"{place}-{digest.hex()[:16]}.parquet"  # a zombie's late write never changes what another has recorded
    await objects.put(key, body)
    back = await objects.get(key)
    if back is None or hashlib.sha256(back).digest() != digest:
        raise TryLater("store-unavailable", f"{key} was not read back equal")
    return File(
        kind=kind,
        object=key,
        day=written.day,
        first=window,
        last=window,
        generation=0,
        rows=written.rows,
        size=len(body),
        digest=digest,
        since=written.since.replace(tzinfo=UTC),
        until=written.until.replace(tzinfo=UTC),
    )
