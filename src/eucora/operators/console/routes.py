"""The console's pages behind one router: who is not signed in is led to the sign-in, and every refusal is a page."""

from datetime import datetime
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

from litestar import Request, Response, Router, get, post
from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException
from litestar.handlers.base import BaseRouteHandler
from litestar.params import FromPath
from msgspec import Struct

from eucora.domains.audit import by, record
from eucora.operators.console import batch, clones, completeness, device, door, enter, fleet, platform, search, sessions
from eucora.operators.console.door import SignInFirst
from eucora.operators.console.enter import PUBLIC, go
from eucora.operators.house import GivenHouse
from eucora.problems import EucoraError, Refused, TryLater, document
from eucora.settings import addresses
from eucora.slice import Pool
from eucora.stores.postgres import translated
from eucora.web.answers import BY_STATUS, on_fault
from eucora.web.declare import declared
from eucora.web.given import GivenAsker, GivenNow, GivenPool
from eucora.web.render import HEADERS, page
from eucora_wire.problems import Document

STATIC = {"console.css": "text/css", "console.js": "text/javascript", "mark.svg": "image/svg+xml"}
KEPT_S = 300


async def admit(pool: Pool, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A page that is public, or a session that may see it. A form must come from a page of ours, whatever it carries."""
    if connection.scope.get("method") == "POST" and not door.same_site(connection):
        raise Refused("not-allowed", "a form of another site")
    if handler.opt["console"] == "public":
        return
    with translated():
        session = await door.admit(pool, connection, handler)
    connection.scope["state"] |= {"session": session, "asker": session.asker}


@get("/static/{name:str}", opt=PUBLIC, include_in_schema=False)
async def static(name: FromPath[str]) -> Response[bytes]:
    """The sheet, the script, the mark."""
    if name not in STATIC:
        raise Refused("unknown", "there is no such file")
    headers = {**HEADERS, "cache-control": f"max-age={KEPT_S}"}
    return Response(FILES[name], media_type=STATIC[name], headers=headers)


FILES = {name: files("eucora.web").joinpath("static", name).read_bytes() for name in STATIC}


class Link(Struct, frozen=True):
    """An address that signs a browser in, once."""

    url: str
    expires_at: datetime


@post("/console-links", opt=declared("status.read", "access"))
async def console_link(house: GivenHouse, pool: GivenPool, asker: GivenAsker, now: GivenNow) -> Link:
    """A link that signs a browser in as the asker, once, within ten minutes."""
    async with pool.acquire() as tx, tx.transaction():
        secret = await sessions.link(tx, asker.token, now)
        await record(tx, now, [by(asker, "console-link.created", "access", detail={"token": str(asker.token)})])
    return Link(f"{addresses(house.settings)['url']}/enter/{secret}", now + sessions.LINK_LIVES)


API = (console_link,)


def router() -> Router:
    """Every page."""
    rooms = (enter, fleet, device, completeness, search, platform, batch, clones)
    pages = (static, *(route for room in rooms for route in room.ROUTES))
    return Router("/", route_handlers=list(pages), exception_handlers=HANDLERS)


def _sign_in_first(request: Request[Any, Any, Any], exc: SignInFirst) -> Response[Any]:
    return go(f"/sign-in?{urlencode({'to': exc.wanted})}")


AWAY = Document(
    type="",
    title="The database does not answer",
    status=503,
    detail="What was acknowledged lies on its disk, with fsync; agents keep their data and send it again. An embedded one "
    "is started again by itself: load this page in a moment. Else eucora status, on the platform's machine, says more.",
    retry_after_s=5.0,
)
"""What a device is told of it is no help to a person."""


def _told(told: Document) -> Response[Any]:
    if told.type.endswith(":journal-unavailable"):
        told = AWAY
    headers = {} if told.retry_after_s is None else {"retry-after": str(max(1, round(told.retry_after_s)))}
    return page("fault.html", {"title": told.title, "detail": told.detail or told.mend}, told.status, headers)


def _refused(request: Request[Any, Any, Any], exc: Refused | TryLater) -> Response[Any]:
    return _told(exc.document)


def on_http(request: Request[Any, Any, Any], exc: HTTPException) -> Response[Any]:
    """What the framework refuses."""
    return _told(document(BY_STATUS.get(exc.status_code, "internal")))


def _foreign(request: Request[Any, Any, Any], exc: Exception) -> Response[Any]:
    """A page, as every answer; what failed goes to the log, where it failed and not what it said."""
    try:
        with translated():
            raise exc
    except TryLater as away:
        return _told(away.document)
    except Exception as fault:  # noqa: BLE001 - the last border
        on_fault(request, fault)
        return _told(document("internal"))


HANDLERS: Any = {
    SignInFirst: _sign_in_first,
    Refused: _refused,
    TryLater: _refused,
    HTTPException: on_http,
    EucoraError: _foreign,
    Exception: _foreign,
}
