"""Rows as Parquet files, and files as relations: stock DuckDB in memory over immutable files, so nobody owns a database.

A row of metrics keeps its values in columns v1, v2, … in the order of its shape, and rows lie by shape, device and time:
then a column of a stretch of rows is one metric of one device, which is what compresses, and what is asked for.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import duckdb
from duckdb import (
    CaseExpression,
    CoalesceOperator,
    ColumnExpression,
    ConstantExpression,
    DuckDBPyConnection,
    DuckDBPyRelation,
    Expression,
    FunctionExpression,
)

from eucora.archive import bloom
from eucora.archive.masks import Masked
from eucora.problems import TryLater
from eucora.sql import load

SQL = load(__file__, "parquet.sql")
Kind = Literal["metrics", "lines", "spans"]
KINDS: tuple[Kind, ...] = ("metrics", "lines", "spans")

ROWS_A_FILE = 1_000_000
TEXT_A_FILE = 96 * 2**20
"""Sorting holds all texts of a file in memory."""
NARROW = 64
"""Values a row. Wider rows, of devices with very many volumes or sensors, lie in files of their own:

one of them would give every row of the fleet its hundreds of columns, and no memory holds that."""

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

MICROSECONDS = frozenset(("time", "received", "since", "until"))
"""Columns of what is copied that are times."""

SETTINGS: Mapping[str, str | int | bool] = {
    "threads": 2,
    "memory_limit": "512MB",
    "preserve_insertion_order": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
"""Extensions would be fetched from outside. Order is asked for where it matters; keeping it everywhere costs memory."""

AS_COPIED: Mapping[str, Any] = {
    "auto_detect": False,
    "header": False,
    "sep": ",",
    "quotechar": '"',
    "escapechar": '"',
    "allow_quoted_nulls": False,
    "max_line_size": 2 * 2**20,
}
"""PostgreSQL's CSV: nothing is null, and "" is an empty text. DuckDB sets sixteen lines of the longest aside a thread; ours

are at most 0.4 MiB (32 fields of 2,000 characters, each six bytes in JSON)."""


@dataclass(frozen=True, slots=True)
class Written:
    """One file: rows of one kind and event day."""

    path: Path
    day: date
    width: int
    rows: int
    since: datetime
    until: datetime
    traces: bytes | None = None


class Unfit(TryLater):
    """DuckDB could not do it within its bounds, or a file is none of ours."""


@contextmanager
def working(memory_mib: int | None = None) -> Iterator[DuckDBPyConnection]:
    """A database in memory, which spills into a folder of its own. Raises Unfit for what DuckDB can't do."""
    with tempfile.TemporaryDirectory(prefix="eucora-duckdb-") as folder, _connected(Path(folder), memory_mib) as db:
        try:
            yield db
        except duckdb.Error as exc:
            raise Unfit("store-unavailable", f"DuckDB: {type(exc).__name__}") from exc


def _connected(folder: Path, memory_mib: int | None) -> DuckDBPyConnection:
    limit = {} if memory_mib is None else {"memory_limit": f"{memory_mib}MiB"}
    db = duckdb.connect(config={**SETTINGS, **limit, "temp_directory": str(folder)})
    # Files never change, and each step of a relation asks for their columns.
    db.execute("SET parquet_metadata_cache = true")
    return db


def write_days(kind: Kind, csv: Path, folder: Path) -> list[Written]:
    """Files of what the database copied out: one an event day, more where a day holds very many rows, or wide ones."""
    with working() as db:
        written: list[Written] = []
        for rows in _by_width(_loaded(db, kind, csv)):
            written += parts(db, kind, rows, folder)
        return written


def parts(db: DuckDBPyConnection, kind: Kind, rows: DuckDBPyRelation, folder: Path) -> list[Written]:
    """Files of rows as files have them: one an event day, or more."""
    return [_write(db, part, kind, folder) for part in _parts(rows)]


def _loaded(db: DuckDBPyConnection, kind: Kind, csv: Path) -> DuckDBPyRelation:
    db.read_csv(str(csv), columns=dict(COLUMNS[kind]), **AS_COPIED).select(*in_time(COLUMNS[kind])).create("rows")
    rows = db.table("rows")
    return rows.select(*[ColumnExpression(name) for name in PLACE], _listed()) if kind == "metrics" else rows


def in_time(columns: Iterable[str]) -> list[Expression]:
    """The same columns; those that are copied as microseconds, as times."""
    return [
        FunctionExpression("make_timestamp", ColumnExpression(name)).alias(name)
        if name in MICROSECONDS
        else ColumnExpression(name)
        for name in columns
    ]


def _listed() -> Expression:
    """An array, which PostgreSQL writes as {1.5,NaN}, as a list; {} is one without anything."""
    inner = FunctionExpression("trim", ColumnExpression("values"), ConstantExpression("{}"))
    split = FunctionExpression(
        "string_split", FunctionExpression("nullif", inner, ConstantExpression("")), ConstantExpression(",")
    )
    return split.cast(duckdb.list_type("DOUBLE")).alias("values")


def _by_width(rows: DuckDBPyRelation) -> Iterator[DuckDBPyRelation]:
    """Narrow rows and wide ones, each value in a column of its own; lines and spans as they are."""
    if "values" not in rows.columns:
        yield rows
        return
    width = CoalesceOperator(FunctionExpression("len", ColumnExpression("values")), ConstantExpression(0))
    for some in (rows.filter(width <= ConstantExpression(NARROW)), rows.filter(width > ConstantExpression(NARROW))):
        ((longest,),) = some.aggregate("coalesce(max(len(values)), 0)").fetchall()
        each = [
            FunctionExpression("list_extract", ColumnExpression("values"), ConstantExpression(n)).alias(value_column(n))
            for n in range(1, longest + 1)
        ]
        yield some.select(*[ColumnExpression(name) for name in PLACE], *each)


def value_column(place: int) -> str:
    """Where the value stands that has this place (from 1) in its shape."""
    return f"v{place}"


def _parts(rows: DuckDBPyRelation) -> Iterator[tuple[date, int, DuckDBPyRelation]]:
    """(event day, number, rows) in order; a device lies in one part of a day."""
    weight = rows.select(ColumnExpression("time").cast("DATE").alias("day"), _length(rows).alias("length"))
    counted = weight.aggregate("day, count(*), sum(length)").order("day").fetchall()
    for day, count, length in counted:
        first = ConstantExpression(datetime(day.year, day.month, day.day))  # noqa: DTZ001 - DuckDB's times are naive UTC
        last = ConstantExpression(datetime(day.year, day.month, day.day) + timedelta(days=1))  # noqa: DTZ001
        of_day = rows.filter((ColumnExpression("time") >= first) & (ColumnExpression("time") < last))
        parts = max(-(-count // _fewer(ROWS_A_FILE, rows)), -(-int(length) // TEXT_A_FILE))
        bucket = FunctionExpression(
            "mod", FunctionExpression("hash", ColumnExpression("device")), ConstantExpression(parts)
        )
        for (part,) in (
            of_day.aggregate([bucket.alias("part")]).order("part").fetchall()
        ):  # few devices leave some empty
            yield day, part, of_day.filter(bucket == ConstantExpression(part)) if parts > 1 else of_day


def _length(rows: DuckDBPyRelation) -> Expression:
    """Bytes of a row's texts."""
    length = ConstantExpression(0).cast("BIGINT")
    for name in ("text", "fields", "attributes"):
        if name in rows.columns:
            length += CoalesceOperator(FunctionExpression("strlen", ColumnExpression(name)), ConstantExpression(0))
    return length


def _write(db: DuckDBPyConnection, part: tuple[date, int, DuckDBPyRelation], kind: Kind, folder: Path) -> Written:
    day, number, rows = part
    width = width_of(rows)
    path = folder / f"{kind}-{day}-{width}-{number}.parquet"
    rows.order("shape, device, time, position, item").create_view("part", replace=True)
    db.execute(getattr(SQL, kind), [str(path)])
    ((since, until, count),) = rows.aggregate("min(time), max(time), count(*)").fetchall()
    traces = [trace for (trace,) in rows.select("trace_id").distinct().fetchall()] if kind == "spans" else None
    return Written(path, day, width, count, since, until, None if traces is None else bloom.made(traces))


def width_of(rows: DuckDBPyRelation) -> int:
    """How many columns of values there are."""
    return sum(name[0] == "v" and name[1:].isdigit() for name in rows.columns)


def _fewer(most: int, rows: DuckDBPyRelation) -> int:
    """So many rows that they hold no more values than `most` narrow ones; DuckDB's vectors are 2,048 rows long."""
    return max(2048, most * NARROW // max(NARROW, width_of(rows)) // 2048 * 2048)


def read(db: DuckDBPyConnection, files: Sequence[Path]) -> DuckDBPyRelation:
    """The rows of several files; a column that a file does not have is null there."""
    return db.read_parquet([str(file) for file in files], union_by_name=True)


def write_again(
    kind: Kind,
    files: Sequence[Path],
    masks: Sequence[Masked],
    folder: Path,
    expired: Sequence[int] = (),
    entries: Path | None = None,
) -> list[Written]:
    """Files of one event day as one, or as parts; without what is masked, rows of expired shapes, and of some entries."""
    with working() as db:
        rows = unmasked(read(db, files), masks)
        if expired:
            rows = rows.filter(ColumnExpression("shape").isnotin(*map(ConstantExpression, expired)))
        if entries is not None:
            rows = rows.join(_listed_entries(db, entries), ",".join(ENTRY), how="anti")
        return parts(db, kind, rows, folder)


ENTRY: Mapping[str, str] = {"shard": "SMALLINT", "lane": "SMALLINT", "position": "BIGINT"}
"""Which entry of the journal a row was made of; a list of entries has these columns, as CSV."""


def holds_of(files: Sequence[Path], entries: Path) -> bool:
    """Whether any row of these files was made of some entries."""
    with working() as db:
        rows = read(db, files).join(_listed_entries(db, entries), ",".join(ENTRY), how="semi")
        return bool(rows.limit(1).fetchall())


def _listed_entries(db: DuckDBPyConnection, entries: Path) -> DuckDBPyRelation:
    return db.read_csv(str(entries), columns=dict(ENTRY), auto_detect=False, header=False, sep=",")


def holds(files: Sequence[Path], masks: Sequence[Masked]) -> bool:
    """Whether any row of these files is masked, or was written by an erased person."""
    with working() as db:
        rows = read(db, files)
        kept = unmasked(rows, masks)
        counted = "*" if "subject" not in rows.columns else "subject"
        return bool(
            rows.count("*").fetchall() != kept.count("*").fetchall()
            or rows.count(counted).fetchall() != kept.count(counted).fetchall()
        )


def unmasked(rows: DuckDBPyRelation, masks: Sequence[Masked]) -> DuckDBPyRelation:
    """Rows of which nobody asked that they be erased, without what erased persons wrote."""
    device, time = ColumnExpression("device"), ColumnExpression("time")
    gone = [ConstantExpression(mask.subject) for mask in masks if mask.subject is not None]
    if gone and "subject" in rows.columns:
        theirs = ColumnExpression("subject").isin(*gone) & ColumnExpression("subject").isnotnull()
        rows = rows.select(*[_withheld(name, theirs) for name in rows.columns])
    for mask in masks:
        if mask.device is None:
            continue
        hidden = (device == ConstantExpression(mask.device)) & (time < ConstantExpression(naive(mask.until)))
        if mask.since is not None:
            hidden &= time >= ConstantExpression(naive(mask.since))
        rows = rows.filter(~hidden)
    return rows


WITHHELD: Mapping[str, str | None] = {"subject": None, "text": "", "fields": None, "attributes": None}
"""What stands in place of what an erased person wrote."""


def _withheld(name: str, theirs: Expression) -> Expression:
    column = ColumnExpression(name)
    if name not in WITHHELD:
        return column
    return CaseExpression(theirs, ConstantExpression(WITHHELD[name])).otherwise(column).alias(name)


def naive(moment: datetime) -> datetime:
    """DuckDB's times are UTC without saying so."""
    return moment.astimezone(UTC).replace(tzinfo=None)
