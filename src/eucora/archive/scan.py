"""Questions to files, answered by DuckDB in a thread: what they want goes in, rows come out, newest first.

Expressions are built, not text: a column of values is chosen by its place.
"""

import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from duckdb import ColumnExpression, ConstantExpression, DuckDBPyConnection, DuckDBPyRelation, Expression
from msgspec import Struct

from eucora.archive.parquet import connect, read, value_column

ORDER = "time DESC, position DESC, item DESC"
LINE = ("id", "time", "received", "position", "item", "shape", "count", "text", "fields", "subject")


class Wanted(Struct, frozen=True):
    """Values of a device in [since, until): `places` are (shape, place) pairs of one metric; at most `most`, the newest."""

    device: uuid.UUID
    since: datetime
    until: datetime
    places: set[tuple[int, int]]
    most: int


class WantedLines(Struct, frozen=True):
    """Lines of a device of some shapes in [since, until), behind the key `after` (time, position, item, id)."""

    device: uuid.UUID
    since: datetime
    until: datetime
    shapes: frozenset[int]
    after: tuple[datetime, int, int, uuid.UUID] | None
    limit: int


Row = tuple[datetime, int, int, int, int, float]
"""(time, position, item, shape, place, value)."""


def values(files: Sequence[Path], wanted: Wanted) -> list[Row]:
    """The newest values, newest first."""
    with _database() as db:
        rows = _of_device(read(db, files), wanted.device, wanted.since, wanted.until)
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


def newest_rows(files: Sequence[Path], device: uuid.UUID, most: int) -> list[dict[str, Any]]:
    """The newest rows of a device, with all that stands in their columns of values."""
    with _database() as db:
        rows = read(db, files).filter(ColumnExpression("device") == ConstantExpression(device))
        columns = [name for name in rows.columns if name[0] == "v" and name[1:].isdigit()]
        wanted = [ColumnExpression(name) for name in ("time", "received", "shape", *columns)]
        found = rows.order(ORDER).limit(most).select(*wanted).fetchall()
    return [
        {"time": _aware(time), "received": _aware(received), "shape": shape, "values": values}
        for time, received, shape, *values in found
    ]


def lines(files: Sequence[Path], wanted: WantedLines) -> list[dict[str, Any]]:
    """The newest lines, newest first."""
    with _database() as db:
        rows = _of_device(read(db, files), wanted.device, wanted.since, wanted.until)
        rows = rows.filter(_in(ColumnExpression("shape"), wanted.shapes))
        if wanted.after is not None:
            rows = rows.filter(_behind(wanted.after))
        rows = rows.order(f"{ORDER}, id DESC").limit(wanted.limit)
        found = rows.select(*[ColumnExpression(name) for name in LINE]).fetchall()
    return [_line(dict(zip(LINE, row, strict=True))) for row in found]


def _line(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "time": _aware(row["time"]), "received": _aware(row["received"])}


@contextmanager
def _database() -> Iterator[DuckDBPyConnection]:
    with tempfile.TemporaryDirectory(prefix="eucora-query-") as folder, connect(Path(folder)) as db:
        yield db


def _of_device(rows: DuckDBPyRelation, device: uuid.UUID, since: datetime, until: datetime) -> DuckDBPyRelation:
    time = ColumnExpression("time")
    return rows.filter(
        (ColumnExpression("device") == ConstantExpression(device))
        & (time >= ConstantExpression(_naive(since)))
        & (time < ConstantExpression(_naive(until)))
    )


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
    columns = [("time", _naive(time)), ("position", position), ("item", item), ("id", line)]
    behind = ColumnExpression("id") < ConstantExpression(line)
    for name, value in reversed(columns[:-1]):
        column, given = ColumnExpression(name), ConstantExpression(value)
        behind = (column < given) | ((column == given) & behind)
    return behind


def _naive(moment: datetime) -> datetime:
    """DuckDB's times are UTC without saying so."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
