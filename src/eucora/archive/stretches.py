"""Rows of files by their place in the journal, for whoever reads on from a cursor. DuckDB, in a thread."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from duckdb import ColumnExpression, ConstantExpression, Expression
from msgspec import Struct

from eucora.archive.parquet import SETTINGS, read
from eucora.problems import TryLater

PLACE = ("lane", "shard", "position", "item")
HEAD = (*PLACE, "device", "time", "received", "shape")
TIMES = (HEAD.index("time"), HEAD.index("received"))

Row = tuple[Any, ...]
"""(lane, shard, position, item, device, time, received, shape, values)."""


class Range(Struct, frozen=True):
    """Positions of a place behind `after`, up to `upto`."""

    shard: int
    lane: int
    after: int
    upto: int


def metrics(files: Sequence[Path], wanted: Sequence[Range], most: int | None) -> list[Row]:
    """The first rows of these stretches; values beyond a row's shape are null. Raises TryLater for a copy that went away."""
    try:
        with duckdb.connect(config=dict(SETTINGS)) as db:
            rows = read(db, files)
            values = sorted((n for n in rows.columns if n[0] == "v" and n[1:].isdigit()), key=lambda n: int(n[1:]))
            rows = rows.filter(_within(wanted)).order(", ".join(PLACE))
            rows = rows if most is None else rows.limit(most)
            found = rows.select(*[ColumnExpression(name) for name in (*HEAD, *values)]).fetchall()
    except duckdb.Error as exc:
        raise TryLater("store-unavailable", f"a file could not be read ({type(exc).__name__})", 0.0) from exc
    return [_row(row) for row in found]


def _row(row: Row) -> Row:
    head = [_aware(value) if n in TIMES else value for n, value in enumerate(row[: len(HEAD)])]
    return (*head, row[len(HEAD) :])


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
