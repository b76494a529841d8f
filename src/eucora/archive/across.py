"""One metric over many devices: hot rows and files of one snapshot, brought together by DuckDB, step by step.

Bounded: DuckDB's memory, the points of an answer. Who goes away stops the work.
"""

import tempfile
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec
from duckdb import ColumnExpression, ConstantExpression, DuckDBPyConnection, DuckDBPyRelation, FunctionExpression
from msgspec import Struct

from eucora.archive import masks
from eucora.archive.files import snapshot
from eucora.archive.masks import Masked
from eucora.archive.parquet import AS_COPIED, asked, naive, read, unmasked, value_column
from eucora.archive.query import SQL as SHAPES
from eucora.archive.query import Archive, Labels, Metric
from eucora.problems import Refused
from eucora.sql import load

SQL = load(__file__, "across.sql")
MOST = 100_000
COLUMNS = {
    "device": "UUID",
    "time": "BIGINT",
    "position": "BIGINT",
    "item": "BIGINT",
    "shape": "INTEGER",
    "place": "INTEGER",
    "value": "DOUBLE",
}
QUANTILES: Mapping[str, float] = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}

Op = Literal["mean", "min", "max", "count", "last", "rate", "p50", "p90", "p95", "p99"]
By = Literal["device", "fleet"]


class Across(Struct, frozen=True):
    """What is asked of [since, until). Without a step the span is one. `devices` None: all."""

    metric: Metric
    since: datetime
    until: datetime
    step: timedelta | None
    op: Op
    by: By
    devices: Sequence[uuid.UUID] | None = None


class Line(Struct, frozen=True):
    """The points of one series, of one device or of all (None); each at the beginning of its step."""

    device: uuid.UUID | None
    labels: Labels
    points: tuple[tuple[datetime, float], ...]


async def across(archive: Archive, asks: Across) -> tuple[Line, ...]:
    """The answer, by device and labels. Raises Refused (bad-request) for one that is longer than MOST points."""
    if asks.op == "last" and asks.by == "fleet":
        raise Refused("bad-request", "last is of each device: by=device")
    if asks.until <= asks.since or (asks.step is not None and asks.step <= timedelta(0)):
        raise Refused("bad-request", "a span and a step are longer than nothing")
    with tempfile.TemporaryDirectory(prefix="eucora-across-") as folder:
        hot = Path(folder) / "hot.csv"
        devices = None if asks.devices is None else list(asks.devices)
        async with snapshot(archive.pool) as at:
            await at.db.execute("SET LOCAL enable_seqscan = on")  # of a fleet, all rows
            wanted = (asks.metric.name, asks.since, asks.until, at.hot, devices)
            await at.db.copy_from_query(SQL.hot_points, *wanted, output=hot, format="csv")
            places = [tuple(row) for row in await at.db.fetch(SHAPES.places_of, asks.metric.name)]
            files = await at.files("metrics", asks.since, asks.until)
            hidden = await masks.beyond(at.db, min((file.masks for file in files), default=0)) if files else []
        async with archive.copies.of(files) as paths:
            rows = await asked(lambda db: answer(db, asks, hot, places, paths, hidden))
    if len(rows) > MOST:
        raise Refused("bad-request", f"that is more than {MOST:,} points: take a longer step, or fewer devices")
    return _lines(rows, asks)


def answer(
    db: DuckDBPyConnection,
    asks: Across,
    hot: Path,
    places: Sequence[tuple[int, int, str]],
    paths: Sequence[Path],
    hidden: Sequence[Masked],
) -> list[Any]:
    """Rows (device, labels, step, value) of hot rows as CSV and of files. `places`: (shape, place, labels) of the metric."""
    if not places:
        return []
    db.execute(SQL.make_places)
    db.executemany(SQL.place, [(shape, place, _sorted(labels)) for shape, place, labels in places])
    points = _hot(db, hot)
    if paths:
        cold = unmasked(_within(read(db, paths), asks), hidden)
        known = set(cold.columns)
        for place in sorted({place for _, place, _ in places}):
            if value_column(place) in known:
                points = points.union(_at(cold, place, {shape for shape, n, _ in places if n == place}))
    points.create_view("points")
    span = asks.until - asks.since
    given: dict[str, Any] = {
        "since": int(asks.since.timestamp() * 1_000_000),
        "step": (asks.step or span) // timedelta(microseconds=1),
        "most": MOST + 1,
    }
    if asks.op in QUANTILES:
        return db.execute(getattr(SQL, f"quantile_by_{asks.by}"), given | {"quantile": QUANTILES[asks.op]}).fetchall()
    if asks.op == "rate":
        return db.execute(getattr(SQL, f"rate_by_{asks.by}"), given).fetchall()
    return db.execute(getattr(SQL, f"by_{asks.by}"), given | {"op": asks.op}).fetchall()


def _hot(db: DuckDBPyConnection, csv: Path) -> DuckDBPyRelation:
    time = FunctionExpression("make_timestamp", ColumnExpression("time")).alias("time")
    others = [time if name == "time" else ColumnExpression(name) for name in COLUMNS]
    return db.read_csv(str(csv), columns=COLUMNS, **AS_COPIED).select(*others)


def _within(rows: DuckDBPyRelation, asks: Across) -> DuckDBPyRelation:
    time = ColumnExpression("time")
    rows = rows.filter((time >= ConstantExpression(naive(asks.since))) & (time < ConstantExpression(naive(asks.until))))
    if asks.devices is not None:
        rows = rows.filter(ColumnExpression("device").isin(*[ConstantExpression(d) for d in asks.devices]))
    return rows


def _at(rows: DuckDBPyRelation, place: int, shapes: set[int]) -> DuckDBPyRelation:
    columns = [ColumnExpression(name) for name in ("device", "time", "position", "item", "shape")]
    found = rows.filter(ColumnExpression("shape").isin(*[ConstantExpression(n) for n in sorted(shapes)]))
    value = ColumnExpression(value_column(place)).alias("value")
    return found.select(*columns, ConstantExpression(place).cast("INTEGER").alias("place"), value)


def _sorted(labels: str) -> str:
    return msgspec.json.encode(sorted(msgspec.json.decode(labels).items())).decode()


def _lines(rows: Sequence[tuple[Any, str, int, float]], asks: Across) -> tuple[Line, ...]:
    found: dict[tuple[uuid.UUID | None, str], list[tuple[datetime, float]]] = {}
    step = asks.step or asks.until - asks.since
    for device, labels, number, value in rows:
        found.setdefault((device, labels), []).append(((asks.since + number * step).astimezone(UTC), value))
    return tuple(
        Line(device, msgspec.json.decode(labels, type=Labels), tuple(points))
        for (device, labels), points in found.items()
    )
