"""Stage 5. What goes where: rows of samples, lines and spans for the archive, sections for the domains. Pure.

Domains find their items in `Plan.sections` by the name of the section; samples leave as columns, not as objects.
"""

from collections.abc import Sequence

from eucora.archive.rows import Row
from eucora.archive.shapes import Shapes
from eucora.batch import Item, Plan
from eucora.pipeline.enrich import Known
from eucora.pipeline.lines import lines
from eucora.pipeline.samples import columns, device_columns
from eucora.pipeline.spans import spans

SECTIONS = ("device", "software", "sessions")
"""Sections that change a domain's tables; all others are signals, and go to the archive."""


def route(items: Sequence[Item], known: Known, shapes: Shapes) -> Plan:
    """The plan of a batch. Shapes that are new have provisional numbers until `store` settles them."""
    metrics: list[Row] = []
    line_rows: list[Row] = []
    span_rows: list[Row] = []
    sections: dict[str, list[Item]] = {name: [] for name in SECTIONS}
    for item in items:
        p = item.payload
        # Nearly every payload is health alone: it costs one look at each section that is not there.
        if p.apps is None and p.ux is None and not p.deployments:
            if p.hardware is not None or p.network is not None or p.agent is not None:
                metrics.append(_row(item, *device_columns(p, shapes)))
        else:
            metrics += [_row(item, *found) for found in columns(p, shapes)]
        if p.logs or p.events or p.changes or p.deployments or (p.apps is not None and p.apps.crashes):
            line_rows += lines(item, shapes)
        if p.spans:
            span_rows += spans(item, shapes)
        if p.device is not None:
            sections["device"].append(item)
        if p.software is not None:
            sections["software"].append(item)
        if p.sessions:
            sections["sessions"].append(item)
    return Plan(
        tuple(items), {name: tuple(found) for name, found in sections.items()}, metrics, line_rows, span_rows, (), known
    )


def _row(item: Item, shape: int, values: list[float]) -> Row:
    return (
        item.device,
        item.time,
        item.received,
        item.position,
        item.ordinal,
        item.shard,
        item.lane,
        item.marks,
        shape,
        values,
    )
