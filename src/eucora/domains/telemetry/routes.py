"""Samples and lines of one device; a metric over many."""

import uuid
from datetime import datetime
from typing import Annotated

from litestar import get
from litestar.params import FromPath, QueryParameter

from eucora.archive.across import By, Op
from eucora.archive.query import Archive, LineKey, LineRow, Series
from eucora.domains.telemetry import queries
from eucora.domains.telemetry.queries import Fleet
from eucora.web.declare import declared
from eucora.web.given import Given, GivenNow
from eucora.web.moments import Since, Until, moment
from eucora.web.paging import After, Limit, Page, cut, key

Path = Annotated[str, QueryParameter(max_length=120, description="A metric: hardware.cpu, or the end of a path: cpu")]

Step = Annotated[str | None, QueryParameter(max_length=40, pattern="^[0-9]{1,9}[smhdw]$", description="5m, 1h, 1d")]
Asked = Annotated[Op, QueryParameter(description="rate is for counters, last for devices each")]
Each = Annotated[By, QueryParameter(description="A series a device, or one over all")]
Devices = Annotated[list[uuid.UUID] | None, QueryParameter(max_items=1000, description="Only these")]


@get("/devices/{device_id:uuid}/series", opt=declared("telemetry.read", "none"))
async def series(
    device_id: FromPath[uuid.UUID],
    path: Path,
    archive: Given[Archive],
    now: GivenNow,
    since: Since = "1h",
    until: Until = "0s",
) -> Series:
    """One metric over time, oldest first, in its canonical unit."""
    return await queries.series(archive, device_id, path, moment(since, now), moment(until, now))


@get("/telemetry/query", opt=declared("telemetry.read", "none"))
async def query(
    metric: Path,
    archive: Given[Archive],
    now: GivenNow,
    since: Since = "1d",
    until: Until = "0s",
    step: Step = None,
    op: Asked = "mean",
    by: Each = "fleet",
    devices: Devices = None,
) -> Fleet:
    """One metric over many devices, step by step, each point at the beginning of its step; without a step, one point."""
    begin, end = moment(since, now), moment(until, now)
    length = None if step is None else now - moment(step, now)
    return await queries.fleet(archive, metric, begin, end, length, op, by, devices)


@get("/devices/{device_id:uuid}/lines", opt=declared("telemetry.read", "none"))
async def lines(
    device_id: FromPath[uuid.UUID],
    archive: Given[Archive],
    now: GivenNow,
    since: Since = "1d",
    until: Until = "0s",
    after: After = None,
    limit: Limit = 100,
) -> Page[LineRow]:
    """Log lines and events, newest first."""
    return await _page(archive, device_id, ("log", "event"), moment(since, now), moment(until, now), after, limit)


@get("/devices/{device_id:uuid}/changes", opt=declared("telemetry.read", "none"))
async def changes(
    device_id: FromPath[uuid.UUID],
    archive: Given[Archive],
    now: GivenNow,
    since: Since = "30d",
    until: Until = "0s",
    after: After = None,
    limit: Limit = 100,
) -> Page[LineRow]:
    """Installs, updates, drivers, policies, reboots and deployments, newest first."""
    kinds = ("change", "deployment")
    return await _page(archive, device_id, kinds, moment(since, now), moment(until, now), after, limit)


@get("/devices/{device_id:uuid}/crashes", opt=declared("telemetry.read", "none"))
async def crashes(
    device_id: FromPath[uuid.UUID],
    archive: Given[Archive],
    now: GivenNow,
    since: Since = "30d",
    until: Until = "0s",
    after: After = None,
    limit: Limit = 100,
) -> Page[LineRow]:
    """Crashes, newest first."""
    return await _page(archive, device_id, ("crash",), moment(since, now), moment(until, now), after, limit)


async def _page(
    archive: Archive,
    device: uuid.UUID,
    kinds: tuple[str, ...],
    since: datetime,
    until: datetime,
    after: str | None,
    limit: int,
) -> Page[LineRow]:
    rows = await queries.lines(archive, device, kinds, since, until, key(after, LineKey), limit + 1)
    return cut(rows, limit, lambda row: row.key)


ROUTES = (series, query, lines, changes, crashes)
