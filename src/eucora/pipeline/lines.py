"""Lines of a payload: log lines, events, changes, crashes, deployments, each a row with its own time. Pure.

The shape says kind, source and severity; what a person may have written stands in the row, where it can be rewritten.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from eucora.archive.rows import Row
from eucora.archive.shapes import Shapes
from eucora.batch import Item
from eucora.pipeline.names import program
from eucora.pipeline.samples import word
from eucora.pipeline.times import corrected
from eucora_wire.payload import Payload

Line = tuple[str, str, str, datetime, Any, int, str, Mapping[str, Any]]
"""(kind, source, severity, time, id, count, text, fields) as the device has it."""


def lines(item: Item, shapes: Shapes) -> Iterator[Row]:
    """A row for each line of an item."""
    for kind, source, severity, said, line_id, count, text, fields in _all(item.payload):
        time, marks = corrected(said, item)
        name = word(source, shapes.full)
        yield (
            item.device,
            time,
            item.received,
            item.position,
            item.ordinal,
            item.shard,
            item.lane,
            marks,
            shapes.number("lines", (kind, name, severity), _parts(kind, name, severity)),
            line_id,
            item.subject,
            count,
            text,
            msgspec.json.encode(fields).decode() if fields else None,
        )


def _parts(kind: str, source: str, severity: str) -> Callable[[], dict[str, str]]:
    return lambda: {"kind": kind, "source": source, "severity": severity}


def _all(payload: Payload) -> Iterator[Line]:
    for log in payload.logs:
        yield "log", program(log.source), log.severity, log.time, log.id, log.count, log.template, log.fields
    for event in payload.events:
        told = _told(detail=event.detail, last=event.last)
        yield "event", event.name, event.severity, event.time, event.id, event.count, event.detail or event.name, told
    for change in payload.changes:
        told = _told(subject=change.subject, before=change.before, after=change.after, reason=change.reason)
        yield "change", change.kind, "info", change.time, change.id, 1, _change(change.subject, told), told
    if payload.apps is not None:
        for crash in payload.apps.crashes:
            told = _told(version=crash.version, signal=crash.signal, module=crash.module, core=crash.core)
            text = f"{crash.name} crashed" + (f" ({crash.signal})" if crash.signal else "")
            yield "crash", program(crash.name), "error", crash.time, crash.id, 1, text, {"name": crash.name, **told}
    for job in payload.deployments:
        told = _told(version=job.version, outcome=job.outcome, exit_code=job.exit_code, duration_s=job.duration)
        grave = "error" if job.outcome in ("failed", "rolled_back") else "info"
        yield (
            "deployment",
            job.outcome,
            grave,
            job.time,
            job.id,
            1,
            f"{job.job} {job.outcome}",
            {"job": job.job, **told},
        )


def _told(**values: Any) -> dict[str, Any]:
    """What was said; what was not is absent."""
    return {name: value for name, value in values.items() if value is not None}


def _change(subject: str, told: Mapping[str, Any]) -> str:
    return " ".join((subject, *(f"{name} {told[name]}" for name in ("before", "after", "reason") if name in told)))
