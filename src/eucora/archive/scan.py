"""Questions to files, answered by DuckDB in a thread: what they want goes in, rows come out, newest first.

Expressions are built, not text: a column of values is chosen by its place.
"""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from duckdb import ColumnExpression, ConstantExpression, DuckDBPyConnection, DuckDBPyRelation, Expression
from msgspec import Struct

from eucora.archive.masks import Masked
from eucora.archive.parquet import naive, read, unmasked, value_column

ORDER = "time DESC, position DESC, item DESC"
NEWEST = ("time", "received", "position", "item", "shape")


class Wanted(Struct, frozen=True):
    """Values of a device in [since, until): `places` are (shape, place) pairs of one metric; at most `most`, the newest."""

    device: uuid.UUID
    since: datetime
    until: datetime
    places: set[tuple[int, int]]
    most: int
    masks: Sequence[Masked] = ()


Row = tuple[datetime, int, int, int, int, float]
"""(time, position, item, shape, place, value)."""


def values(db: DuckDBPyConnection, files: Sequence[Path], wanted: Wanted) -> list[Row]:
    """The newest values, newest first."""
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
    db: DuckDBPyConnection, files: Sequence[Path], device: uuid.UUID, most: int, masks: Sequence[Masked] = ()
) -> list[dict[str, Any]]:
    """The newest rows of a device, with all that stands in their columns of values."""
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


def _wanted(rows: DuckDBPyRelation, wanted: Wanted) -> DuckDBPyRelation:
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


def _in(column: Expression, numbers: set[int]) -> Expression:
    return column.isin(*[ConstantExpression(n) for n in sorted(numbers)])


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
