"""Objects go: replaced ones after the longest query that may still read them, and those that nobody names after a day."""

from datetime import datetime, timedelta

from eucora.archive.compact import GRACE
from eucora.archive.files import SQL
from eucora.archive.parquet import KINDS
from eucora.archive.turn import turn
from eucora.slice import Pool, Transaction
from eucora.stores.ports import Objects

AT_ONCE = 100
MOST_EPOCHS = 100
PAGE = 500
STRAYING = timedelta(days=1)
"""Under the turn nothing unnamed is anybody's; a day is for whoever restores a database in that time."""


async def delete_replaced(pool: Pool, objects: Objects, now: datetime) -> int:
    """Delete some of the objects that were replaced long enough ago; how many."""
    async with turn(pool) as db:
        if db is None:
            return 0
        found = await db.fetch(SQL.replaced, now - GRACE, AT_ONCE)
        for row in found:
            await objects.delete(row["object"])
            await db.execute(SQL.deleted, row["object"])
    return len(found)


async def sweep(pool: Pool, objects: Objects, epoch: int, now: datetime) -> int:
    """List all objects of this epoch and those before, and delete what nobody named for a day; how many.

    What was stored after a backup is nobody's once that was put back: of files, and of segments of the journal.
    """
    async with turn(pool) as db:
        if db is None:
            return 0
        folders = [
            *(f"archive/{kind}/{each}/" for each in _upto(epoch) for kind in KINDS),
            *(f"journal/{each}/" for each in _upto(epoch)),
        ]
        return sum([await _of_folder(db, objects, folder, now) for folder in folders])


def _upto(epoch: int) -> range:
    """The epochs that there may be something of."""
    return range(max(1, epoch - MOST_EPOCHS), epoch + 1)


async def _of_folder(db: Transaction, objects: Objects, prefix: str, now: datetime) -> int:
    gone, page = 0, []
    async for stored in objects.list(prefix):
        page.append(stored.key)
        if len(page) == PAGE:
            gone += await _sweep(db, objects, page, now)
            page = []
    return gone + await _sweep(db, objects, page, now)


async def _sweep(db: Transaction, objects: Objects, page: list[str], now: datetime) -> int:
    unnamed = [row["object"] for row in await db.fetch(SQL.unnamed, page)]
    await db.execute(SQL.stray, unnamed, now)
    old = [row["object"] for row in await db.fetch(SQL.old_strays, unnamed, now - STRAYING)]
    for key in old:
        await objects.delete(key)
        await db.execute(SQL.stray_deleted, key, now)
    return len(old)
