"""Every metric of one device over a span, as means of equal steps: what a page draws. Hot rows and files of one snapshot."""

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


async def courses(archive: Archive, device: uuid.UUID, since: datetime, until: datetime, steps: int) -> list[Course]:
    """By metric and labels; nothing of a metric that is silent in the span."""
    step = (until - since) / steps
    async with archive.asking.question(NARROW, wide=False) as question:
        async with question.timed(), snapshot(archive.pool) as at:
            hot = [tuple(row) for row in await at.db.fetch(SQL.rows_of, device, since, until, at.hot)]
            files = await at.files("metrics", since, until)
            hidden = await masks.of_device(at.db, device)
        cells = list(_hot(hot, since, step))
        newest = _newest(hot)
        if files:
            async with copied(archive, question, files) as paths:
                asked = Asked(device, since, until, step, hidden)
                cold, last = await question.of(partial(_cold, files=paths, asked=asked))
            cells += cold
            newest = {**last, **{key: found for key, found in newest.items() if key not in last or last[key] < found}}
    async with archive.pool.acquire() as db:
        parts = await db.fetch(SQL.parts_of, sorted({shape for shape, *_ in cells}))
    return _named(cells, newest, {row["shape"]: msgspec.json.decode(row["parts"]) for row in parts}, since, step)


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
    for time, shape, values in rows:
        number = int((time - since) / step)
        for place, value in enumerate(values, 1):
            if value is not None and value == value:
                yield shape, place, number, value, 1


def _newest(rows: Iterable[tuple[Any, ...]]) -> Newest:
    found: Newest = {}
    for time, shape, values in rows:  # oldest first
        found.update({(shape, place): (time, value) for place, value in enumerate(values, 1) if value is not None})
    return found


def _cold(db: DuckDBPyConnection, files: Sequence[Path], asked: Asked) -> tuple[list[Cell], Newest]:
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
    stepped = rows.select(ColumnExpression("shape"), number.alias("step"), time, *values)
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
    return cells, newest


MICROSECOND = timedelta(microseconds=1)


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
