"""Log lines, events, changes, crashes and deployments, newest first: of one device, many, or the fleet."""

import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any

import msgspec
from duckdb import DuckDBPyRelation
from msgspec import Struct

from eucora.archive.files import Snapshot
from eucora.archive.newest import SQL, Row, Sought, newest
from eucora.archive.query import Archive, LineKey, LineRow
from eucora.archive.says import holds, says

GRAVE = ("debug", "info", "warning", "error", "critical")
"""Severities, the least first."""


class Lines(Struct, frozen=True, kw_only=True):
    """What is asked of [since, until), behind the key `after`. `devices` None, or no source: all.

    Each word must stand in the text or in the value of a field, whatever its case; each field must have its value;
    `severity`: so grave or graver.
    """

    since: datetime
    until: datetime
    kinds: Sequence[str]
    devices: Sequence[uuid.UUID] | None = None
    sources: Sequence[str] = ()
    severity: str = GRAVE[0]
    words: Sequence[str] = ()
    fields: Sequence[tuple[str, str]] = ()
    after: LineKey | None = None


async def lines(archive: Archive, asks: Lines, most: int | None = None) -> AsyncGenerator[list[LineRow]]:
    """Lines in lists, newest first; a page's reader takes `most` or a few more, a stream's (None) all."""
    shapes: dict[int, Any] = {}

    async def plan(at: Snapshot) -> Sought:
        grave = None if asks.severity == GRAVE[0] else list(GRAVE[GRAVE.index(asks.severity) :])
        rows = await at.db.fetch(SQL.line_shapes, list(asks.kinds), list(asks.sources) or None, grave)
        shapes.update((row["shape"], row) for row in rows)
        return Sought(
            kind="lines",
            since=asks.since,
            until=asks.until,
            shapes=frozenset(shapes),
            devices=asks.devices,
            after=asks.after,
            only=lambda rows: only(rows, asks),
        )

    async with aclosing(newest(archive, plan, most, wide=asks.devices is None or len(asks.devices) > 1)) as found:
        async for rows in found:
            yield [_line(row, shapes[row["shape"]]) for row in rows]


def only(rows: DuckDBPyRelation, asks: Lines) -> DuckDBPyRelation:
    """Rows that say every word and have every field. Raises Refused (bad-request) for a name that no field has."""
    for name, value in asks.fields:
        rows = rows.filter(holds("fields", name, value))
    for word in asks.words:
        rows = rows.filter(says(word, "text", "fields"))
    return rows


def _line(row: Row, shape: Any) -> LineRow:
    named = {name: row[name] for name in LineRow.__struct_fields__ if name in row}
    fields = msgspec.json.decode(row["fields"]) if row["fields"] else {}
    return LineRow(**{**named, **{n: shape[n] for n in ("kind", "source", "severity")}, "fields": fields})
