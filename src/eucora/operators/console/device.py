"""One device: what it is, how it does, and on one line of time all that happened to it, above charts of the same time."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from litestar import Request, Response, get
from litestar.params import FromPath, FromQuery
from markupsafe import Markup
from msgspec import Struct

from eucora.archive.courses import Course, Courses, Heard, courses
from eucora.archive.lines import Lines
from eucora.archive.query import STATES, Archive, LineKey, LineRow
from eucora.domains.identity.queries import SessionRow, sessions_of_device
from eucora.domains.incidents.queries import MEANS
from eucora.domains.software.queries import Key as PackageKey
from eucora.domains.software.queries import installed_on
from eucora.domains.telemetry import queries as telemetry
from eucora.domains.telemetry.content import CONTENT, Reader
from eucora.domains.telemetry.content_routes import words
from eucora.journal.keys import Keyring
from eucora.operators.console.fleet import METRICS as SHOWN
from eucora.operators.console.fleet import grave
from eucora.operators.console.sessions import Session
from eucora.operators.console.view import shown, view
from eucora.operators.device import WholeDevice, whole
from eucora.problems import Refused
from eucora.secrets import Secrets
from eucora.slice import Pool
from eucora.web.charts import Happened, Span, plot, timeline
from eucora.web.given import Given, GivenNow, GivenPool, GivenSecrets
from eucora.web.moments import moment
from eucora.web.paging import cut, key
from eucora.web.words import human
from eucora_wire.registry import METRICS

STEPS = 144
NOTHING = Courses([], [])
MOST_HAPPENED, A_PAGE_OF_LINES, A_PAGE_OF_PACKAGES, SESSIONS = 400, 100, 250, 30
SPANS = (("1 h", "1h"), ("6 h", "6h"), ("a day", "1d"), ("a week", "7d"), ("30 days", "30d"))
SEVERITIES = ("debug", "info", "warning", "error", "critical")
SOFTWARE = ("install", "update", "remove")
DRIFTS = {"software": "software", "device": "facts", "sessions": "session"}
TITLES = {metric.metric: metric.about for metric in METRICS.values()} | {
    STATES["network.proxy"]: "A proxy is in use",
    STATES["hardware.batteries.plugged"]: "On external power",
    STATES["agent.status"]: "The agent runs",
}


class Chart(Struct, frozen=True):
    """One series, drawn."""

    title: str
    metric: str
    labels: str
    newest: str
    at: datetime
    grave: str
    drawn: Markup


@get("/devices/{device_id:uuid}", **shown("devices.read", "personal"))
async def device_page(
    request: Request[Any, Any, Any],
    device_id: FromPath[uuid.UUID],
    pool: GivenPool,
    keyring: Given[Keyring],
    secrets: GivenSecrets,
    archive: Given[Archive],
    session: Given[Session],
    now: GivenNow,
    since: FromQuery[str] = "1d",
    until: FromQuery[str] = "0s",
) -> Response[bytes]:
    """Facts, what happened, and every metric."""
    span = spanned(since, until, now)
    found = await known(pool, keyring, archive, session, device_id, now)
    drawn = NOTHING
    if session.asker.may("telemetry.read"):
        drawn = await courses(archive, device_id, span.since, span.until, STEPS)
    sessions = await sessions_of_device(pool, device_id, SESSIONS)
    # A page that renews itself renews its charts: what devices said is read, and recorded, once.
    happened: list[Happened] = []
    if session.asker.may(CONTENT) and "x-live" not in request.headers:
        reads = Reader(pool, secrets, session.asker, now, "console")
        happened = await _happened(archive, reads, device_id, span)
    return view(
        request,
        session,
        "device.html",
        "Fleet",
        device=found,
        tab="overview",
        facts=facts(found),
        state=state(found),
        span=span,
        since=since,
        until=until,
        spans=SPANS,
        sessions=sessions,
        users={user.user_id: user.account for user in found.users},
        may_read=session.asker.may(CONTENT),
        may_close=session.asker.may("devices.revoke"),
        happened=sorted(happened, key=lambda each: each.at, reverse=True),
        timeline=timeline(
            span,
            [*_heard(drawn.heard), *happened, *_sessions(sessions, span)],
            "What happened on this device, by kind and time",
        ),
        charts=[chart(span, each) for each in sorted(drawn.series, key=importance)],
        drifts=DRIFTS,
        means=MEANS,
        gaps=[(stream, *gap) for stream in found.streams for gap in stream.gaps],
    )


def spanned(since: str, until: str, now: datetime) -> Span:
    """The time that a page shows. Raises Refused for one that ends before it begins."""
    found = Span(moment(since, now), min(moment(until, now), now))
    if found.until - found.since < timedelta(minutes=1):
        raise Refused("bad-request", "since must lie a minute before until, at least")
    return found


async def known(
    pool: Pool, keyring: Keyring, archive: Archive, session: Session, device_id: uuid.UUID, now: datetime
) -> WholeDevice:
    """With names while they are shown, which is recorded. Raises Refused (unknown)."""
    personal = session.unmasked(now)
    return await whole(pool, keyring, archive, session.asker, device_id, now, personal, session.unmasked_for)


async def _happened(archive: Archive, reads: Reader, device: uuid.UUID, span: Span) -> list[Happened]:
    """Changes, crashes and deployments, the newest ones of a long span."""
    kinds = ("change", "crash", "deployment")
    await reads.reads("telemetry.changes.read", [device], since=span.since, until=span.until, kinds=kinds)
    asks = Lines(since=span.since, until=span.until, kinds=kinds, devices=[device])
    rows = await telemetry.lines(archive, asks, MOST_HAPPENED)
    return [Happened(_kind(row), row.time, None, f"{row.time:%Y-%m-%d %H:%M} {said(row)}") for row in rows]


def _kind(row: LineRow) -> str:
    if row.kind != "change":
        return row.kind
    return "reboot" if row.source == "reboot" else "software" if row.source in SOFTWARE else "change"


def said(row: LineRow) -> str:
    """A line as a sentence: `{name}` stands for a field."""
    text = row.text
    for name, value in row.fields.items():
        text = text.replace("{" + name + "}", str(value))
    return f"{row.source}: {text}" if row.kind in ("change", "log") else text


def _sessions(sessions: Sequence[SessionRow], span: Span) -> list[Happened]:
    """Those that reach into the span."""
    return [
        Happened("session", each.start, each.end or span.until, f"A session from {each.start:%Y-%m-%d %H:%M}")
        for each in sessions
        if each.start < span.until and (each.end or span.until) > span.since
    ]


def _heard(stretches: Sequence[Heard]) -> list[Happened]:
    """When it told how it is; where nothing stands it was off, or has not told yet."""
    return [
        Happened(
            "late" if each.late else "heard",
            each.since,
            each.until,
            f"{'Told late' if each.late else 'Heard'}: {each.since:%Y-%m-%d %H:%M} to {each.until:%H:%M}",
        )
        for each in stretches
    ]


def chart(span: Span, course: Course) -> Chart:
    """One metric over the span, with its newest value and when that was said."""
    labels = ", ".join(f"{name} {value}" for name, value in course.labels)
    title = TITLES.get(course.metric, course.metric)
    what = f"{title}{', ' + labels if labels else ''}, over time"
    name = next((name for name, metric in SHOWN.items() if metric == course.metric), "")
    return Chart(
        title,
        course.metric,
        labels,
        human(course.newest, course.unit),
        course.newest_at,
        grave(name, course.newest) if name else "",
        plot(span, course.points, course.unit, what),
    )


def importance(course: Course) -> tuple[int, str, Any]:
    """What a person looks for first; what never changes, and the agent itself, come last."""
    first = [*SHOWN.values()]
    place = (
        first.index(course.metric) if course.metric in first else len(first) + ORDER.get(course.metric.split("_")[0], 1)
    )
    still = course.metric.endswith(("_limit_bytes", "_info")) or course.metric.startswith(("eucora_agent", "process_"))
    return (100 if still else place, course.metric, course.labels)


ORDER = {"system": 0, "hw": 1, "eucora": 2}


def state(found: WholeDevice) -> tuple[str, str]:
    """(grave, what): how it stands with the platform."""
    if found.standing == "revoked":
        return "bad", "Revoked: nothing is taken from it any more."
    if found.last_contact is None:
        return "warn", "Enrolled, and never heard of: see that its agent runs."
    if found.standing == "silent":
        return "warn", "Silent. What it measures meanwhile it keeps, and sends when it is back."
    if any(stream.fork for stream in found.streams):
        return "bad", "Held: two machines may present this identity. Say below what it was; both keep their data."
    return "good", "Reporting."


def facts(found: WholeDevice) -> list[tuple[str, str]]:
    """What it is, in words; what is not known is left out."""
    hidden = "masked" if found.masked else ""
    told: list[tuple[str, Any]] = [
        ("Host name", found.hostname or hidden),
        ("Serial", found.serial or hidden),
        ("System", " ".join(x for x in (found.os_name, found.os_build) if x)),
        ("Model", " ".join(x for x in (found.manufacturer, found.model) if x)),
        ("Form", " ".join(x for x in (found.chassis, found.virtual) if x)),
        ("Site", found.site),
        ("Processor", " ".join(str(x) for x in (found.cpu_count, found.cpu_model, found.architecture) if x)),
        ("Memory", human(found.memory_bytes, "bytes")),
        ("Firmware", found.firmware),
        ("Encrypted", {True: "yes", False: "no", None: ""}[found.disk_encrypted]),
        ("TPM", found.tpm),
        ("Time zone", found.timezone),
        ("Booted", f"{found.boot_time:%Y-%m-%d %H:%M}" if found.boot_time else ""),
        ("Enrolled", f"{found.enrolled_at:%Y-%m-%d %H:%M}"),
        ("Packages", f"{found.packages:,}"),
    ]
    return [(name, str(value)) for name, value in told if value]


@get("/devices/{device_id:uuid}/software", **shown("software.read", "personal"))
async def software_page(
    request: Request[Any, Any, Any],
    device_id: FromPath[uuid.UUID],
    pool: GivenPool,
    keyring: Given[Keyring],
    secrets: GivenSecrets,
    archive: Given[Archive],
    session: Given[Session],
    now: GivenNow,
    since: FromQuery[str] = "7d",
    after: FromQuery[str | None] = None,
) -> Response[bytes]:
    """What is installed, and what changed since."""
    found = await known(pool, keyring, archive, session, device_id, now)
    rows = await installed_on(pool, device_id, key(after, PackageKey), A_PAGE_OF_PACKAGES + 1)
    page = cut(rows, A_PAGE_OF_PACKAGES, lambda each: each.key)
    changed: list[LineRow] = []
    if session.asker.may(CONTENT) and after is None:
        begin = moment(since, now)
        await Reader(pool, secrets, session.asker, now, "console").reads(
            "telemetry.changes.read", [device_id], since=begin, until=now, kinds=("change",)
        )
        asks = Lines(since=begin, until=now, kinds=("change",), devices=[device_id], sources=SOFTWARE)
        changed = await telemetry.lines(archive, asks, MOST_HAPPENED)
    more = None if page.next is None else f"/devices/{device_id}/software?{urlencode({'after': page.next})}"
    given = {"packages": page.items, "changed": [(row, said(row)) for row in changed], "since": since, "more": more}
    return view(
        request, session, "device_software.html", "Fleet", device=found, tab="software", spans=SPANS[2:],
        may_read=session.asker.may(CONTENT), first=after is None, **given,
    )  # fmt: skip


@get("/devices/{device_id:uuid}/lines", **shown(CONTENT, "personal"))
async def lines_page(
    request: Request[Any, Any, Any],
    device_id: FromPath[uuid.UUID],
    pool: GivenPool,
    keyring: Given[Keyring],
    secrets: Given[Secrets],
    archive: Given[Archive],
    session: Given[Session],
    now: GivenNow,
    q: FromQuery[str] = "",
    since: FromQuery[str] = "1d",
    severity: FromQuery[str] = "debug",
    after: FromQuery[str | None] = None,
) -> Response[bytes]:
    """Log lines, events, changes and crashes, newest first, by their words."""
    found = await known(pool, keyring, archive, session, device_id, now)
    begin, wanted = moment(since, now), words(q[:500])
    grave_from = severity if severity in SEVERITIES else SEVERITIES[0]
    kinds = ("log", "event", "change", "crash", "deployment")
    reads = Reader(pool, secrets, session.asker, now, "console")
    await reads.reads(
        "telemetry.lines.read", [device_id], since=begin, until=now, kinds=kinds, words=reads.hidden(wanted)
    )
    asks = Lines(
        since=begin, until=now, kinds=kinds, devices=[device_id], severity=grave_from, words=wanted,
        after=key(after, LineKey),
    )  # fmt: skip
    rows = await telemetry.lines(archive, asks, A_PAGE_OF_LINES + 1)
    page = cut(rows, A_PAGE_OF_LINES, lambda row: row.key)
    asked = {"q": q, "since": since, "severity": grave_from}
    more = None if page.next is None else f"/devices/{device_id}/lines?{urlencode({**asked, 'after': page.next})}"
    return view(
        request, session, "device_lines.html", "Fleet", device=found, tab="lines", spans=SPANS, severities=SEVERITIES,
        rows=[(row, said(row)) for row in page.items], more=more, **asked,
    )  # fmt: skip


ROUTES = (device_page, software_page, lines_page)
