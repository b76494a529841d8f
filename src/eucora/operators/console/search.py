"""What any device said: log lines, events, changes, crashes and deployments of the fleet, by words, kind, gravity and time.

"Which devices got this package since Tuesday" is: changes, with its name, since then.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from litestar import Request, Response, get
from litestar.params import FromQuery

from eucora.archive.lines import Lines
from eucora.archive.query import Archive, LineKey
from eucora.domains.telemetry import queries as telemetry
from eucora.domains.telemetry.content import CONTENT, Reader
from eucora.domains.telemetry.content_routes import words
from eucora.operators.console.alike import common
from eucora.operators.console.device import SEVERITIES, SPANS, said
from eucora.operators.console.sessions import Session
from eucora.operators.console.view import shown, view
from eucora.problems import Refused
from eucora.secrets import Secrets
from eucora.web.given import Given, GivenNow, GivenPool
from eucora.web.moments import moment
from eucora.web.paging import cut, key

KINDS = {
    "": "everything",
    "log": "log lines",
    "event": "events",
    "change": "changes",
    "crash": "crashes",
    "deployment": "deployments",
}
A_PAGE = 100


@get("/search", **shown(CONTENT, "personal"))
async def search_page(
    request: Request[Any, Any, Any],
    pool: GivenPool,
    secrets: Given[Secrets],
    archive: Given[Archive],
    session: Given[Session],
    now: GivenNow,
    q: FromQuery[str] = "",
    kind: FromQuery[str] = "",
    since: FromQuery[str] = "1d",
    severity: FromQuery[str] = "debug",
    after: FromQuery[str | None] = None,
) -> Response[bytes]:
    """Newest first. Nothing is looked for until something is asked: whose words are read is recorded."""
    asked = {
        "q": q,
        "kind": kind if kind in KINDS else "",
        "since": since,
        "severity": severity if severity in SEVERITIES else SEVERITIES[0],
    }
    given = {"spans": SPANS, "severities": SEVERITIES, "kinds": KINDS, **asked}
    if not request.url.query:
        return view(request, session, "search.html", "Search", rows=None, devices=0, more=None, fault="", **given)
    try:
        asks = _asks(asked, after, now)
        reads = Reader(pool, secrets, session.asker, now, "console")
        detail = {
            "since": asks.since,
            "until": asks.until,
            "kinds": tuple(asks.kinds),
            "words": reads.hidden(asks.words),
        }
        await reads.reads("telemetry.lines.read", None, **detail)
        rows = await telemetry.lines(archive, asks, A_PAGE + 1)
    except Refused as exc:
        fault = exc.document.detail or exc.document.title
        return view(request, session, "search.html", "Search", rows=None, devices=0, more=None, fault=fault, **given)
    page = cut(rows, A_PAGE, lambda row: row.key)
    devices = {row.device for row in page.items}
    return view(
        request,
        session,
        "search.html",
        "Search",
        rows=[(row, said(row)) for row in page.items],
        devices=len(devices),
        common=await common(pool, devices),
        more=None if page.next is None else f"/search?{urlencode({**asked, 'after': page.next})}",
        fault="",
        **given,
    )


def _asks(asked: dict[str, str], after: str | None, now: Any) -> Lines:
    kinds: Sequence[str] = (asked["kind"],) if asked["kind"] else [each for each in KINDS if each]
    return Lines(
        since=moment(asked["since"], now),
        until=now,
        kinds=kinds,
        severity=asked["severity"],
        words=words(asked["q"][:500]),
        after=key(after, LineKey),
    )


ROUTES = (search_page,)
