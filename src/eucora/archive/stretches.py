"""Rows of files by their place in the journal, for whoever reads on from a cursor. DuckDB, in a thread."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from duckdb import ColumnExpression, ConstantExpression, DuckDBPyConnection, Expression, FunctionExpression
from msgspec import Struct

from eucora.archive.parquet import COLUMNS, read
from eucora.archive.parquet import PLACE as OF_ALL
from eucora.stores.ports import Kind

PLACE = ("lane", "shard", "position", "item")
HEAD = (*PLACE, "device", "time", "received", "shape")
IDS = ("trace_id", "span_id", "parent_id")
TIMES = (HEAD.index("time"), HEAD.index("received"))

Row = tuple[Any, ...]
"""(lane, shard, position, item, device, time, received, shape), then what is of its kind: values, or `behind(kind)`."""


def behind(kind: Kind) -> tuple[str, ...]:
    """Columns of a line or a span behind the head, in order: in the tables and in the files alike."""
    return ("marks", *(name for name in COLUMNS[kind] if name not in OF_ALL))


class Range(Struct, frozen=True):
    """Positions of a place behind `after`, up to `upto`."""

    shard: int
    lane: int
    after: int
    upto: int


def rows(
    db: DuckDBPyConnection, kind: Kind, files: Sequence[Path], wanted: Sequence[Range], most: int | None
) -> list[Row]:
    """The first rows of these stretches; values beyond a row's shape are null."""
    found = read(db, files)
    columns = _values(found.columns) if kind == "metrics" else behind(kind)
    asked = [_id(name) if name in IDS else ColumnExpression(name) for name in (*HEAD, *columns)]
    found = found.filter(_within(wanted)).order(", ".join(PLACE))
    found = found if most is None else found.limit(most)
    told = found.select(*asked).fetchall()
    return [_row(row, kind) for row in told]


def _id(name: str) -> Expression:
    """As bytes; a file has it as text, "" for none."""
    none = ConstantExpression("")
    return FunctionExpression("unhex", FunctionExpression("nullif", ColumnExpression(name), none))


def _values(columns: Sequence[str]) -> list[str]:
    return sorted((n for n in columns if n[0] == "v" and n[1:].isdigit()), key=lambda n: int(n[1:]))


def _row(row: Row, kind: Kind) -> Row:
    head = [_aware(value) if n in TIMES else value for n, value in enumerate(row[: len(HEAD)])]
    rest = row[len(HEAD) :]
    return (*head, rest) if kind == "metrics" else (*head, *rest)


def _aware(moment: datetime) -> datetime:
    """DuckDB's times are UTC without saying so."""
    return moment.replace(tzinfo=UTC)


def _within(wanted: Sequence[Range]) -> Expression:
    found = _one(wanted[0])
    for each in wanted[1:]:
        found = found | _one(each)
    return found


def _one(r: Range) -> Expression:
    position = ColumnExpression("position")
    return (
        (ColumnExpression("shard") == ConstantExpression(r.shard))
        & (ColumnExpression("lane") == ConstantExpression(r.lane))
        & (position > ConstantExpression(r.after))
        & (position <= ConstantExpression(r.upto))
    )
