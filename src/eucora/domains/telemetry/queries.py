"""Questions about samples and lines. What an erased person wrote is not told."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from eucora.archive import query
from eucora.archive.across import Across, By, Line, Op, across
from eucora.archive.query import Archive, Latest, LineKey, LineRow, Series
from eucora.domains.identity.queries import erased

KINDS = ("log", "event", "change", "crash", "deployment")


async def latest(archive: Archive, device: uuid.UUID) -> Latest:
    """The newest value of each metric of a device."""
    return await query.latest(archive, device)


async def series(
    archive: Archive, device: uuid.UUID, path: str, since: datetime, until: datetime, most: int = 20_000
) -> Series:
    """A metric of a device over time, oldest first. `path` as in the registry (hardware.cpu), or its end (cpu).

    Raises Refused (unknown) for a path that is no metric.
    """
    return await query.series(archive, device, query.resolve(path), since, until, most)


class Fleet(Struct, frozen=True):
    """One metric over many devices, in its canonical unit; `device` is null where it is all of them."""

    metric: str
    unit: str
    op: Op
    series: tuple[Line, ...]


async def fleet(
    archive: Archive,
    path: str,
    since: datetime,
    until: datetime,
    step: timedelta | None,
    op: Op,
    by: By,
    devices: Sequence[uuid.UUID] | None = None,
) -> Fleet:
    """A metric over devices. Raises Refused (unknown, bad-request)."""
    metric = query.resolve(path)
    found = await across(archive, Across(metric, since, until, step, op, by, devices))
    unit = "count" if op == "count" else f"{metric.unit}_per_second" if op == "rate" else metric.unit
    return Fleet(metric.path, unit, op, found)


async def lines(
    archive: Archive,
    device: uuid.UUID,
    kinds: Sequence[str],
    since: datetime,
    until: datetime,
    after: LineKey | None = None,
    limit: int = 100,
) -> list[LineRow]:
    """At most `limit` lines, newest first, behind `after`; `kinds` empty: all of log, event, change, crash, deployment."""
    found = await query.lines(archive, device, kinds or KINDS, since, until, after, limit)
    gone = await erased(archive.pool, {row.subject for row in found if row.subject is not None})
    return [replace(row, subject=None, text="", fields={}) if row.subject in gone else row for row in found]
