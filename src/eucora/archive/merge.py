"""Files are written again: small ones of one event day as one, and those with erased rows without them.

The new file is stored, read back and swapped in by one transaction, under a new generation; whoever began to read the old
ones ends with them. A step fetches at most MOST_BYTES, so that memory and the temporary folder are bounded.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, TypeAlias

import structlog

from eucora.archive import files, masks
from eucora.archive.files import SQL, File
from eucora.archive.parquet import NARROW, ROWS_A_FILE, holds, write_again
from eucora.archive.store import Place, fetch, put_all
from eucora.archive.turn import turn
from eucora.slice import Pool, Transaction
from eucora.stores.ports import Objects

SMALL_BYTES = 16 * 2**20
MOST_BYTES = 128 * 2**20
FEW = 8
"""Files of a day that are worth one: every row is written again once for each eightfold of its file."""
MOST_TIMES = 5
"""Eight to the fifth files; and what does not become fewer is not written again for ever."""
YOUNG = timedelta(hours=1)
STEPS = 4
LOOKS = 16

Then: TypeAlias = Callable[[Transaction, Sequence[File]], Awaitable[None]]

log = structlog.get_logger()


async def nothing(tx: Transaction, made: Sequence[File]) -> None:
    """What else happens when files are replaced, mostly."""


async def merge(pool: Pool, objects: Objects, epoch: int, now: datetime) -> int:
    """Merge small files, a few groups a call; how many files are gone for that."""
    gone = 0
    async with turn(pool) as db:
        if db is not None:
            small = [File(**row) for row in await db.fetch(SQL.small, SMALL_BYTES, now - YOUNG, NARROW)]
            for group in groups(small)[:STEPS]:
                made = await rewrite(db, objects, epoch, group)
                gone += len(group) - len(made)
    return gone


async def clean(pool: Pool, objects: Objects, epoch: int, now: datetime) -> list[int]:
    """Look through a few files for what was erased and write them again without it; which erasures are done now."""
    async with turn(pool) as db:
        if db is None:
            return []
        for row in await db.fetch(SQL.unclean, LOOKS):
            await _clean(db, objects, epoch, File(**row))
        return list(await masks.settle(db, now))


def groups(small: Sequence[File]) -> list[list[File]]:
    """Neighbours of one kind, day and width that are worth one file, and fit one."""
    found: list[list[File]] = []
    for _, day in groupby(sorted(small, key=_alike), key=_alike):
        group: list[File] = []
        for file in day:
            whole = [*group, file]
            if sum(f.size for f in whole) > MOST_BYTES or sum(f.rows for f in whole) > ROWS_A_FILE:
                found.append(group)
                group = []
            group.append(file)
        found.append(group)
    return [group for group in found if len(group) >= FEW and group[0].generation < MOST_TIMES]


def _alike(file: File) -> tuple[Any, ...]:
    return file.kind, file.day, file.width > NARROW, file.generation >= MOST_TIMES


async def _clean(db: Transaction, objects: Objects, epoch: int, file: File) -> None:
    newest = await masks.newest(db)
    hidden = await masks.beyond(db, file.masks)
    with folder() as here:
        path = await fetch(objects, file, here)
        if not await asyncio.to_thread(holds, [path], hidden):
            await db.execute(SQL.looked_through, file.object, newest)
            return
    await rewrite(db, objects, epoch, [file])


async def rewrite(
    db: Transaction,
    objects: Objects,
    epoch: int,
    old: Sequence[File],
    expired: Sequence[int] = (),
    then: Then = nothing,
) -> list[File]:
    """One file, or none, in place of some; without what is masked by now, and without rows of expired shapes.

    `then` is in the transaction that names the new file.
    """
    made = await remade(db, objects, epoch, old, expired=expired)
    async with db.transaction():
        await files.replace(db, old, made)
        await then(db, made)
    log.info("files_written_again", kind=old[0].kind, day=str(old[0].day), before=len(old), after=len(made))
    return made


async def remade(
    db: Transaction,
    objects: Objects,
    epoch: int,
    old: Sequence[File],
    *,
    expired: Sequence[int] = (),
    entries: Path | None = None,
) -> list[File]:
    """Files of one kind and day written again, and not named yet: without what is masked by now, without rows of expired

    shapes and of some entries.
    """
    newest = await masks.newest(db)
    hidden = await masks.beyond(db, min(file.masks for file in old))
    kind: Any = old[0].kind
    place = Place(
        kind=kind,
        epoch=epoch,
        first=min(file.first for file in old),
        last=max(file.last for file in old),
        generation=max(file.generation for file in old) + 1,
        masks=newest,
    )
    with folder() as here:
        paths = [await fetch(objects, file, here) for file in old]
        written = await asyncio.to_thread(write_again, kind, paths, hidden, here, expired, entries)
        return await put_all(objects, written, place)


@contextmanager
def folder() -> Iterator[Path]:
    """Of this step alone, and gone with it."""
    here = Path(tempfile.mkdtemp(prefix="eucora-archive-"))
    try:
        yield here
    finally:
        shutil.rmtree(here)
