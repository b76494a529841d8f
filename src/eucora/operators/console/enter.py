"""Signing in and out: by a link that works once, or by an operator's token; and showing names for a purpose and a while."""

from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.enums import RequestEncodingType
from litestar.params import BodyKwarg, FromPath, FromQuery

from eucora.domains.audit import Act, by, record
from eucora.domains.audit.asked import PERSONAL, require
from eucora.operators.console import sessions
from eucora.operators.console.door import COOKIE, marked
from eucora.operators.console.sessions import LONGEST_UNMASKED, SQL, Session
from eucora.operators.sign_in import SignIn
from eucora.problems import Refused, TryLater
from eucora.web.asker import Asker, asker_of
from eucora.web.declare import declared
from eucora.web.given import Given, GivenNow, GivenPool
from eucora.web.render import HEADERS, page

Form = Annotated[dict[str, str], BodyKwarg(media_type=RequestEncodingType.URL_ENCODED)]
MOST_PURPOSE = 200
UNFIT = "This token may not see the console: it needs status.read."
UNKNOWN = "No operator has this token, or it has ended. eucora console prints a link that needs none."
PUBLIC: dict[str, Any] = {"console": "public"}


def within(wanted: str) -> str:
    """A page of ours to go on to: never another site's."""
    split = urlsplit(wanted)
    plain = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and not split.scheme and not split.netloc
    return wanted if plain and "\\" not in wanted and wanted.isprintable() else "/"


def go(to: str, *cookies: Cookie) -> Response[Any]:
    """On to a page of ours, whose address is not quoted again."""
    return Response(b"", status_code=303, headers={**HEADERS, "location": to}, cookies=list(cookies))


@get("/sign-in", opt=PUBLIC, include_in_schema=False)
async def sign_in_page(to: FromQuery[str] = "/") -> Response[bytes]:
    """Where one begins."""
    return page("sign_in.html", {"to": within(to), "fault": ""})


@post("/sign-in", opt=PUBLIC, include_in_schema=False)
async def sign_in(
    data: Form, pool: GivenPool, now: GivenNow, signing: Given[SignIn], origin: Given[str]
) -> Response[Any]:
    """By a token of an operator, which may afterwards what the token may."""
    to = within(data.get("to", "/"))
    try:
        asker = await signing.admit(f"Bearer {data.get('token', '').strip()}", origin, "status.read")
    except Refused as exc:
        said = UNFIT if exc.slug == "not-allowed" else UNKNOWN
        return page("sign_in.html", {"to": to, "fault": said}, status=403)
    except TryLater as exc:
        headers = {"retry-after": str(max(1, round(exc.retry_after_s)))}
        return page("sign_in.html", {"to": to, "fault": "Too many tries from here. Wait a minute."}, 429, headers)
    async with pool.acquire() as tx, tx.transaction():
        return await _signed_in(tx, asker, now, to, "token")


@get("/enter/{secret:str}", opt=PUBLIC, include_in_schema=False)
async def enter_page(secret: FromPath[str]) -> Response[bytes]:
    """A link is used by a button, not by whatever looks at links before a person does."""
    return page("enter.html", {"secret": secret})


@post("/enter", opt=PUBLIC, include_in_schema=False)
async def enter(data: Form, pool: GivenPool, now: GivenNow, origin: Given[str]) -> Response[Any]:
    """By a link, once."""
    async with pool.acquire() as tx, tx.transaction():
        token = await tx.fetchval(SQL.use_link, sessions.digest(data.get("secret", "")), now)
        row = None if token is None else await tx.fetchrow(SQL.token, token, now)
        if row is not None:
            asker = asker_of(row, origin)
            return await _signed_in(tx, asker, now, "/", "link")
        act = Act(act="sign-in.refused", audit_class="refusal", actor_kind="anonymous", actor="", origin=origin,
                  outcome="refused", detail={"reason": "link"})  # fmt: skip
        await record(tx, now, [act])
    said = "This link was used already, or is older than ten minutes. eucora console prints a new one."
    return page("sign_in.html", {"to": "/", "fault": said}, status=403)


async def _signed_in(tx: Any, asker: Asker, now: datetime, to: str, how: str) -> Response[Any]:
    secret = await sessions.begin(tx, asker.token, now)
    await record(tx, now, [by(asker, "console.signed_in", "access", detail={"token": str(asker.token), "by": how})])
    cookie = Cookie(COOKIE, value=secret, path="/", secure=True, httponly=True, samesite="strict")
    return go(to, cookie)


@post("/sign-out", opt={**declared("status.read", "access"), "console": "page"}, include_in_schema=False)
async def sign_out(data: Form, pool: GivenPool, now: GivenNow, session: Given[Session]) -> Response[Any]:
    """Here and now."""
    marked(session, data)
    async with pool.acquire() as tx, tx.transaction():
        await tx.execute(SQL.end_session, session.session_id, now)
        await record(tx, now, [by(session.asker, "console.signed_out", "access")])
    gone = Cookie(COOKIE, value="", path="/", secure=True, httponly=True, samesite="strict", max_age=0)
    return go("/sign-in", gone)


@post("/unmask", opt={**declared("status.read", "personal"), "console": "page"}, include_in_schema=False)
async def unmask(data: Form, pool: GivenPool, now: GivenNow, session: Given[Session]) -> Response[Any]:
    """Show names for a purpose and some minutes, or mask them again at once."""
    marked(session, data)
    to = within(data.get("to", "/"))
    if data.get("minutes", "0") == "0":
        async with pool.acquire() as tx, tx.transaction():
            await tx.execute(SQL.unmask, session.session_id, None, None)
            await record(tx, now, [by(session.asker, "personal.masked", "personal")])
        return go(to)
    await require(pool, now, session.asker, PERSONAL)
    purpose = data.get("purpose", "").strip()
    if not purpose or len(purpose) > MOST_PURPOSE or not purpose.isprintable():
        raise Refused("bad-request", "names are shown for a purpose: say which, in at most 200 characters")
    try:
        lasts = min(LONGEST_UNMASKED, timedelta(minutes=int(data["minutes"])))
    except ValueError as exc:
        raise Refused("bad-request", "minutes is a number") from exc
    async with pool.acquire() as tx, tx.transaction():
        await tx.execute(SQL.unmask, session.session_id, now + lasts, purpose)
        detail = {"minutes": int(lasts.total_seconds() // 60)}
        await record(tx, now, [by(session.asker, "personal.unmasked", "personal", purpose=purpose, detail=detail)])
    return go(to)


ROUTES = (sign_in_page, sign_in, enter_page, enter, sign_out, unmask)
