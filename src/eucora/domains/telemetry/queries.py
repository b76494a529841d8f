"""Questions about samples and lines. What an erased person wrote is not told."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from eucora.archive import query
from eucora.archive.query import Latest, LineKey, LineRow, Series
from eucora.domains.identity.queries import erased
from eucora.slice import Pool, Transaction

KINDS = ("log", "event", "change", "crash", "deployment")


async def latest(db: Pool | Transaction, device: uuid.UUID) -> Latest:
    """The newest value of each metric of a device."""
    return await query.latest(db, device)


async def series(
    db: Pool | Transaction, device: uuid.UUID, path: str, since: datetime, until: datetime, most: int = 20_000
) -> Series:
    """A metric of a device over time, oldest first. `path` as in the registry (hardware.cpu), or its end (cpu).

    Raises Refused (unknown) for a path that is no metric.
    """
    return await query.series(db, device, query.resolve(path), since, until, most)


async def lines(
    db: Pool | Transaction,
    device: uuid.UUID,
    kinds: Sequence[str],
    since: datetime,
    until: datetime,
    after: LineKey | None = None,
    limit: int = 100,
) -> list[LineRow]:
    """At most `limit` lines, newest first, behind `after`; `kinds` empty: all of log, event, change, crash, deployment."""
    found = await query.lines(db, device, kinds or KINDS, since, until, after, limit)
    gone = await erased(db, {row.subject for row in found if row.subject is not None})
    return [replace(row, subject=None, text="", fields={}) if row.subject in gone else row for row in found]
