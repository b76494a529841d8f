"""Every metric of one device over a span, as means of equal steps, and when it was heard, on time or late.

What a page draws, out of hot rows and files of one snapshot.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from duckdb import ColumnExpression, ConstantExpression, DuckDBPyConnection, FunctionExpression
from msgspec import Struct

from eucora.archive import masks
from eucora.archive.files import snapshot
from eucora.archive.masks import Masked
from eucora.archive.parquet import naive, read, unmasked
from eucora.archive.query import NARROW, SQL, Archive, Labels, copied, unit_of
from eucora.batch import LATE
from eucora.clock import EPOCH

Cell = tuple[int, int, int, float, int]
"""(shape, place from 1, step, sum, count)."""


class Course(Struct, frozen=True):
    """One series: (beginning of a step, mean) where there is something; and its newest value, when that was said."""

    metric: str
    labels: Labels
    unit: str
    points: tuple[tuple[datetime, float], ...]
    newest: float
    newest_at: datetime


class Heard(Struct, frozen=True):
    """A stretch in which the device said how it was; late: all of it came after ten minutes and more."""

    since: datetime
    until: datetime
    late: bool


class Courses(Struct, frozen=True):
    """By metric and labels, nothing of one that is silent in the span; and stretches in order of time."""

    series: list[Course]
    heard: list[Heard]


async def courses(archive: Archive, device: uuid.UUID, since: datetime, until: datetime, steps: int) -> Courses:
    """What a device said in a span, in so many steps."""
    step = (until - since) / steps
    async with archive.asking.question(NARROW, wide=False) as question:
        async with question.timed(), snapshot(archive.pool) as at:
            hot = [tuple(row) for row in await at.db.fetch(SQL.rows_of, device, since, until, at.hot)]
            files = await at.files("metrics", since, until)
            hidden = await masks.of_device(at.db, device)
        cells, lates = list(_hot(hot, since, step)), _lates(hot, since, step)
        newest = _newest(hot)
        if files:
            async with copied(archive, question, files) as paths:
                asked = Asked(device, since, until, step, hidden)
                cold, last, more = await question.of(partial(_cold, files=paths, asked=asked))
            cells += cold
            lates = {n: lates.get(n, True) and more.get(n, True) for n in {*lates, *more}}
            newest = {**last, **{key: found for key, found in newest.items() if key not in last or last[key] < found}}
    async with archive.pool.acquire() as db:
        parts = await db.fetch(SQL.parts_of, sorted({shape for shape, *_ in cells}))
    named = _named(cells, newest, {row["shape"]: msgspec.json.decode(row["parts"]) for row in parts}, since, step)
    return Courses(named, heard(lates, since, step))


class Asked(Struct, frozen=True):
    """Of which device, when, in which steps; and what must not be seen."""

    device: uuid.UUID
    since: datetime
    until: datetime
    step: timedelta
    hidden: Sequence[Masked]


Newest = dict[tuple[int, int], tuple[datetime, float]]
"""(shape, place) to when it was said last, and what."""


def _hot(rows: Iterable[tuple[Any, ...]], since: datetime, step: timedelta) -> Iterable[Cell]:
    for time, shape, values, _ in rows:
        number = int((time - since) / step)
        for place, value in enumerate(values, 1):
            if value is not None and value == value:
                yield shape, place, number, value, 1


def _newest(rows: Iterable[tuple[Any, ...]]) -> Newest:
    found: Newest = {}
    for time, shape, values, _ in rows:  # oldest first
        found.update({(shape, place): (time, value) for place, value in enumerate(values, 1) if value is not None})
    return found


Lates = dict[int, bool]
"""Step to whether all that was said in it came late."""


def _lates(rows: Iterable[tuple[Any, ...]], since: datetime, step: timedelta) -> Lates:
    return _late_steps((int((time - since) / step), marks) for time, _, _, marks in rows)


def _late_steps(marked: Iterable[tuple[int, int]]) -> Lates:
    found: Lates = {}
    for number, marks in marked:
        found[number] = found.get(number, True) and bool(marks & LATE)
    return found


def heard(lates: Lates, since: datetime, step: timedelta) -> list[Heard]:
    """Steps side by side as one. Between two values may lie a cadence, and that is no silence."""
    found: list[Heard] = []
    for number in sorted(lates):
        begins, ends = since + number * step, since + (number + 1) * step
        before = found[-1] if found else None
        if before and before.late == lates[number] and begins - before.until <= A_CADENCE:
            found[-1] = Heard(before.since, ends, before.late)
        else:
            found.append(Heard(begins, ends, lates[number]))
    return found


def _cold(db: DuckDBPyConnection, files: Sequence[Path], asked: Asked) -> tuple[list[Cell], Newest, Lates]:
    time = ColumnExpression("time")
    rows = read(db, files).filter(
        (ColumnExpression("device") == ConstantExpression(asked.device))
        & (time >= ConstantExpression(naive(asked.since)))
        & (time < ConstantExpression(naive(asked.until)))
    )
    rows = unmasked(rows, asked.hidden)
    columns = sorted((n for n in rows.columns if n[0] == "v" and n[1:].isdigit()), key=lambda n: int(n[1:]))
    micros = FunctionExpression("epoch_us", time) - ConstantExpression(int((asked.since - EPOCH) / MICROSECOND))
    number = FunctionExpression("floor", micros / ConstantExpression(asked.step / MICROSECOND)).cast("INTEGER")
    values = [ColumnExpression(name) for name in columns]
    stepped = rows.select(ColumnExpression("shape"), number.alias("step"), time, ColumnExpression("marks"), *values)
    told = [
        *(FunctionExpression("sum", value) for value in values),
        *(FunctionExpression("count", value) for value in values),
    ]
    summed = stepped.aggregate([ColumnExpression("shape"), ColumnExpression("step"), *told], "shape, step").fetchall()
    cells = [
        (row[0], place, row[1], row[1 + place], row[1 + len(columns) + place])
        for row in summed
        for place in range(1, len(columns) + 1)
        if row[1 + len(columns) + place]
    ]
    last = [
        FunctionExpression("max", time),
        *(FunctionExpression("arg_max", value, time) for value in values),
    ]
    newest: Newest = {}
    for shape, at, *said in stepped.aggregate([ColumnExpression("shape"), *last], "shape").fetchall():
        for place, value in enumerate(said, 1):
            if value is not None:
                newest[shape, place] = (at.replace(tzinfo=UTC), value)
    marked = stepped.aggregate([ColumnExpression("step"), ColumnExpression("marks")], "step, marks").fetchall()
    return cells, newest, _late_steps(marked)


MICROSECOND = timedelta(microseconds=1)
A_CADENCE = timedelta(minutes=10)


def _named(
    cells: Iterable[Cell], newest: Newest, parts: Mapping[int, Any], since: datetime, step: timedelta
) -> list[Course]:
    """Shapes come and go; a series is its metric and labels."""
    sums: dict[tuple[str, Labels], dict[int, tuple[float, int]]] = {}
    for shape, place, number, total, count in cells:
        name, labels = parts[shape][place - 1]
        of = sums.setdefault((name, tuple(sorted(labels.items()))), {})
        before = of.get(number, (0.0, 0))
        of[number] = (before[0] + total, before[1] + count)
    last: dict[tuple[str, Labels], tuple[datetime, float]] = {}
    for (shape, place), found in newest.items():
        if shape in parts and place <= len(parts[shape]):
            name, labels = parts[shape][place - 1]
            key = (name, tuple(sorted(labels.items())))
            last[key] = max(last.get(key, found), found)
    return [
        Course(
            name,
            labels,
            unit_of(name),
            tuple((since + number * step, total / count) for number, (total, count) in sorted(of.items())),
            last[name, labels][1],
            last[name, labels][0],
        )
        for (name, labels), of in sorted(sums.items())
    ]
