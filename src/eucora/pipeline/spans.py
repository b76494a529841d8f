"""Spans of a payload, each a row. Pure."""

from collections.abc import Callable, Iterator

import msgspec

from eucora.archive.rows import Row
from eucora.archive.shapes import Shapes
from eucora.batch import Item
from eucora.pipeline.samples import word
from eucora.pipeline.times import corrected


def spans(item: Item, shapes: Shapes) -> Iterator[Row]:
    """A row for each span of an item; its length is the device's own, whatever the clock was."""
    for span in item.payload.spans:
        time, marks = corrected(span.start, item)
        name = word(span.name, shapes.full)
        yield (
            item.device,
            time,
            item.received,
            item.position,
            item.ordinal,
            item.shard,
            item.lane,
            marks,
            shapes.number("spans", ("spans", name), _parts(name)),
            bytes.fromhex(span.trace_id),
            bytes.fromhex(span.span_id),
            bytes.fromhex(span.parent_id) if span.parent_id else None,
            item.subject,
            (span.end - span.start).total_seconds(),
            span.status,
            msgspec.json.encode(span.attributes).decode() if span.attributes else None,
        )


def _parts(name: str) -> Callable[[], dict[str, str]]:
    return lambda: {"name": name}
