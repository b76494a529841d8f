"""One metric over many devices: by device, by group, or the fleet as one; step by step, or the newest value at a moment.

A long span is worked on part by part: a day or a step of the fleet, or several days that together fit the memory well.
Bounded and cancellable as every question (`asking`).
"""

import tempfile
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal

from duckdb import DuckDBPyConnection
from msgspec import Struct

from eucora.archive import masks
from eucora.archive.asking import Question
from eucora.archive.files import File, snapshot
from eucora.archive.masks import Masked
from eucora.archive.points import SQL, Points, Stretch
from eucora.archive.query import SQL as SHAPES
from eucora.archive.query import Archive, Labels, Metric, copied
from eucora.clock import EPOCH, to_us
from eucora.problems import Refused

MOST = 100_000
NARROW = "ask for a shorter span (since, until), a step, or some devices"
DAY = timedelta(days=1)
ROWS_A_MIB = 10_000
"""Of several days together, by the memory of a question: a fifth of it, as a quantile takes them. A day that holds more is
a part of its own."""
QUANTILES: Mapping[str, float] = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
MADE: Mapping[str, str] = {
    "mean": "avg(value)",
    "min": "min(value)",
    "max": "max(value)",
    "count": "count(value)::DOUBLE",
    "last": "arg_max(value, (time, position, item))",
    **{name: f"quantile_cont(value, {share})" for name, share in QUANTILES.items()},
}
"""Of the values of a step, by what is asked; a rate needs those before it too."""

Op = Literal["mean", "min", "max", "count", "last", "rate", "p50", "p90", "p95", "p99"]
By = Literal["device", "fleet", "group"]

Held = Callable[[Path], Awaitable[None]]
"""Writes (device, since, until, group) as CSV: of which group each device was, and when (microseconds)."""


class Across(Struct, frozen=True):
    """What is asked of [since, until). Without a step the span is one. `devices` None: all; by group: `held` knows them."""

    metric: Metric
    since: datetime
    until: datetime
    step: timedelta | None
    op: Op
    by: By
    devices: Sequence[uuid.UUID] | None = None
    held: Held | None = None


class Point(Struct, frozen=True):
    """One value: of a device, of a group, or of all (neither); at the beginning of its step."""

    device: uuid.UUID | None
    group: str | None
    labels: Labels
    time: datetime
    value: float


class Line(Struct, frozen=True):
    """The points of one series, of one device, of one group, or of all (neither)."""

    device: uuid.UUID | None
    labels: Labels
    points: tuple[tuple[datetime, float], ...]
    group: str | None = None


async def across(archive: Archive, asks: Across) -> tuple[Line, ...]:
    """The answer, by device or group, and labels. Raises Refused (bad-request) for more than MOST points."""
    found: list[Point] = []
    async with aclosing(points(archive, asks)) as parts:
        async for part in parts:
            found += part
            if len(found) > MOST:
                raise Refused("bad-request", f"that is more than {MOST:,} points: take a longer step, or fewer devices")
    return _lines(found)


async def points(archive: Archive, asks: Across) -> AsyncGenerator[list[Point]]:
    """The same as points in lists, part by part of the span: never all in memory."""
    if asks.op == "last" and asks.by != "device":
        raise Refused("bad-request", "last is of each device: by=device")
    if asks.until <= asks.since or (asks.step is not None and asks.step <= timedelta(0)):
        raise Refused("bad-request", "a span and a step are longer than nothing")
    async with _found(archive, asks, asks.since, asks.until) as found:
        if found is None:
            return
        extent, most = await found.question.of(found.points.extent), archive.asking.bounds.memory_mib * ROWS_A_MIB
        for since, until in parts(asks, extent, found.files, most):
            files = [file for file in found.files if file.since < until and file.until >= since]
            async with copied(archive, found.question, files) as paths:
                stretch = Stretch(since, until, paths, found.hidden, asks.devices)
                rows = await found.question.of(partial(answer, asks=asks, points=found.points, stretch=stretch))
            yield [_point(row, asks, found.points.labels) for row in rows]


async def instant(archive: Archive, asks: Across) -> list[Point]:
    """The newest value of each device in [since, until), of groups and the fleet their `op`; with the newest one's time."""
    if asks.op == "rate":
        raise Refused("bad-request", "a rate is of a span, not of a moment")
    async with _found(archive, asks, asks.since, asks.until) as found:
        if found is None:
            return []
        async with copied(archive, found.question, found.files) as paths:
            stretch = Stretch(asks.since, asks.until, paths, found.hidden, asks.devices)
            rows = await found.question.of(partial(newest, asks=asks, points=found.points, stretch=stretch))
    return [Point(d, g, found.points.labels[n], EPOCH + timedelta(microseconds=us), v) for d, g, n, us, v in rows]


class Found(Struct, frozen=True):
    """What one snapshot says of where points lie."""

    question: Question
    points: Points
    files: Sequence[File]
    hidden: Sequence[Masked]


@asynccontextmanager
async def _found(archive: Archive, asks: Across, since: datetime, until: datetime) -> AsyncIterator[Found | None]:
    with tempfile.TemporaryDirectory(prefix="eucora-across-") as folder:
        hot, held = Path(folder) / "hot.csv", Path(folder) / "held.csv"
        devices = None if asks.devices is None else list(asks.devices)
        async with archive.asking.question(NARROW, wide=True) as question:
            async with question.timed(), snapshot(archive.pool) as at:
                await at.db.execute("SET LOCAL enable_seqscan = on")  # of a fleet, all rows
                places = [tuple(row) for row in await at.db.fetch(SHAPES.places_of, asks.metric.name)]
                wanted = (asks.metric.name, since, until, at.hot, devices)
                await at.db.copy_from_query(SQL.hot_points, *wanted, output=hot, format="csv")
                files = await at.files("metrics", since, until)
                hidden = await masks.beyond(at.db, min((file.masks for file in files), default=0)) if files else []
            if not places:
                yield None
                return
            if asks.held is not None:
                async with question.timed():
                    await asks.held(held)
            named = Points(places)
            await question.of(partial(named.prepare, hot=hot, held=held if asks.held is not None else None))
            yield Found(question, named, files, hidden)


def parts(
    asks: Across, hot: tuple[datetime, datetime] | None, files: Sequence[File], most: int
) -> Iterator[tuple[datetime, datetime]]:
    """The span, as far as there are rows, in parts of whole steps: each about a day, as files are, or a longer step; several
    days where files hold no more than `most` rows."""
    ends = [*([hot] if hot else []), *((file.since, file.until) for file in files)]
    if not ends:
        return
    step, last = asks.step or asks.until - asks.since, max(until for _, until in ends)
    since = asks.since + max(0, (min(since for since, _ in ends) - asks.since) // step) * step
    while since < asks.until and since <= last:
        until = _a_day_on(since, step)
        while until < min(asks.until, last) and _rows(files, since, more := _a_day_on(until, step)) <= most:
            until = more
        until = min(asks.until, until)
        yield since, until
        since = until


def _a_day_on(since: datetime, step: timedelta) -> datetime:
    """Whole steps on, past the next midnight."""
    midnight = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + DAY
    return since + max(1, -((since - midnight) // step)) * step


def _rows(files: Sequence[File], since: datetime, until: datetime) -> int:
    return sum(file.rows for file in files if file.since < until and file.until >= since)


def answer(db: DuckDBPyConnection, asks: Across, points: Points, stretch: Stretch) -> list[Any]:
    """Rows (device, group, label, step, value) of a part of the span."""
    rate = asks.op == "rate"
    points.view(db, stretch, behind=rate)
    db.execute(getattr(SQL, f"told_by_{asks.by}"))
    step = asks.step or asks.until - asks.since
    given: dict[str, Any] = {"since": to_us(asks.since), "step": step // timedelta(microseconds=1)}
    if rate:
        given["from"] = to_us(stretch.since)
    rows = db.execute(_statement(asks, labelled=len(points.labels) > 1), given).fetchall()
    if rate and stretch.until < asks.until:
        db.execute(SQL.remember)
    return rows


def _statement(asks: Across, *, labelled: bool) -> str:
    """Grouped by no more than differs: a key that is the same everywhere still costs its hash a row."""
    labels = ["label"] * labelled
    keys = {"device": ["device"], "group": ['"group"'], "fleet": []}[asks.by] + labels
    otherwise = {"device": "NULL", '"group"': "NULL", "label": "0"}
    shown = ", ".join(f"{name if name in keys else same} AS {name}" for name, same in otherwise.items())
    told: str = SQL.rate if asks.op == "rate" else SQL.stepped
    return told.format(
        shown=shown,
        keys=", ".join([*keys, "step"]),
        made=MADE.get(asks.op),
        series=", ".join(["source", *labels]),
        of=", ".join(["source", *keys]),
    )


def newest(db: DuckDBPyConnection, asks: Across, points: Points, stretch: Stretch) -> list[Any]:
    """Rows (device, group, label, microseconds, value) of the newest values."""
    points.view(db, stretch)
    db.execute(getattr(SQL, f"told_by_{asks.by}"))
    db.execute(SQL.newest)
    if asks.by == "device":
        return db.execute(SQL.newest_each).fetchall()
    if asks.op in QUANTILES:
        return db.execute(SQL.newest_quantile, {"quantile": QUANTILES[asks.op]}).fetchall()
    return db.execute(getattr(SQL, f"newest_{asks.op}")).fetchall()


def _point(row: tuple[Any, ...], asks: Across, labels: Sequence[Labels]) -> Point:
    device, group, label, number, value = row
    step = asks.step or asks.until - asks.since
    return Point(device, group, labels[label], (asks.since + number * step).astimezone(UTC), value)


def _lines(found: Sequence[Point]) -> tuple[Line, ...]:
    series: dict[Any, list[tuple[datetime, float]]] = {}
    for point in found:
        series.setdefault((point.device, point.group, point.labels), []).append((point.time, point.value))
    ordered = sorted(series, key=lambda key: (str(key[0] or ""), key[1] is None, key[1] or "", key[2]))
    return tuple(Line(key[0], key[2], tuple(series[key]), key[1]) for key in ordered)
