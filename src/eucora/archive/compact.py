"""A closed window becomes files: written, stored, read back, and then in one transaction the place to read it from.

Rule 1: nothing is read from a file before it was read back equal from the store. Rule 2: a window is at all times read
from exactly one place. Rule 3: hot rows go only after the longest query that may still read them. A crash anywhere
leaves objects that nobody names, and the window is compacted again.
"""

import asyncio
import shutil
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from eucora.archive import files, masks
from eucora.archive.files import File
from eucora.archive.parquet import KINDS, Kind, Unfit, write_days
from eucora.archive.store import Place, put_all
from eucora.archive.turn import turn
from eucora.slice import Pool, Transaction
from eucora.sql import load
from eucora.stores.ports import Objects
from eucora.stores.postgres import translated

SQL = load(__file__, "compact.sql")
GRACE = timedelta(minutes=10)
"""Longer than any query runs."""
COPY_S = 1800.0
"""A window of a large fleet takes longer than any other statement may."""

log = structlog.get_logger()


async def compact(pool: Pool, objects: Objects, epoch: int) -> list[int]:
    """Seal every closed window, oldest first; which. Raises TryLater when a store is away: then the rest comes later.

    A window that does not become files is passed by, and tried again with the next call.
    """
    sealed: list[int] = []
    failed: Unfit | None = None
    async with turn(pool) as db:
        if db is None:
            return []
        for row in await db.fetch(SQL.closed):
            try:
                await _seal(db, objects, row["window"], epoch)
                sealed.append(row["window"])
            except Unfit as exc:
                log.error("window_not_sealed", window=row["window"], reason=str(exc))
                failed = exc
    if failed is not None:
        raise failed
    return sealed


async def drop(pool: Pool, now: datetime) -> list[int]:
    """Drop the hot rows of windows that were sealed long enough ago; which. One that is being read waits."""
    with translated():
        return list(await pool.fetchval(SQL.drop, now - GRACE))


async def _seal(db: Transaction, objects: Objects, window: int, epoch: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="eucora-archive-"))
    try:
        respected = await masks.newest(db)  # before any row is read
        made = [file for kind in KINDS for file in await _store(db, objects, window, epoch, kind, respected, folder)]
        async with db.transaction():
            if await db.fetchval(SQL.seal, window) is None:
                return  # sealed meanwhile
            await files.record(db, made)
    finally:
        shutil.rmtree(folder)
    log.info("window_sealed", window=window, files=len(made), rows=sum(f.rows for f in made))


async def _store(
    db: Transaction, objects: Objects, window: int, epoch: int, kind: Kind, respected: int, folder: Path
) -> list[File]:
    """The files of one kind, stored and read back."""
    csv = folder / f"{kind}.csv"
    await db.copy_from_query(getattr(SQL, kind), window, output=csv, format="csv", timeout=COPY_S)
    written = await asyncio.to_thread(write_days, kind, csv, folder)
    csv.unlink()
    place = Place(kind=kind, epoch=epoch, first=window, last=window, generation=0, masks=respected)
    return await put_all(objects, written, place)
