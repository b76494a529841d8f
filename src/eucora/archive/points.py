"""The points of one metric, of many devices, as DuckDB reads them: hot rows and files as one view, part by part of a span.

Expressions are built, not text: a column of values is chosen by its place in a shape.
"""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from duckdb import ColumnExpression, ConstantExpression, DuckDBPyConnection, DuckDBPyRelation
from msgspec import Struct

from eucora.archive.masks import Masked
from eucora.archive.parquet import AS_COPIED, in_time, naive, read, unmasked, value_column
from eucora.archive.query import Labels
from eucora.sql import load

SQL = load(__file__, "across.sql")
POINT = ("device", "time", "position", "item")
COLUMNS = {
    "device": "UUID",
    "time": "BIGINT",
    "position": "BIGINT",
    "item": "BIGINT",
    "shape": "INTEGER",
    "place": "INTEGER",
    "value": "DOUBLE",
}
HELD = {"device": "UUID", "since": "BIGINT", "until": "BIGINT", "value": "VARCHAR"}


class Stretch(Struct, frozen=True):
    """A part of a span, and where its rows lie."""

    since: datetime
    until: datetime
    files: Sequence[Path]
    hidden: Sequence[Masked]
    devices: Sequence[uuid.UUID] | None


class Points:
    """`places`: (shape, place, labels) of the metric; a set of labels is a number here, its place in `labels`.

    Hot rows are a file as the database copied it.
    """

    def __init__(self, places: Sequence[tuple[int, int, str]]) -> None:
        of = [tuple(sorted(msgspec.json.decode(labels).items())) for _, _, labels in places]
        self.labels: Sequence[Labels] = sorted(set(of))
        numbers = {labels: n for n, labels in enumerate(self.labels)}
        self._places = [(s, place, numbers[labels]) for (s, place, _), labels in zip(places, of, strict=True)]

    def prepare(self, db: DuckDBPyConnection, hot: Path, held: Path | None) -> None:
        """Tables for the whole span. `held`: (device, since, until, value), of which group a device was, and when."""
        db.execute(SQL.make_tables)
        db.executemany(SQL.place, self._places)
        db.read_csv(str(hot), columns=COLUMNS, **AS_COPIED).select(*in_time(COLUMNS)).create("hot")
        if held is not None:
            said = db.read_csv(str(held), columns=HELD, **AS_COPIED)
            said.select(*in_time(HELD)).create_view("said")
            db.execute(SQL.name_groups)
            db.execute(SQL.hold)

    def extent(self, db: DuckDBPyConnection) -> tuple[datetime, datetime] | None:
        """Between which moments hot rows lie."""
        ((first, last),) = db.execute(SQL.extent).fetchall()
        return None if first is None else (first.replace(tzinfo=UTC), last.replace(tzinfo=UTC))

    def view(self, db: DuckDBPyConnection, stretch: Stretch, *, behind: bool = False) -> None:
        """The stretch as the view `points`; `behind`: with each series' last point before it."""
        rows = self._labelled(db, _within(db.table("hot"), stretch))
        if stretch.files:
            cold = unmasked(_within(read(db, stretch.files), stretch), stretch.hidden)
            for place in sorted({place for _, place, _ in self._places}):
                if value_column(place) in cold.columns:
                    rows = rows.union(self._labelled(db, self._at(cold, place)))
        if behind:
            rows = rows.union(db.table("before").select(*POINT, "label", "value"))
        rows.create_view("points", replace=True)

    def _at(self, rows: DuckDBPyRelation, place: int) -> DuckDBPyRelation:
        shapes = sorted({shape for shape, n, _ in self._places if n == place})
        found = rows.filter(ColumnExpression("shape").isin(*map(ConstantExpression, shapes)))
        value = ColumnExpression(value_column(place)).alias("value")
        return found.select(*POINT, "shape", ConstantExpression(place).cast("INTEGER").alias("place"), value)

    def _labelled(self, db: DuckDBPyConnection, rows: DuckDBPyRelation) -> DuckDBPyRelation:
        """A metric that has the same labels everywhere, mostly none, needs no look-up a row."""
        if len(self.labels) > 1:
            return rows.join(db.table("places"), "shape, place").select(*POINT, "label", "value")
        label = ConstantExpression(0).cast("INTEGER").alias("label")
        return rows.select(*map(ColumnExpression, POINT), label, "value")


def _within(rows: DuckDBPyRelation, stretch: Stretch) -> DuckDBPyRelation:
    time = ColumnExpression("time")
    since, until = ConstantExpression(naive(stretch.since)), ConstantExpression(naive(stretch.until))
    rows = rows.filter((time >= since) & (time < until))
    if stretch.devices is not None:
        rows = rows.filter(ColumnExpression("device").isin(*map(ConstantExpression, stretch.devices)))
    return rows
