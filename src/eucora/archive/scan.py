"""Questions to files, answered by DuckDB in a thread: what they want goes in, rows come out, newest first.

Expressions are built, not text: a column of values is chosen by its place.
"""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from duckdb import ColumnExpression, ConstantExpression, DuckDBPyRelation, Expression
from msgspec import Struct

from eucora.archive.masks import Masked
from eucora.archive.parquet import naive, read, unmasked, value_column, working

ORDER = "time DESC, position DESC, item DESC"
NEWEST = ("time", "received", "position", "item", "shape")
LINE = ("id", "time", "received", "position", "item", "shape", "count", "text", "fields", "subject")


class Wanted(Struct, frozen=True):
    """Values of a device in [since, until): `places` are (shape, place) pairs of one metric; at most `most`, the newest."""

    device: uuid.UUID
    since: datetime
    until: datetime
    places: set[tuple[int, int]]
    most: int
    masks: Sequence[Masked] = ()


class WantedLines(Struct, frozen=True):
    """Lines of a device of some shapes in [since, until), behind the key `after` (time, position, item, id)."""

    device: uuid.UUID
    since: datetime
    until: datetime
    shapes: frozenset[int]
    after: tuple[datetime, int, int, uuid.UUID] | None
    limit: int
    masks: Sequence[Masked] = ()


Row = tuple[datetime, int, int, int, int, float]
"""(time, position, item, shape, place, value)."""


def values(files: Sequence[Path], wanted: Wanted) -> list[Row]:
    """The newest values, newest first."""
    with working() as db:
        rows = _wanted(read(db, files), wanted)
        known = set(rows.columns)
        parts = [
            _values_at(rows, place, {shape for shape, n in wanted.places if n == place})
            for place in sorted({place for _, place in wanted.places})
            if value_column(place) in known
        ]
        if not parts:
            return []
        whole = parts[0]
        for part in parts[1:]:
            whole = whole.union(part)
        found = whole.order(ORDER).limit(wanted.most).fetchall()
    return [(_aware(time), *rest) for time, *rest in found]


def newest_rows(
    files: Sequence[Path], device: uuid.UUID, most: int, masks: Sequence[Masked] = ()
) -> list[dict[str, Any]]:
    """The newest rows of a device, with all that stands in their columns of values."""
    with working() as db:
        rows = unmasked(read(db, files).filter(ColumnExpression("device") == ConstantExpression(device)), masks)
        columns = [name for name in rows.columns if name[0] == "v" and name[1:].isdigit()]
        wanted = [ColumnExpression(name) for name in (*NEWEST, *columns)]
        found = rows.order(ORDER).limit(most).select(*wanted).fetchall()
    return [
        {
            **dict(zip(NEWEST, row, strict=False)),
            "time": _aware(row[0]),
            "received": _aware(row[1]),
            "values": row[len(NEWEST) :],
        }
        for row in found
    ]


def lines(files: Sequence[Path], wanted: WantedLines) -> list[dict[str, Any]]:
    """The newest lines, newest first."""
    with working() as db:
        rows = _wanted(read(db, files), wanted)
        rows = rows.filter(_in(ColumnExpression("shape"), wanted.shapes))
        if wanted.after is not None:
            rows = rows.filter(_behind(wanted.after))
        rows = rows.order(f"{ORDER}, id DESC").limit(wanted.limit)
        found = rows.select(*[ColumnExpression(name) for name in LINE]).fetchall()
    return [_line(dict(zip(LINE, row, strict=True))) for row in found]


def _line(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "time": _aware(row["time"]), "received": _aware(row["received"])}


def _wanted(rows: DuckDBPyRelation, wanted: Wanted | WantedLines) -> DuckDBPyRelation:
    time = ColumnExpression("time")
    rows = rows.filter(
        (ColumnExpression("device") == ConstantExpression(wanted.device))
        & (time >= ConstantExpression(naive(wanted.since)))
        & (time < ConstantExpression(naive(wanted.until)))
    )
    return unmasked(rows, wanted.masks)


def _values_at(rows: DuckDBPyRelation, place: int, shapes: set[int]) -> DuckDBPyRelation:
    return rows.filter(_in(ColumnExpression("shape"), shapes)).select(
        *[ColumnExpression(name) for name in ("time", "position", "item", "shape")],
        ConstantExpression(place).alias("place"),
        ColumnExpression(value_column(place)).alias("value"),
    )


def _in(column: Expression, numbers: set[int] | frozenset[int]) -> Expression:
    return column.isin(*[ConstantExpression(n) for n in sorted(numbers)])


def _behind(after: tuple[datetime, int, int, uuid.UUID]) -> Expression:
    """Lexicographically before the key, column by column."""
    time, position, item, line = after
    columns = [("time", naive(time)), ("position", position), ("item", item), ("id", line)]
    behind = ColumnExpression("id") < ConstantExpression(line)
    for name, value in reversed(columns[:-1]):
        column, given = ColumnExpression(name), ConstantExpression(value)
        behind = (column < given) | ((column == given) & behind)
    return behind


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
