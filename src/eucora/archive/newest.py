"""Lines or spans, newest first, of some devices or all: hot rows and files of one snapshot, day by day as they are read.

A file holds one event day, so days follow on one another and few are worked on at a time: a page that the newest day
fills costs that day, and a long answer never lies in memory. Bounded and cancellable as every question (`asking`).
"""

import tempfile
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal, TypeAlias

from duckdb import ColumnExpression, ConstantExpression, DuckDBPyConnection, DuckDBPyRelation, Expression
from msgspec import Struct

from eucora.archive import masks
from eucora.archive.asking import Question
from eucora.archive.files import File, Snapshot, snapshot
from eucora.archive.masks import Masked
from eucora.archive.parquet import AS_COPIED, PLACE, in_time, naive, read, unmasked
from eucora.archive.parquet import COLUMNS as ALL
from eucora.archive.query import Archive, copied
from eucora.sql import load

SQL = load(__file__, "newest.sql")
FETCHED = 1_000
"""Rows of a stream that are in Python's memory at once."""
ROWS_AT_ONCE = 2_000_000
"""Of several days together; of files, not all of which are sought."""
SORTED_BYTES = 16 * 2**20
"""Rows of a stream that are sorted at once."""
MINUTE = timedelta(minutes=1)
NARROW = "ask for a shorter span (since, until), for fewer devices or kinds, or for a page (limit)"

Key = tuple[datetime, int, int, Any, uuid.UUID]
"""(time, position, item, id, device): where a row stands in the order."""

Row: TypeAlias = dict[str, Any]
Narrowed: TypeAlias = Callable[[DuckDBPyRelation], DuckDBPyRelation]

HEAD = {name: PLACE[name] for name in ("device", "time", "received", "position", "item", "shape")}
COLUMNS = {
    kind: HEAD | {name: type_ for name, type_ in ALL[kind].items() if name not in PLACE} for kind in ("lines", "spans")
}
OWN = {"lines": "id", "spans": "span_id"}
"""Which column tells rows of one item apart."""


class Sought(Struct, frozen=True, kw_only=True):
    """Rows of [since, until) of these shapes and devices (None: all), behind a key; `only` narrows them further."""

    kind: Literal["lines", "spans"]
    since: datetime
    until: datetime
    shapes: Collection[int]
    devices: Sequence[uuid.UUID] | None
    after: Key | None
    only: Narrowed


Minute: TypeAlias = tuple[datetime, int]
"""When it begins, and how many bytes its rows have."""

Plan: TypeAlias = Callable[[Snapshot], Awaitable[Sought]]
"""Which shapes are meant is known by the snapshot in which rows are found."""


class Found(Struct, frozen=True):
    """What one snapshot says of where rows lie."""

    sought: Sought
    files: Sequence[File]
    hidden: Sequence[Masked]


async def newest(archive: Archive, plan: Plan, most: int | None, wide: bool) -> AsyncGenerator[list[Row]]:
    """Rows in lists, newest first. `plan` makes a Sought of a snapshot. `most`: how many a list, for a page; None: a
    stream to the end. `wide`: over many devices."""
    with tempfile.TemporaryDirectory(prefix="eucora-newest-") as folder:
        hot = Path(folder) / "hot.csv"
        async with archive.asking.question(NARROW, wide=wide) as question:
            async with question.timed():
                found = await _snapshot(archive, plan, hot)
            if not found.sought.shapes:
                return
            days = await question.of(partial(_load, kind=found.sought.kind, hot=hot))
            left, at_once = sorted(days | {file.day for file in found.files}, reverse=True), 1
            while left:
                some, count = few(left, at_once, found.files), 0
                async for rows in _of_days(archive, question, found, some, most):
                    count += len(rows)
                    yield rows
                left = left[len(some) :]
                at_once = 2 * len(some) if count < (most or FETCHED) else 1  # what is rare there is rare before it


async def _snapshot(archive: Archive, plan: Plan, hot: Path) -> Found:
    async with snapshot(archive.pool) as at:
        sought: Sought = await plan(at)
        if sought.shapes:
            await _copied(at, sought, hot)
        files = await at.files(sought.kind, sought.since, sought.until) if sought.shapes else []
        hidden = await masks.beyond(at.db, min((file.masks for file in files), default=0)) if files else []
    return Found(sought, files, hidden)


async def _copied(at: Snapshot, sought: Sought, hot: Path) -> None:
    """Hot rows into a file, never into memory; what they say is looked at as what files say, by the same rules."""
    if sought.devices is None:
        await at.db.execute("SET LOCAL enable_seqscan = on")  # of a fleet, all rows
    devices = None if sought.devices is None else list(sought.devices)
    wanted = (sought.since, _until(sought), at.hot, list(sought.shapes), devices)
    await at.db.copy_from_query(getattr(SQL, sought.kind), *wanted, output=hot, format="csv")


def _until(sought: Sought) -> datetime:
    """Nothing behind the key is younger than it."""
    return sought.until if sought.after is None else min(sought.until, sought.after[0] + timedelta(microseconds=1))


def _load(db: DuckDBPyConnection, kind: str, hot: Path) -> set[date]:
    """Hot rows as a table; the days on which they lie."""
    db.read_csv(str(hot), columns=COLUMNS[kind], **AS_COPIED).select(*in_time(COLUMNS[kind])).create("hot")
    return {day for (day,) in db.execute(SQL.days).fetchall()}


def few(days: Sequence[date], at_once: int, files: Sequence[File]) -> Sequence[date]:
    """At most so many of them, and no more than hold ROWS_AT_ONCE; one always."""
    rows = [sum(file.rows for file in files if file.day == day) for day in days[:at_once]]
    fit = sum(total <= ROWS_AT_ONCE for total in accumulate(rows))
    return days[: max(1, fit)]


async def _of_days(
    archive: Archive, question: Question, found: Found, days: Sequence[date], most: int | None
) -> AsyncGenerator[list[Row]]:
    sought, key = found.sought, found.sought.after
    files = [file for file in found.files if file.day in days]
    async with copied(archive, question, files) as paths:
        while True:  # a page: its reader takes as many as it wants, each time behind the last
            at_most = most or FETCHED
            rows = await question.of(partial(_page, found=found, days=days, paths=paths, after=key, most=at_most))
            if rows:
                yield rows
            if len(rows) < at_most:
                return
            key = key_of(sought.kind, rows[-1])
            if most is None:  # a stream: one that seeks something rare ends here, and has read a day once
                break
        minutes = await question.of(partial(_minutes, found=found, days=days, paths=paths, after=key))
        for since, until in slices(minutes):
            await question.of(partial(_begin, kind=sought.kind, since=since, until=until))
            while got := await question.of(lambda db: db.fetchmany(FETCHED)):
                yield [row_of(sought.kind, row) for row in got]


def _page(
    db: DuckDBPyConnection, found: Found, days: Sequence[date], paths: Sequence[Path], after: Key | None, most: int
) -> list[Row]:
    kind = found.sought.kind
    rows = _sought(db, found, days, paths, after).order(
        f"time DESC, position DESC, item DESC, {OWN[kind]} DESC, device DESC"
    )
    return [row_of(kind, row) for row in rows.limit(most).fetchall()]


def _minutes(
    db: DuckDBPyConnection, found: Found, days: Sequence[date], paths: Sequence[Path], after: Key
) -> list[Minute]:
    """How much of some days is sought behind a key, minute by minute, newest first."""
    _sought(db, found, days, paths, after).create_view("sought", replace=True)
    minutes = db.execute(getattr(SQL, f"{found.sought.kind}_a_minute")).fetchall()
    return [(minute.replace(tzinfo=UTC), int(length)) for minute, length in minutes]


def slices(minutes: Sequence[Minute]) -> Iterator[tuple[datetime, datetime]]:
    """Spans that hold no more than is sorted at once, newest first; one minute may hold more."""
    upto, size = None, 0
    for n, (minute, length) in enumerate(minutes):
        upto, size = upto or minute + MINUTE, size + length
        if n + 1 == len(minutes) or size + minutes[n + 1][1] > SORTED_BYTES:
            yield minute, upto
            upto, size = None, 0


def _begin(db: DuckDBPyConnection, kind: str, since: datetime, until: datetime) -> None:
    db.execute(getattr(SQL, f"{kind}_in_order"), {"since": naive(since), "until": naive(until)})


def _sought(
    db: DuckDBPyConnection, found: Found, days: Sequence[date], paths: Sequence[Path], after: Key | None
) -> DuckDBPyRelation:
    """What is sought of some days."""
    sought = found.sought
    rows = _of_time(db.table("hot"), sought, days)
    if paths:
        columns = [ColumnExpression(name) for name in COLUMNS[sought.kind]]
        rows = rows.union(unmasked(_of_time(read(db, paths), sought, days), found.hidden).select(*columns))
    rows = sought.only(rows)
    return rows if after is None else rows.filter(_behind(after, OWN[sought.kind]))


def _of_time(rows: DuckDBPyRelation, sought: Sought, days: Sequence[date]) -> DuckDBPyRelation:
    first, last = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (days[-1], days[0]))
    since, until = max(first, sought.since), min(last + timedelta(days=1), _until(sought))
    time = ColumnExpression("time")
    rows = rows.filter((time >= ConstantExpression(naive(since))) & (time < ConstantExpression(naive(until))))
    rows = rows.filter(ColumnExpression("shape").isin(*map(ConstantExpression, sorted(sought.shapes))))
    if sought.devices is not None:
        rows = rows.filter(ColumnExpression("device").isin(*map(ConstantExpression, sought.devices)))
    return rows


def _behind(after: Key, own: str) -> Expression:
    """Lexicographically before the key, column by column."""
    names = ("time", "position", "item", own, "device")
    given = (naive(after[0]), *after[1:])
    behind = ColumnExpression("device") < ConstantExpression(given[-1])
    for name, value in reversed(tuple(zip(names, given, strict=True))[:-1]):
        column, constant = ColumnExpression(name), ConstantExpression(value)
        behind = (column < constant) | ((column == constant) & behind)
    return behind


def row_of(kind: str, row: tuple[Any, ...]) -> Row:
    """By name, with aware times."""
    named = dict(zip(COLUMNS[kind], row, strict=True))
    return named | {name: named[name].replace(tzinfo=UTC) for name in ("time", "received")}


def key_of(kind: str, row: Row) -> Key:
    """Where a row stands in the order."""
    return (row["time"], row["position"], row["item"], row[OWN[kind]], row["device"])
