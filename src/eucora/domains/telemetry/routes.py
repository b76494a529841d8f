"""Samples of one device; a metric over many, by device, by group or as one, over time or at a moment."""

import uuid
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from litestar import get
from litestar.params import FromPath, QueryParameter

from eucora.archive.across import Op
from eucora.archive.query import Archive, Series
from eucora.domains.telemetry import content_routes, queries
from eucora.domains.telemetry.queries import Asked, Fleet, Moment
from eucora.web.declare import declared
from eucora.web.given import Given, GivenNow
from eucora.web.moments import Since, Until, moment
from eucora.web.streaming import Asking, streamed, wants_rows

Path = Annotated[str, QueryParameter(max_length=120, description="A metric: hardware.cpu, or the end of a path: cpu")]

LENGTH = "^[0-9]{1,9}[smhdw]$"
Step = Annotated[str | None, QueryParameter(max_length=40, pattern=LENGTH, description="5m, 1h, 1d")]
Within = Annotated[str, QueryParameter(max_length=40, pattern=LENGTH, description="How old a value may be: 5m, 1h")]
Operation = Annotated[Op, QueryParameter(description="rate is for counters, last for devices each")]
ByName = Literal[
    "device", "fleet", "model", "site", "os", "os_name", "os_version", "version", "os_build", "architecture", "firmware",
    "timezone", "virtual", "disk_encrypted", "network", "policy",
]  # fmt: skip
By = Annotated[
    ByName,
    QueryParameter(
        description="A series a device, one over all, or one a group: what a device was when it took the sample"
    ),
]
Devices = Annotated[list[uuid.UUID] | None, QueryParameter(max_items=1000, description="Only these")]


@get("/devices/{device_id:uuid}/series", opt=declared("telemetry.read", "none"))
async def series(
    device_id: FromPath[uuid.UUID],
    path: Path,
    archive: Given[Archive],
    now: GivenNow,
    request: Asking,
    since: Since = "1h",
    until: Until = "0s",
) -> Series:
    """One metric over time, oldest first, in its canonical unit; as JSON lines (application/x-ndjson) point by point."""
    begin, end = moment(since, now), moment(until, now)
    if wants_rows(request):
        return await streamed(queries.series_points(archive, device_id, path, begin, end))  # type: ignore[no-any-return]
    return await queries.series(archive, device_id, path, begin, end)


@get("/telemetry/query", opt=declared("telemetry.read", "none"))
async def query(
    metric: Path,
    archive: Given[Archive],
    now: GivenNow,
    request: Asking,
    since: Since = "1d",
    until: Until = "0s",
    step: Step = None,
    op: Operation = "mean",
    by: By = "fleet",
    devices: Devices = None,
) -> Fleet:
    """One metric over many devices, step by step, each point at the beginning of its step; without a step, one point.

    Steps begin where whole ones do: of an hour at the hour, of a day at midnight, in UTC. As JSON lines
    (application/x-ndjson) point by point, however many.
    """
    length = None if step is None else _length(step, now)
    asked = Asked(
        path=metric,
        since=moment(since, now),
        until=moment(until, now),
        step=length,
        op=op,
        by=by,
        devices=devices,
    )
    if wants_rows(request):
        return await streamed(queries.fleet_points(archive, asked))  # type: ignore[no-any-return]
    return await queries.fleet(archive, asked)


@get("/telemetry/instant", opt=declared("telemetry.read", "none"))
async def instant(
    metric: Path,
    archive: Given[Archive],
    now: GivenNow,
    at: Until = "0s",
    within: Within = "1h",
    op: Operation = "mean",
    by: By = "device",
    devices: Devices = None,
) -> Moment:
    """The newest value of each device at a moment, if it is no older than `within`; of a group or the fleet, their `op`."""
    end = moment(at, now)
    return await queries.moment(
        archive,
        Asked(path=metric, since=_before(end, within, now), until=end, step=None, op=op, by=by, devices=devices),
    )


def _length(text: str, now: datetime) -> timedelta:
    return now - moment(text, now)


def _before(end: datetime, within: str, now: datetime) -> datetime:
    """Raises Refused (bad-request) for one that no calendar holds."""
    length = _length(within, now)
    try:
        return end - length
    except OverflowError:
        return datetime.min.replace(tzinfo=end.tzinfo)


ROUTES: tuple[Any, ...] = (series, query, instant, *content_routes.ROUTES)
