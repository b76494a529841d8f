"""The door of the console: a page is for who has a session, and may what the page asks for.

1 a cookie came · 2 its session lives · 3 its token holds the permission · 4 a form carries the mark of this session, and
comes from a page of ours. Who has none is led to the sign-in; each refusal of a permission is an audit event.
"""

import hmac
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from eucora import clock
from eucora.domains.audit import by, record
from eucora.operators.console import sessions
from eucora.operators.console.sessions import Session
from eucora.problems import Refused
from eucora.slice import Pool

COOKIE = "__Host-eucora"
"""With this prefix a browser takes it only over TLS, for this host alone."""


class SignInFirst(Exception):
    """Nobody is signed in; where they wanted to go is kept."""

    def __init__(self, wanted: str) -> None:
        super().__init__(wanted)
        self.wanted = wanted


async def admit(pool: Pool, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> Session:
    """Raises SignInFirst, or Refused (not-allowed)."""
    now = clock.now()
    secret = connection.cookies.get(COOKIE)
    origin = connection.client.host if connection.client else ""
    session = None if secret is None else await sessions.find(pool, secret, origin, now)
    if session is None:
        raise SignInFirst(connection.url.path + (f"?{connection.url.query}" if connection.url.query else ""))
    permission = handler.opt["permission"]
    if not session.asker.may(permission):
        detail = {"token": str(session.asker.token), "permission": permission}
        async with pool.acquire() as tx, tx.transaction():
            await record(tx, now, [by(session.asker, "access.refused", "refusal", outcome="refused", detail=detail)])
        raise Refused("not-allowed", f"the scope {permission} is needed")
    return session


def same_site(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """A browser says where a form comes from; one that says nothing sends the session's mark all the same."""
    return connection.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


def marked(session: Session, form: dict[str, str]) -> None:
    """The form is one of this session's pages. Raises Refused (not-allowed)."""
    if not hmac.compare_digest(form.get("csrf", ""), session.csrf):
        raise Refused("not-allowed", "this form is too old, or not from a page of this session: load the page again")
