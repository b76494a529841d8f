"""The platform itself: the flow with its live rates and lag, what is wrong and how to mend it; dead letters; the trail."""

import uuid
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Request, Response, get, post
from litestar.params import FromQuery, QueryParameter
from markupsafe import Markup

from eucora.domains.audit.read import Filter
from eucora.domains.audit.read import page as events_page
from eucora.operators.console.door import marked
from eucora.operators.console.enter import Form, go
from eucora.operators.console.sessions import SQL, Session
from eucora.operators.console.view import shown, view
from eucora.operators.dead_letters import replayed
from eucora.operators.doctor import examine
from eucora.operators.house import GivenHouse
from eucora.operators.meter import GivenMeter
from eucora.operators.status import Status, standing
from eucora.operators.stores import followed
from eucora.pipeline.dead_letters import LetterKey, page, states
from eucora.pipeline.followers import State
from eucora.problems import Refused
from eucora.web.given import Given, GivenNow, GivenPool
from eucora.web.paging import cut, key
from eucora.web.words import duration

A_PAGE = 50
LATE_S = 60.0
STATES = ("open", "failed", "replayed", "mended", "all")


@get("/platform", **shown("status.read"))
async def platform_page(
    request: Request[Any, Any, Any], house: GivenHouse, meter: GivenMeter, session: Given[Session], now: GivenNow
) -> Response[bytes]:
    """What flows, what lags, which stores answer."""
    found, told = await standing(house, meter, now), await followed(house, now)
    return view(
        request, session, "platform.html", "Platform", status=found, followers=told, flow=flow(found, told),
        fill=1 - found.disk.free_bytes / found.disk.total_bytes,
    )  # fmt: skip


@get("/platform/doctor", **shown("status.read"))
async def doctor_page(
    request: Request[Any, Any, Any], house: GivenHouse, session: Given[Session], now: GivenNow
) -> Response[bytes]:
    """Every part, what is wrong, and how to mend it."""
    found = await examine(house, now)
    wrong = [(told.part, each) for told in found for each in told.findings if each.state == "wrong"]
    return view(request, session, "doctor.html", "Platform", parts=found, wrong=wrong)


BOX = (96, 46)


def flow(found: Status, told: Sequence[State]) -> Markup:
    """The way of a batch, drawn: where it is late or stands still the box says so."""
    stages = {stage.name: stage for stage in found.stages}
    stores = {store.name: store.healthy for store in found.stores}
    journal, digest = stages["journal"], stages["digest"]
    late = "warn" if digest.behind_s > LATE_S else ""
    boxes = [
        _box(0, 60, "devices", f"{found.reporting:,} of {found.devices:,}", ""),
        _box(125, 60, "journal", f"{journal.entries_per_s:,.1f}/s", "" if stores["postgresql"] else "bad"),
        _box(250, 60, "digest", f"{digest.entries_per_s:,.1f}/s", late or ("" if found.healthy else "warn")),
        _box(375, 8, "domains", "PostgreSQL", "" if stores["postgresql"] else "bad"),
        _box(375, 60, "archive", "hot rows, files", "" if stores["s3"] else "bad"),
        _box(375, 112, "dead letters", f"{found.dead_letters:,}", "warn" if found.dead_letters else ""),
    ]
    arrows = [(96, 83, 125, 83), (221, 83, 250, 83), (346, 83, 375, 83), (346, 83, 375, 31), (346, 83, 375, 135)]
    for n, each in enumerate(told[:4]):
        y = 8 + 52 * n
        grave = "warn" if each.paused_at or each.behind_s > LATE_S else "bad" if each.retry_at else ""
        lag = (
            "paused"
            if each.paused_at
            else f"{duration(each.behind_s)} behind"
            if each.waiting
            else f"{each.rate_per_s:,.0f}/s"
        )
        boxes.append(_box(520, y, each.follower, lag, grave, 120))
        arrows.append((471, 83, 520, y + 23))
    waiting = Markup('<text x="235" y="52" text-anchor="middle">{} waiting</text>').format(f"{digest.waiting:,}")
    lines = Markup("").join(Markup('<path class="arrow" d="M{},{} L{},{}"/>').format(*each) for each in arrows)
    height = max(166, 8 + 52 * len(told[:4]))
    what = (
        f"{found.reporting} devices; journal {journal.entries_per_s} batches a second; {digest.waiting} wait; "
        f"{found.dead_letters} dead letters; {len(told)} servers follow the archive"
    )
    return Markup('<svg class="flow" viewBox="-4 0 660 {}" role="img" aria-label="{}">{}{}{}</svg>').format(
        height, what, lines, Markup("").join(boxes), waiting
    )


def _box(x: int, y: int, name: str, said: str, grave: str, width: int = BOX[0]) -> Markup:
    return Markup(
        '<g><rect class="box {}" x="{}" y="{}" width="{}" height="{}" rx="5"/>'
        '<text class="name" x="{}" y="{}" text-anchor="middle">{}</text>'
        '<text x="{}" y="{}" text-anchor="middle">{}</text></g>'
    ).format(grave, x, y, width, BOX[1], x + width / 2, y + 19, name, x + width / 2, y + 36, said)


@get("/dead-letters", **shown("deadletters.read"))
async def letters_page(
    request: Request[Any, Any, Any],
    pool: GivenPool,
    session: Given[Session],
    in_state: Annotated[str, QueryParameter(name="state")] = "open",
    reason: FromQuery[str] = "",
    after: FromQuery[str | None] = None,
    done: FromQuery[str] = "",
) -> Response[bytes]:
    """What could not be stored, and why."""
    wanted = in_state if in_state in STATES else "open"
    rows = await page(
        pool, key(after, LetterKey), A_PAGE + 1, state=None if wanted == "all" else wanted, reason=reason[:60] or None
    )
    found = cut(rows, A_PAGE, lambda letter: letter.key)
    asked = {"state": wanted, "reason": reason}
    return view(
        request, session, "letters.html", "Dead letters", letters=found.items, counts=await states(pool), states=STATES,
        state=wanted, reason=reason, done=done[:200], may_replay=session.asker.may("deadletters.replay"),
        more=None if found.next is None else f"/dead-letters?{urlencode({**asked, 'after': found.next})}",
    )  # fmt: skip


@post("/dead-letters/replay", **shown("deadletters.replay", "lifecycle"))
async def replay_letters(data: Form, house: GivenHouse, session: Given[Session], now: GivenNow) -> Response[Any]:
    """Digest them again: one, or those of the page."""
    marked(session, data)
    try:
        ids = tuple(uuid.UUID(text) for text in data.get("ids", "").split())
    except ValueError as exc:
        raise Refused("bad-request", "ids are those of the list") from exc
    if not 0 < len(ids) <= A_PAGE:
        raise Refused("bad-request", "between one letter and a page of them")
    told = await replayed(house, ids, session.asker, now)
    said = f"{told.replayed} stored, {told.failed} failed again."
    return go(f"/dead-letters?{urlencode({'done': said})}")


@get("/audit", **shown("audit.read"))
async def audit_page(
    request: Request[Any, Any, Any],
    pool: GivenPool,
    session: Given[Session],
    act: FromQuery[str] = "",
    device: FromQuery[str] = "",
    outcome: FromQuery[str] = "",
    after: FromQuery[str | None] = None,
) -> Response[bytes]:
    """Who did what, newest first."""
    try:
        of = uuid.UUID(device) if device else None
    except ValueError as exc:
        raise Refused("bad-request", "a device is named by its whole id") from exc
    chosen = Filter(act=act[:80] or None, device=of, outcome=outcome[:40] or None)
    found = cut(await events_page(pool, chosen, key(after, int), A_PAGE + 1), A_PAGE, lambda event: event.position)
    asked = {"act": act, "device": device, "outcome": outcome}
    names = {str(row["operator_id"]): row["name"] for row in await pool.fetch(SQL.operators)}
    return view(
        request, session, "audit.html", "Audit", events=found.items, names=names, **asked,
        more=None if found.next is None else f"/audit?{urlencode({**asked, 'after': found.next})}",
    )  # fmt: skip


ROUTES = (platform_page, doctor_page, letters_page, replay_letters, audit_page)
