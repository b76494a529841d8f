"""Days of the journal become segments: written, stored, read back equal, named; and only then is their partition dropped.

Rule 1: entries are kept as they are; no body is opened. Rule 2: a place is sealed from its first position on without a
hole. Rule 3: a partition goes when every cursor is past it and all its positions stand in segments, which the database
itself checks under the lock; and never while the store is away. A crash anywhere leaves at most an object that nobody
names, under a key that the same entries give again. What was chosen and why: docs/decisions/journal-segments.md.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile

import structlog
from msgspec import Struct

from eucora import sql
from eucora.journal.segment import NotASegment, Row, Segment, encode, segment_of
from eucora.problems import EucoraError, TryLater
from eucora.slice import Pool, Transaction
from eucora.stores.ports import Objects
from eucora.stores.postgres import translated

SQL = sql.load(__file__, "segments.sql")
SEGMENT_BYTES = 4 * 2**20
SEGMENT_ENTRIES = 4_096
MOST_A_TURN = 256
"""Segments that one turn makes: a gigabyte; the next turn goes on."""

log = structlog.get_logger()


class Incomplete(EucoraError):
    """A position is not where it was received: the database was damaged, and is to be restored from its backup."""


class Sealed(Struct, frozen=True):
    """What one turn did: segments made, days dropped."""

    segments: int = 0
    dropped: tuple[date, ...] = ()


async def seal(pool: Pool, objects: Objects, now: datetime, hot: timedelta) -> Sealed:
    """Seal the days that ended longer ago than `hot`, oldest first, and drop those that all have read.

    One worker at a time; a turn is bounded, and what it leaves comes with the next. Raises TryLater when a store is away.
    """
    with translated():
        async with pool.acquire() as db:
            if not await db.fetchval(SQL.hold):
                return Sealed()
            try:
                return await _turn(db, objects, (now - hot).astimezone(UTC).date())
            finally:
                await db.execute(SQL.let_go)


async def _turn(db: Transaction, objects: Objects, before: date) -> Sealed:
    days = [day for (day,) in await db.fetch(SQL.days, before)]
    made = 0
    for day in days:
        made += await _seal_day(db, objects, day, MOST_A_TURN - made)
        if made >= MOST_A_TURN:
            break
    return Sealed(made, tuple(await _drop(db, objects, before)) if days else ())


async def _seal_day(db: Transaction, objects: Objects, day: date, most: int) -> int:
    """Up to `most` segments of a day, place by place; how many."""
    since = datetime.combine(day, time(), UTC)
    span, made = (since, since + timedelta(days=1)), 0
    for shard, lane, at, last in await db.fetch(SQL.unsealed, *span):
        while at <= last and made < most:
            rows = await _stretch(db, shard, lane, at, last, span)
            segment = _segment(rows, at)
            await _store(db, objects, segment)
            at, made = segment.last + 1, made + 1
    if made:
        log.info("journal_sealed", day=str(day), segments=made)
    return made


async def _stretch(
    db: Transaction, shard: int, lane: int, at: int, last: int, span: tuple[datetime, datetime]
) -> Sequence[Row]:
    """Neighbours from a position on, of one epoch, a few megabytes."""
    upto = min(last, at + SEGMENT_ENTRIES - 1)
    found = [Row(*row) for row in await db.fetch(SQL.stretch, shard, lane, at, upto, *span, SEGMENT_BYTES)]
    return tuple(takewhile(lambda row: row.epoch == found[0].epoch, found))


def _segment(rows: Sequence[Row], at: int) -> Segment:
    if not rows or rows[0].position != at:
        raise Incomplete(f"position {at} of the journal is missing, and nothing is sealed over a hole")
    try:
        return segment_of(tuple(rows))
    except NotASegment as exc:
        raise Incomplete(f"{exc}, and nothing is sealed over a hole") from exc


async def _store(db: Transaction, objects: Objects, segment: Segment) -> None:
    """Put, read back, name."""
    body = await asyncio.to_thread(encode, segment)
    digest = hashlib.sha256(body).digest()
    key = key_of(segment, digest)
    await put(objects, key, body, digest)
    head, tail = segment.entries[0], segment.entries[-1]
    await db.execute(
        SQL.record, head.shard, head.lane, head.position, tail.position, head.epoch, head.received, tail.received,
        key, len(body), digest,
    )  # fmt: skip


async def put(objects: Objects, key: str, body: bytes, digest: bytes) -> None:
    """Stored, and read back equal. Raises TryLater."""
    await objects.put(key, body)
    await _read_back(objects, key, digest)


def key_of(segment: Segment, digest: bytes) -> str:
    """Ends in the digest: what a stopped worker writes late never changes what another has named."""
    place = f"journal/{segment.epoch}/{segment.shard}/{segment.lane}"
    return f"{place}/{segment.first:019}-{segment.last:019}-{digest.hex()[:16]}.msgpack.zst"


async def _read_back(objects: Objects, key: str, digest: bytes) -> None:
    back = await objects.get(key)
    if back is None or hashlib.sha256(back).digest() != digest:
        raise TryLater("store-unavailable", f"{key} was not read back equal")


async def _drop(db: Transaction, objects: Objects, before: date) -> list[date]:
    """Days that are sealed and read by all; none while the store does not give back what it was given."""
    newest = await db.fetchrow(SQL.newest)
    if newest is not None:
        await _read_back(objects, *newest)
    dropped = []
    while (day := await db.fetchval(SQL.drop, before)) is not None:
        log.info("journal_day_dropped", day=str(day))
        dropped.append(day)
    return dropped
