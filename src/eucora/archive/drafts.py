"""Sealed windows written anew: rows of some entries go out of the files that hold them, drafts come in their place.

Rule 1: drafts lie in tables of one session, which nobody else can read. Rule 2: rows out and rows in are named by one
transaction, so that no question ever sees both, or neither. Rule 3: what is erased by then is in no new file. A crash
leaves objects that nobody names.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from eucora.archive import files, masks, rows
from eucora.archive.compact import COPY_S
from eucora.archive.files import File
from eucora.archive.merge import folder, remade
from eucora.archive.parquet import KINDS, Kind, holds_of, write_days
from eucora.archive.rows import Row
from eucora.archive.store import Place, fetch, put_all
from eucora.slice import Transaction
from eucora.sql import load
from eucora.stores.ports import Objects

SQL = load(__file__, "drafts.sql")

Entry = tuple[int, int, int]
"""(shard, lane, position)."""

log = structlog.get_logger()


class Drafts:
    """What will stand in place of what stands there now, and of which entries it was made."""

    def __init__(self, db: Transaction, here: Path, respected: int) -> None:
        self.db, self.here, self.respected = db, here, respected
        self.entries = here / "entries.csv"

    def of(self, entries: Iterable[Entry]) -> None:
        """Rows of these entries go."""
        with self.entries.open("a", encoding="ascii") as listed:
            listed.writelines(f"{shard},{lane},{position}\n" for shard, lane, position in entries)

    async def write(
        self,
        tx: Transaction,
        metrics: Sequence[Row],
        lines: Sequence[Row],
        spans: Sequence[Row],
        shapes: Mapping[int, int],
    ) -> None:
        """As `rows.write`, out of everybody's sight. `tx` is the drafts' own session."""
        await rows.copy(tx, "draft", 0, metrics, lines, spans, shapes)


@asynccontextmanager
async def drafting(db: Transaction) -> AsyncIterator[Drafts]:
    """Empty drafts in the session that holds the turn."""
    with folder() as here:
        respected = await masks.newest(db)  # before any row is made
        await db.execute(SQL.drop)
        for kind in KINDS:
            await db.execute(getattr(SQL, f"make_{kind}"))
        drafts = Drafts(db, here, respected)
        drafts.of(())
        try:
            yield drafts
        finally:
            await db.execute(SQL.drop)


async def swap(
    drafts: Drafts,
    objects: Objects,
    epoch: int,
    first: int,
    last: int,
    then: Callable[[Transaction], Awaitable[None]],
) -> None:
    """The drafts in place of what the windows first to last hold of their entries; `then` in the same transaction."""
    db = drafts.db
    there = [File(**row) for row in await db.fetch(files.SQL.overlapping, first, last)]
    generation = 1 + max((file.generation for file in there), default=0)
    made: list[File] = []
    for kind in KINDS:
        place = Place(kind=kind, epoch=epoch, first=first, last=last, generation=generation, masks=drafts.respected)
        made += await _stored(drafts, objects, kind, place)
    old: list[File] = []
    for file in there:
        if await _holds(drafts, objects, file):
            made += await remade(db, objects, epoch, [file], entries=drafts.entries)
            old.append(file)
    async with db.transaction():
        await files.replace(db, old, made)
        await then(db)
    log.info("windows_written_anew", first=first, last=last, before=len(old), after=len(made))


async def _stored(drafts: Drafts, objects: Objects, kind: Kind, place: Place) -> list[File]:
    csv = drafts.here / f"{kind}.csv"
    await drafts.db.copy_from_query(getattr(SQL, kind), output=csv, format="csv", timeout=COPY_S)
    written = await asyncio.to_thread(write_days, kind, csv, drafts.here)
    csv.unlink()
    return await put_all(objects, written, place)


async def _holds(drafts: Drafts, objects: Objects, file: File) -> bool:
    with folder() as here:
        path = await fetch(objects, file, here)
        return await asyncio.to_thread(holds_of, [path], drafts.entries)
