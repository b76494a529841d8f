"""Entries that are not hot any more, read from their segments by position. A store that is away is TryLater.

A reader takes a part of a segment at a time, so the last few are kept. As few segments as will do are opened a read,
the oldest first: a share of each place would open one a place for a handful of entries.
"""

import asyncio
import hashlib
from collections.abc import Mapping

from eucora import sql
from eucora.journal import entries
from eucora.journal.port import Place
from eucora.journal.segment import NotASegment, Row, Segment, decode
from eucora.problems import TryLater
from eucora.slice import Pool
from eucora.stores.ports import Objects

SQL = sql.load(__file__, "segments.sql")
KEPT = 4
"""Segments kept in memory: a few megabytes each."""


class Cold:
    """Reads segments by the index in PostgreSQL; each is held against its digest."""

    def __init__(self, pool: Pool, objects: Objects) -> None:
        self._pool, self._objects = pool, objects
        self._kept: dict[str, Segment] = {}

    async def read(self, after: Mapping[Place, int], most: int, most_bytes: int) -> list[entries.Row]:
        """Up to `most` entries beyond these positions, a place's in order; nothing of a place that no segment holds.

        Ends with the body that reaches `most_bytes`.
        """
        rows: list[entries.Row] = []
        shards, lanes = [shard for shard, _ in after], [lane for _, lane in after]
        for shard, lane, first, key, digest in await self._pool.fetch(
            SQL.holding, shards, lanes, [position + 1 for position in after.values()]
        ):
            segment = await self._segment(key, digest)
            skip = after[shard, lane] + 1 - first
            part = _within(segment.entries[skip : skip + most], most_bytes)
            rows += map(entries.as_read, part)
            most, most_bytes = most - len(part), most_bytes - sum(len(row.body or b"") for row in part)
            if most <= 0 or most_bytes <= 0:
                break
        return rows

    async def _segment(self, key: str, digest: bytes) -> Segment:
        segment = self._kept.pop(key, None) or await segment_at(self._objects, key, digest)
        self._kept[key] = segment  # the one used last stands last
        while len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        return segment


async def segment_at(objects: Objects, key: str, digest: bytes) -> Segment:
    """A segment by its object, held against its digest. Raises TryLater when it is not what was stored."""
    data = await objects.get(key)
    if data is None or hashlib.sha256(data).digest() != digest:
        raise TryLater("store-unavailable", f"{key} is not what was stored")
    try:
        return await asyncio.to_thread(decode, data)
    except NotASegment as exc:
        raise TryLater("store-unavailable", f"{key} can not be read: {exc}") from exc


def _within(rows: tuple[Row, ...], most_bytes: int) -> tuple[Row, ...]:
    """The first of them, up to and with the body that reaches so many bytes."""
    size = 0
    for count, row in enumerate(rows, 1):
        size += len(row.body or b"")
        if size >= most_bytes:
            return rows[:count]
    return rows
