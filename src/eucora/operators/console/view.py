"""What every page of a session is given."""

from typing import Any

from litestar import Request, Response

from eucora import clock
from eucora.operators.console.sessions import Session
from eucora.web.declare import Audited, declared
from eucora.web.render import page

LIVE_S = 5


def shown(permission: str, audit: Audited = "none") -> dict[str, Any]:
    """For `opt=` and whether the API's document has it: a page stands in none."""
    return {"opt": {**declared(permission, audit), "console": "page"}, "include_in_schema": False}


def view(request: Request[Any, Any, Any], session: Session, template: str, here: str, **given: Any) -> Response[bytes]:
    """A page of the console, under one of the entries of its menu."""
    to = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    common = {"session": session, "unmasked": session.unmasked(clock.now()), "here": here, "to": to, "live_s": LIVE_S}
    return page(template, {**common, **given})
