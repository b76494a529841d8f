"""Erasure in the journal: entries of an erased device are emptied; segments that hold some are written again.

Rule 1: a place stays: an emptied entry is read like any other and says nothing, so that no reader sees a hole. Rule 2: an
entry is touched only when every consumer is past it. Rule 3: a segment's new object is read back before it is named, and
the old one is deleted after. Sealing stands still meanwhile: what is sealed from emptied entries is empty.
"""

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import structlog
from msgspec import Struct
from msgspec.structs import replace

from eucora import sql
from eucora.batch import Entry
from eucora.journal import entries
from eucora.journal.cold import segment_at
from eucora.journal.keys import Keyring
from eucora.journal.seal import SQL as SEALING
from eucora.journal.seal import key_of, put
from eucora.journal.segment import Row, Segment, encode
from eucora.slice import Pool, Transaction
from eucora.stores.ports import Objects

SQL = sql.load(__file__, "scrub.sql")
ENTRIES_AT_ONCE = 500
SEGMENTS_A_TURN = 64
NOBODY = uuid.UUID(int=0)
"""The device of an emptied entry."""

Holds = Callable[[Entry], bool]
"""Whether an entry, opened, holds anything of what is to be erased."""

log = structlog.get_logger()


class Scrubbing(Struct, frozen=True, kw_only=True):
    """What is to go from a shard: all of a device (`holds` None: headers and all), or bodies in which something is found.

    `live`, `replay`: the shard's last positions when it was asked.
    """

    number: int
    device: uuid.UUID
    shard: int
    live: int
    replay: int
    asked_at: datetime
    holds: Holds | None = None


async def passed(db: Pool, one: Scrubbing) -> bool:
    """Whether everybody has read what there was."""
    return bool(await db.fetchval(SQL.passed, one.shard, one.live, one.replay))


async def scrub(pool: Pool, objects: Objects, keyring: Keyring, some: Sequence[Scrubbing]) -> bool:
    """Some erasures of one shard, all those up to the newest of them: whether nothing is left. A turn is bounded."""
    async with _alone(pool) as db:
        if db is None:
            return False
        for one in some:
            for lane in (0, 1):
                await _hot(db, keyring, one, lane)
        left = await _segments(db, objects, keyring, some)
        for (key,) in await db.fetch(SQL.replaced, SEGMENTS_A_TURN):
            await objects.delete(key)
            await db.execute(SQL.deleted, key)
    return not left


async def forget_key(pool: Pool, device: uuid.UUID) -> None:
    """That the device ever had a key. Later than every process has heard that it is destroyed."""
    await pool.execute(SQL.forget_key, device)


@asynccontextmanager
async def _alone(pool: Pool) -> AsyncIterator[Transaction | None]:
    """The turn of whoever seals."""
    async with pool.acquire() as db:
        if not await db.fetchval(SEALING.hold):
            yield None
            return
        try:
            yield db
        finally:
            await db.execute(SEALING.let_go)


async def _hot(db: Transaction, keyring: Keyring, one: Scrubbing, lane: int) -> None:
    at, upto = 0, one.replay if lane else one.live
    while True:
        rows = await db.fetch(SQL.hot, one.shard, lane, at, [one.device], ENTRIES_AT_ONCE)
        if not rows:
            return
        at = rows[-1]["position"]
        within = [row for row in rows if row["position"] <= upto]
        places = [row["position"] for row in within if one.holds is None]
        if one.holds is not None:
            opened = await _opened(keyring, within)
            places = [entry.position for entry in opened if entry.body is not None and one.holds(entry)]
        if places:
            await db.execute(SQL.scrub, one.shard, lane, places, one.holds is None)


async def _opened(keyring: Keyring, rows: Sequence[entries.Row]) -> list[Entry]:
    rows = [tuple(row) for row in rows]
    keys = await keyring.by_number({key for row in rows if (key := entries.key_needed(row)) is not None})
    return [entries.entry_of(row, keys) for row in rows]


async def _segments(db: Transaction, objects: Objects, keyring: Keyring, some: Sequence[Scrubbing]) -> bool:
    """Look through some segments; whether there may be more."""
    shard, upto, asked_at = some[0].shard, max(one.number for one in some), max(one.asked_at for one in some)
    found = await db.fetch(SQL.segments, shard, upto, asked_at, SEGMENTS_A_TURN)
    for key, digest in found:
        segment = await segment_at(objects, key, digest)
        scrubbed = await scrubbed_of(segment, keyring, some)
        if scrubbed == segment:
            await db.execute(SQL.swap, key, key, len(await asyncio.to_thread(encode, segment)), digest, upto)
            continue
        body = await asyncio.to_thread(encode, scrubbed)
        fresh = hashlib.sha256(body).digest()
        new = key_of(scrubbed, fresh)
        await put(objects, new, body, fresh)
        await db.execute(SQL.swap, key, new, len(body), fresh, upto)
        log.info("segment_scrubbed", shard=shard, first=segment.first, last=segment.last)
    return len(found) == SEGMENTS_A_TURN


async def scrubbed_of(segment: Segment, keyring: Keyring, some: Sequence[Scrubbing]) -> Segment:
    """The segment without what is to go; itself when it holds none of it."""
    rows = list(segment.entries)
    for one in some:
        mine = [n for n, row in enumerate(rows) if row.device == one.device]
        if one.holds is None:
            for n in mine:
                rows[n] = emptied(rows[n])
            continue
        opened = await _opened(keyring, [entries.as_read(rows[n]) for n in mine])
        for n, entry in zip(mine, opened, strict=True):
            if entry.body is not None and one.holds(entry):
                rows[n] = replace(rows[n], body=None)
    return replace(segment, entries=tuple(rows))


def emptied(row: Row) -> Row:
    """Its place, and nothing else."""
    return Row(
        row.shard, row.lane, row.position, row.epoch, row.received, NOBODY, NOBODY, 0, 0, 0, 0,
        None, "", b"", b"", b"", None, None, None, None,
    )  # fmt: skip
