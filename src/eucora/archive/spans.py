"""Spans: those that fulfil what is asked, newest first; and all of one trace, whichever devices they came from."""

import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from duckdb import ColumnExpression, ConstantExpression, DuckDBPyConnection, DuckDBPyRelation
from msgspec import Struct

from eucora.archive import masks
from eucora.archive.files import Snapshot, snapshot
from eucora.archive.masks import Masked
from eucora.archive.newest import COLUMNS, SQL, Key, Row, Sought, newest, row_of
from eucora.archive.parquet import read, unmasked
from eucora.archive.query import Archive
from eucora.archive.says import holds

MOST = 10_000
"""Spans of a trace that are told: the first ones."""
NARROW = "ask with the trace's own span (since, until)"


class SpanRow(Struct, frozen=True, kw_only=True):
    """One span; ids in lower-case hex. `time`: its start."""

    device: uuid.UUID
    time: datetime
    received: datetime
    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    status: str
    duration_s: float
    attributes: dict[str, Any]
    subject: uuid.UUID | None
    position: int
    item: int

    @property
    def key(self) -> Key:
        return (self.time, self.position, self.item, self.span_id, self.device)


class Spans(Struct, frozen=True, kw_only=True):
    """What is asked of [since, until), behind the key `after`. Whatever is empty is not asked for.

    `roots`: only those without a parent, each the beginning of a trace.
    """

    since: datetime
    until: datetime
    devices: Sequence[uuid.UUID] | None = None
    names: Sequence[str] = ()
    statuses: Sequence[str] = ()
    attributes: Sequence[tuple[str, str]] = ()
    least_s: float = 0.0
    roots: bool = False
    after: Key | None = None


async def spans(archive: Archive, asks: Spans, most: int | None = None) -> AsyncGenerator[list[SpanRow]]:
    """Spans in lists, newest first; a page's reader takes `most` or a few more, a stream's (None) all."""
    names: dict[int, str] = {}

    async def plan(at: Snapshot) -> Sought:
        rows = await at.db.fetch(SQL.span_shapes, list(asks.names) or None)
        names.update((row["shape"], row["name"]) for row in rows)
        return Sought(
            kind="spans",
            since=asks.since,
            until=asks.until,
            shapes=frozenset(names),
            devices=asks.devices,
            after=asks.after,
            only=lambda rows: only(rows, asks),
        )

    async with aclosing(newest(archive, plan, most, wide=asks.devices is None or len(asks.devices) > 1)) as found:
        async for rows in found:
            yield [_span(row, names[row["shape"]]) for row in rows]


def only(rows: DuckDBPyRelation, asks: Spans) -> DuckDBPyRelation:
    """Rows that fulfil every condition. Raises Refused (bad-request) for a name that no attribute has."""
    if asks.statuses:
        rows = rows.filter(ColumnExpression("status").isin(*map(ConstantExpression, asks.statuses)))
    if asks.least_s > 0:
        rows = rows.filter(ColumnExpression("duration_s") >= ConstantExpression(asks.least_s))
    if asks.roots:
        rows = rows.filter(ColumnExpression("parent_id").isnull())
    for name, value in asks.attributes:
        rows = rows.filter(holds("attributes", name, value))
    return rows


async def trace(archive: Archive, trace_id: str) -> list[SpanRow]:
    """The spans of a trace (32 hex digits), in order of their start; the first MOST."""
    async with archive.asking.question(NARROW, wide=False) as question, AsyncExitStack() as held:
        async with question.timed():
            async with snapshot(archive.pool) as at:
                hot = [dict(row) for row in await at.db.fetch(SQL.of_trace, bytes.fromhex(trace_id), at.hot, MOST)]
                names = {row["shape"]: row["name"] for row in await at.db.fetch(SQL.span_shapes, None)}
                files = await at.files_of_trace(trace_id)
                hidden = await masks.beyond(at.db, min((file.masks for file in files), default=0)) if files else []
            paths = await held.enter_async_context(archive.copies.of(files))
        cold = await question.of(partial(_of_trace, paths=paths, trace_id=trace_id, hidden=hidden)) if paths else []
    rows = sorted((*hot, *cold), key=lambda row: (row["time"], row["span_id"], row["position"], row["item"]))
    return [_span(row, names[row["shape"]]) for row in rows[:MOST]]


def _of_trace(db: DuckDBPyConnection, paths: Sequence[Path], trace_id: str, hidden: Sequence[Masked]) -> list[Row]:
    rows = read(db, paths).filter(ColumnExpression("trace_id") == ConstantExpression(trace_id))
    rows = unmasked(rows, hidden).select(*[ColumnExpression(name) for name in COLUMNS["spans"]])
    return [row_of("spans", row) for row in rows.order("time, span_id, position, item").limit(MOST).fetchall()]


def _span(row: Row, name: str) -> SpanRow:
    named = {field: row[field] for field in SpanRow.__struct_fields__ if field in row}
    parent = row["parent_id"] or None
    attributes = msgspec.json.decode(row["attributes"]) if row["attributes"] else {}
    return SpanRow(**{**named, "name": name, "parent_id": parent, "attributes": attributes})
