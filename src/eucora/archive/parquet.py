"""Rows as Parquet files, and files as relations: stock DuckDB in memory over immutable files, so nobody owns a database.

A row of metrics keeps its values in columns v1, v2, … in the order of its shape, and rows lie by shape, device and time:
then a column of a stretch of rows is one metric of one device, which is what compresses, and what is asked for.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import duckdb
from duckdb import ColumnExpression, ConstantExpression, DuckDBPyConnection, DuckDBPyRelation, FunctionExpression

Kind = Literal["metrics", "lines", "spans"]
KINDS: tuple[Kind, ...] = ("metrics", "lines", "spans")

ROWS_A_FILE = 1_000_000
ROWS_A_GROUP = 61_440
"""What is read at once to find one device of one shape."""

PLACE = {
    "device": "UUID",
    "time": "BIGINT",
    "received": "BIGINT",
    "position": "BIGINT",
    "item": "BIGINT",
    "shard": "SMALLINT",
    "lane": "SMALLINT",
    "marks": "SMALLINT",
    "shape": "INTEGER",
}
"""Times are microseconds since 1970 in UTC."""

COLUMNS: Mapping[Kind, Mapping[str, str]] = {
    "metrics": PLACE | {"values": "VARCHAR"},
    "lines": PLACE | {"id": "UUID", "subject": "UUID", "count": "BIGINT", "text": "VARCHAR", "fields": "VARCHAR"},
    "spans": PLACE
    | {
        "trace_id": "VARCHAR",
        "span_id": "VARCHAR",
        "parent_id": "VARCHAR",
        "subject": "UUID",
        "duration_s": "DOUBLE",
        "status": "VARCHAR",
        "attributes": "VARCHAR",
    },
}
"""What the database copies out of a window, in this order."""

SETTINGS: Mapping[str, str | int | bool] = {
    "threads": 2,
    "memory_limit": "512MB",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
"""Extensions would be fetched from outside."""


AS_COPIED: Mapping[str, Any] = {
    "auto_detect": False,
    "header": False,
    "sep": ",",
    "quotechar": '"',
    "escapechar": '"',
    "allow_quoted_nulls": False,
    "max_line_size": 16 * 2**20,
}
"""PostgreSQL's CSV: nothing is null, and "" is an empty text."""


@dataclass(frozen=True, slots=True)
class Written:
    """One file: rows of one kind and event day."""

    path: Path
    day: date
    rows: int
    since: datetime
    until: datetime


def connect(folder: Path) -> DuckDBPyConnection:
    """A database in memory, which spills into `folder`."""
    return duckdb.connect(config={**SETTINGS, "temp_directory": str(folder)})


def write_days(kind: Kind, csv: Path, folder: Path) -> list[Written]:
    """Files of what the database copied out: one an event day, more where a day holds very many rows."""
    with connect(folder) as db:
        rows = _loaded(db, kind, csv)
        return [_write(part, kind, folder) for part in _parts(db, rows)]


def _loaded(db: DuckDBPyConnection, kind: Kind, csv: Path) -> DuckDBPyRelation:
    given = db.read_csv(str(csv), columns=dict(COLUMNS[kind]), **AS_COPIED)
    times = [FunctionExpression("make_timestamp", ColumnExpression(n)).alias(n) for n in ("time", "received")]
    others = [ColumnExpression(name) for name in COLUMNS[kind] if name not in ("time", "received")]
    given.select(*times, *others).create("rows")
    rows = db.table("rows")
    return _spread(rows) if kind == "metrics" else rows


def _spread(rows: DuckDBPyRelation) -> DuckDBPyRelation:
    """The values of an array, which PostgreSQL writes as {1.5,NaN}, each in a column of its own."""
    inner = FunctionExpression("trim", ColumnExpression("values"), ConstantExpression("{}"))
    listed = FunctionExpression("string_split", inner, ConstantExpression(",")).cast(duckdb.list_type("DOUBLE"))
    rows = rows.select(*[ColumnExpression(name) for name in PLACE], listed.alias("values"))
    ((longest,),) = rows.aggregate("coalesce(max(len(values)), 0)").fetchall()
    each = [
        FunctionExpression("list_extract", ColumnExpression("values"), ConstantExpression(n)).alias(value_column(n))
        for n in range(1, longest + 1)
    ]
    return rows.select(*[ColumnExpression(name) for name in PLACE], *each)


def value_column(place: int) -> str:
    """Where the value stands that has this place (from 1) in its shape."""
    return f"v{place}"


def _parts(db: DuckDBPyConnection, rows: DuckDBPyRelation) -> Iterator[tuple[date, int, DuckDBPyRelation]]:
    """(event day, number, rows) in order; a device lies in one part of a day."""
    counted = db.table("rows").aggregate("cast(time AS DATE) AS day, count(*) AS n").order("day").fetchall()
    for day, count in counted:
        first = ConstantExpression(datetime(day.year, day.month, day.day))  # noqa: DTZ001 - DuckDB's times are naive UTC
        last = ConstantExpression(datetime(day.year, day.month, day.day) + timedelta(days=1))  # noqa: DTZ001
        of_day = rows.filter((ColumnExpression("time") >= first) & (ColumnExpression("time") < last))
        parts = -(-count // ROWS_A_FILE)
        for part in range(parts):
            bucket = FunctionExpression(
                "mod", FunctionExpression("hash", ColumnExpression("device")), ConstantExpression(parts)
            )
            yield day, part, of_day.filter(bucket == ConstantExpression(part)) if parts > 1 else of_day


def _write(part: tuple[date, int, DuckDBPyRelation], kind: Kind, folder: Path) -> Written:
    day, number, rows = part
    path = folder / f"{kind}-{day}-{number}.parquet"
    rows.order("shape, device, time, position, item").write_parquet(
        str(path), compression="zstd", row_group_size=ROWS_A_GROUP
    )
    ((since, until, count),) = rows.aggregate("min(time), max(time), count(*)").fetchall()
    return Written(path, day, count, since, until)


def read(db: DuckDBPyConnection, files: Sequence[Path]) -> DuckDBPyRelation:
    """The rows of several files; a column that a file does not have is null there."""
    return db.read_parquet([str(file) for file in files], union_by_name=True)
