"""Questions about samples, lines and spans. What an erased person wrote is not told, and not found by what it says."""

import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from eucora.archive import lines as archived_lines
from eucora.archive import query
from eucora.archive import spans as archived_spans
from eucora.archive.across import Across, By, Line, Op, Point, across, instant, points
from eucora.archive.lines import Lines
from eucora.archive.query import Archive, Latest, LineRow, Series
from eucora.archive.spans import SpanRow, Spans
from eucora.clock import EPOCH
from eucora.domains.devices.queries import held
from eucora.domains.devices.records import GROUPS
from eucora.domains.identity.queries import erased
from eucora.problems import Refused

T = TypeVar("T")
KINDS = ("log", "event", "change", "crash", "deployment")
DAY = timedelta(days=1)
A_DAY = 200_000
"""Points of a metric of a device that one day may hold: more than a sample a second."""


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


async def series_points(
    archive: Archive, device: uuid.UUID, path: str, since: datetime, until: datetime
) -> AsyncGenerator[list[Point]]:
    """All of them, day by day, so that they are never all in memory."""
    query.resolve(path)
    ends = await query.extent(archive, device)
    if ends is None:
        return
    since, until = max(since, ends[0]), min(until, ends[1] + timedelta(microseconds=1))
    while since < until:
        end = min(until, since + DAY)
        day = await series(archive, device, path, since, end, A_DAY)
        named = [((), day.points), *((each.labels, each.points) for each in day.labelled)]
        yield sorted(
            (Point(device, None, labels, time, value) for labels, found in named for time, value in found),
            key=lambda point: (point.time, point.labels),
        )
        since = end


class Asked(Struct, frozen=True, kw_only=True):
    """A metric over devices: by device, over the fleet, or by what devices can be grouped by."""

    path: str
    since: datetime
    until: datetime
    step: timedelta | None
    op: Op
    by: str
    devices: Sequence[uuid.UUID] | None = None


class Fleet(Struct, frozen=True):
    """One metric over many devices, in its canonical unit; `device` and `group` are null where they are not asked for."""

    metric: str
    unit: str
    op: Op
    series: tuple[Line, ...]


class Moment(Struct, frozen=True):
    """The newest values at a moment, in the metric's canonical unit."""

    metric: str
    unit: str
    op: Op
    values: tuple[Point, ...]


async def fleet(archive: Archive, asked: Asked) -> Fleet:
    """A metric over devices. Raises Refused (unknown, bad-request)."""
    asks = _across(archive, asked)
    return Fleet(asks.metric.path, unit_of(asked), asked.op, await across(archive, asks))


def fleet_points(archive: Archive, asked: Asked) -> AsyncGenerator[list[Point]]:
    """The same, point by point, part by part of the span."""
    return points(archive, _across(archive, asked))


async def moment(archive: Archive, asked: Asked) -> Moment:
    """The newest value of each device, or of groups and the fleet their `op`. Raises Refused (unknown, bad-request)."""
    asks = _across(archive, asked)
    return Moment(asks.metric.path, unit_of(asked), asked.op, tuple(await instant(archive, asks)))


def unit_of(asked: Asked) -> str:
    """What the values of an answer are counted in."""
    unit = query.resolve(asked.path).unit
    return "count" if asked.op == "count" else f"{unit}_per_second" if asked.op == "rate" else unit


def _across(archive: Archive, asked: Asked) -> Across:
    by: By = "device" if asked.by == "device" else "fleet" if asked.by == "fleet" else "group"
    if by == "group" and asked.by not in GROUPS:
        raise Refused("bad-request", f"by is device, fleet, {', '.join(GROUPS)}")
    known = partial(held, archive.pool, GROUPS[asked.by], asked.devices) if by == "group" else None
    since = asked.since if asked.step is None else whole(asked.since, asked.step)
    return Across(query.resolve(asked.path), since, asked.until, asked.step, asked.op, by, asked.devices, known)


def whole(since: datetime, step: timedelta) -> datetime:
    """The beginning of the step in which a moment lies. Steps of an hour begin at whole hours (UTC), those of a day at
    midnight: the same question a minute later asks for the same steps, and days are read once."""
    try:
        return since if step <= timedelta(0) else since - (since - EPOCH) % step
    except OverflowError:  # of the year 1
        return since


async def lines(archive: Archive, asks: Lines, limit: int) -> list[LineRow]:
    """The first `limit` lines, newest first."""
    return await _first(told_lines(archive, asks, limit), limit)


async def told_lines(archive: Archive, asks: Lines, most: int | None = None) -> AsyncGenerator[list[LineRow]]:
    """Lines in lists, newest first. A line of an erased person is there without what it said, unless it was asked for by
    what it said."""
    by_content = bool(asks.words or asks.fields)
    async with aclosing(archived_lines.lines(archive, asks, most)) as found:
        async for rows in found:
            gone = await erased(archive.pool, {row.subject for row in rows if row.subject is not None})
            yield [
                replace(row, subject=None, text="", fields={}) if row.subject in gone else row
                for row in rows
                if not (by_content and row.subject in gone)
            ]


async def spans(archive: Archive, asks: Spans, limit: int) -> list[SpanRow]:
    """The first `limit` spans, newest first."""
    return await _first(told_spans(archive, asks, limit), limit)


async def told_spans(archive: Archive, asks: Spans, most: int | None = None) -> AsyncGenerator[list[SpanRow]]:
    """Spans in lists, newest first; of an erased person without attributes, and not found by them."""
    async with aclosing(archived_spans.spans(archive, asks, most)) as found:
        async for rows in found:
            yield await _told(archive, rows, by_content=bool(asks.attributes))


async def trace(archive: Archive, trace_id: str) -> list[SpanRow]:
    """All spans of a trace, in order of their start. Raises Refused (unknown)."""
    rows = await archived_spans.trace(archive, trace_id)
    if not rows:
        raise Refused("unknown", "there is no such trace")
    return await _told(archive, rows, by_content=False)


async def _told(archive: Archive, rows: Sequence[SpanRow], by_content: bool) -> list[SpanRow]:
    gone = await erased(archive.pool, {row.subject for row in rows if row.subject is not None})
    return [
        replace(row, subject=None, attributes={}) if row.subject in gone else row
        for row in rows
        if not (by_content and row.subject in gone)
    ]


async def _first(found: AsyncGenerator[list[T]], limit: int) -> list[T]:
    first: list[T] = []
    async with aclosing(found) as lists:
        async for rows in lists:
            first += rows
            if len(first) >= limit:
                break
    return first[:limit]


async def each(found: AsyncIterator[list[T]]) -> AsyncIterator[T]:
    """One after the other."""
    async for rows in found:
        for row in rows:
            yield row
