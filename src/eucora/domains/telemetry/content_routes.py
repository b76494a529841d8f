"""Lines, changes, crashes and spans: of one device, and found over many. Each reading is recorded (`content`)."""

import re
import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from litestar import get
from litestar.params import FromPath, PathParameter, QueryParameter

from eucora.archive.lines import Lines
from eucora.archive.query import Archive, LineKey, LineRow
from eucora.archive.spans import SpanRow, Spans
from eucora.domains.telemetry import queries
from eucora.domains.telemetry.content import CONTENT, Reader
from eucora.problems import Refused
from eucora.web.declare import declared
from eucora.web.given import Given, GivenNow
from eucora.web.moments import Since, Until, moment
from eucora.web.paging import After, Limit, Page, cut, key
from eucora.web.streaming import Asking, streamed, wants_rows

Kind = Literal["log", "event", "change", "crash", "deployment"]
Severity = Literal["debug", "info", "warning", "error", "critical"]
Status = Literal["unset", "ok", "error"]
SpanKey = tuple[datetime, int, int, str, uuid.UUID]

Devices = Annotated[list[uuid.UUID] | None, QueryParameter(max_items=1000, description="Only these")]
Text = Annotated[
    str,
    QueryParameter(
        max_length=500,
        description='Words, or "several as one": each must stand in the message or in the value of a field, in any case',
    ),
]
Kinds = Annotated[list[Kind] | None, QueryParameter(max_items=5, description="None: all")]
Sources = Annotated[list[str] | None, QueryParameter(max_items=50, description="Programs")]
Grave = Annotated[Severity, QueryParameter(description="So grave, or graver")]
Fields = Annotated[list[str] | None, QueryParameter(max_items=10, description="name=value: a field has this value")]
Names = Annotated[list[str] | None, QueryParameter(max_items=50, description="Names of spans")]
Statuses = Annotated[list[Status] | None, QueryParameter(max_items=3, description="None: all")]
Least = Annotated[float, QueryParameter(ge=0, le=1e9, description="As long, or longer, in seconds")]
Roots = Annotated[bool, QueryParameter(description="Only spans without a parent: each begins a trace")]
TraceId = Annotated[str, PathParameter(pattern="^[0-9a-f]{32}$", description="32 hex digits")]

_WORD = re.compile(r'"([^"]*)"|(\S+)')
MOST_WORDS = 10


def words(text: str) -> tuple[str, ...]:
    """Words, and what stands between quotes as one. Raises Refused (bad-request) for too many."""
    found = tuple(word for pair in _WORD.findall(text) if (word := pair[0] or pair[1]))
    if len(found) > MOST_WORDS:
        raise Refused("bad-request", f"at most {MOST_WORDS} words")
    return found


def pairs(texts: list[str] | None) -> tuple[tuple[str, str], ...]:
    """name=value. Raises Refused (bad-request) for one without a name."""
    found = [text.partition("=") for text in texts or ()]
    if not all(name and equals for name, equals, _ in found):
        raise Refused("bad-request", "a field is asked for as name=value")
    return tuple((name, value) for name, _, value in found)


@get("/devices/{device_id:uuid}/lines", opt=declared(CONTENT, "personal"))
async def lines(
    device_id: FromPath[uuid.UUID],
    archive: Given[Archive],
    reader: Given[Reader],
    now: GivenNow,
    request: Asking,
    since: Since = "1d",
    until: Until = "0s",
    after: After = None,
    limit: Limit = 100,
) -> Page[LineRow]:
    """Log lines and events, newest first."""
    asks = _of_device(device_id, ("log", "event"), moment(since, now), moment(until, now), after)
    return await _told(archive, reader, "telemetry.lines.read", asks, request, limit)


@get("/devices/{device_id:uuid}/changes", opt=declared(CONTENT, "personal"))
async def changes(
    device_id: FromPath[uuid.UUID],
    archive: Given[Archive],
    reader: Given[Reader],
    now: GivenNow,
    request: Asking,
    since: Since = "30d",
    until: Until = "0s",
    after: After = None,
    limit: Limit = 100,
) -> Page[LineRow]:
    """Installs, updates, drivers, policies, reboots and deployments, newest first."""
    asks = _of_device(device_id, ("change", "deployment"), moment(since, now), moment(until, now), after)
    return await _told(archive, reader, "telemetry.changes.read", asks, request, limit)


@get("/devices/{device_id:uuid}/crashes", opt=declared(CONTENT, "personal"))
async def crashes(
    device_id: FromPath[uuid.UUID],
    archive: Given[Archive],
    reader: Given[Reader],
    now: GivenNow,
    request: Asking,
    since: Since = "30d",
    until: Until = "0s",
    after: After = None,
    limit: Limit = 100,
) -> Page[LineRow]:
    """Crashes, newest first."""
    asks = _of_device(device_id, ("crash",), moment(since, now), moment(until, now), after)
    return await _told(archive, reader, "telemetry.crashes.read", asks, request, limit)


@get("/telemetry/lines", opt=declared(CONTENT, "personal"))
async def search_lines(
    archive: Given[Archive],
    reader: Given[Reader],
    now: GivenNow,
    request: Asking,
    text: Text = "",
    kind: Kinds = None,
    source: Sources = None,
    severity: Grave = "debug",
    field: Fields = None,
    devices: Devices = None,
    since: Since = "1d",
    until: Until = "0s",
    after: After = None,
    limit: Limit = 100,
) -> Page[LineRow]:
    """Lines of the fleet or of some devices that fulfil every condition, newest first.

    As JSON lines (application/x-ndjson) all of them, however many.
    """
    asks = Lines(
        since=moment(since, now),
        until=moment(until, now),
        kinds=tuple(kind or queries.KINDS),
        devices=devices,
        sources=tuple(source or ()),
        severity=severity,
        words=words(text),
        fields=pairs(field),
        after=key(after, LineKey),
    )
    return await _told(archive, reader, "telemetry.lines.read", asks, request, limit)


@get("/telemetry/traces", opt=declared(CONTENT, "personal"))
async def search_spans(
    archive: Given[Archive],
    reader: Given[Reader],
    now: GivenNow,
    request: Asking,
    name: Names = None,
    status: Statuses = None,
    attribute: Fields = None,
    least_s: Least = 0.0,
    roots: Roots = False,
    devices: Devices = None,
    since: Since = "1d",
    until: Until = "0s",
    after: After = None,
    limit: Limit = 100,
) -> Page[SpanRow]:
    """Spans of the fleet or of some devices that fulfil every condition, newest first, each with its trace.

    As JSON lines (application/x-ndjson) all of them, however many.
    """
    asks = Spans(
        since=moment(since, now),
        until=moment(until, now),
        devices=devices,
        names=tuple(name or ()),
        statuses=tuple(status or ()),
        attributes=pairs(attribute),
        least_s=least_s,
        roots=roots,
        after=key(after, SpanKey),
    )
    await reader.reads(
        "telemetry.traces.read",
        asks.devices,
        since=asks.since,
        until=asks.until,
        names=reader.hidden(asks.names),
        statuses=asks.statuses,
        attributes=reader.hidden([f"{name}={value}" for name, value in asks.attributes]),
        roots=roots,
    )
    if wants_rows(request):
        return await streamed(queries.told_spans(archive, asks))  # type: ignore[no-any-return]
    return cut(await queries.spans(archive, asks, limit + 1), limit, lambda row: row.key)


@get("/telemetry/traces/{trace_id:str}", opt=declared(CONTENT, "personal"))
async def trace(trace_id: TraceId, archive: Given[Archive], reader: Given[Reader]) -> list[SpanRow]:
    """All spans of a trace, whichever devices they came from, in order of their start."""
    await reader.reads("telemetry.trace.read", None, trace=trace_id)
    return await queries.trace(archive, trace_id)


def _of_device(device: uuid.UUID, kinds: tuple[str, ...], since: datetime, until: datetime, after: str | None) -> Lines:
    return Lines(since=since, until=until, kinds=kinds, devices=[device], after=key(after, LineKey))


async def _told(archive: Archive, reader: Reader, act: str, asks: Lines, request: Asking, limit: int) -> Page[LineRow]:
    await reader.reads(
        act,
        asks.devices,
        since=asks.since,
        until=asks.until,
        kinds=tuple(asks.kinds),
        severity=asks.severity,
        sources=reader.hidden(asks.sources),
        words=reader.hidden(asks.words),
        fields=reader.hidden([f"{name}={value}" for name, value in asks.fields]),
    )
    if wants_rows(request):
        return await streamed(queries.told_lines(archive, asks))  # type: ignore[no-any-return]
    return cut(await queries.lines(archive, asks, limit + 1), limit, lambda row: row.key)


ROUTES: tuple[Any, ...] = (lines, changes, crashes, search_lines, search_spans, trace)
