"""Hot rows: what stands in them, and their way into the open window by COPY.

Every row begins with the same nine columns (`PLACE`); the window is put before them in the transaction that writes.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from eucora.archive.windows import open_for_writing
from eucora.slice import Transaction

PLACE = ("device", "time", "received", "position", "item", "shard", "lane", "marks", "shape")
SHAPE = PLACE.index("shape")
METRICS = ("window", *PLACE, "values")
LINES = ("window", *PLACE, "id", "subject", "count", "text", "fields")
SPANS = ("window", *PLACE, "trace_id", "span_id", "parent_id", "subject", "duration_s", "status", "attributes")

Place: TypeAlias = tuple[uuid.UUID, datetime, datetime, int, int, int, int, int, int]
Row: TypeAlias = tuple[Any, ...]
"""A place, then the columns of its kind."""


async def write(
    tx: Transaction, metrics: Sequence[Row], lines: Sequence[Row], spans: Sequence[Row], shapes: Mapping[int, int]
) -> None:
    """Copy rows into the open window, which stays open until the transaction ends. `shapes`: provisional to real."""
    await copy(tx, "hot", await open_for_writing(tx), metrics, lines, spans, shapes)


async def copy(
    tx: Transaction,
    tables: str,
    window: int,
    metrics: Sequence[Row],
    lines: Sequence[Row],
    spans: Sequence[Row],
    shapes: Mapping[int, int],
) -> None:
    """Rows into the three tables of that name, under a window."""
    for kind, columns, rows in (("metrics", METRICS, metrics), ("lines", LINES, lines), ("spans", SPANS, spans)):
        if rows:
            await tx.copy_records_to_table(f"{tables}_{kind}", records=_placed(rows, window, shapes), columns=columns)


def _placed(rows: Sequence[Row], window: int, shapes: Mapping[int, int]) -> list[Row]:
    if not shapes:
        return [(window, *row) for row in rows]
    return [(window, *row[:SHAPE], shapes.get(row[SHAPE], row[SHAPE]), *row[SHAPE + 1 :]) for row in rows]
