"""The button that says what a held stream was."""

import uuid
from typing import Any

from litestar import Response, post

from eucora.journal.clones import As
from eucora.operators.clones import closed
from eucora.operators.console.door import marked
from eucora.operators.console.enter import Form, go
from eucora.operators.console.sessions import Session
from eucora.operators.console.view import shown
from eucora.problems import Refused
from eucora.web.given import Given, GivenNow, GivenPool


@post("/clones", **shown("devices.revoke", "lifecycle"))
async def close_clone(data: Form, pool: GivenPool, session: Given[Session], now: GivenNow) -> Response[Any]:
    """One click: a rewind goes on, a clone is turned away."""
    marked(session, data)
    try:
        stream, device = uuid.UUID(data.get("stream", "")), uuid.UUID(data.get("device", ""))
    except ValueError as exc:
        raise Refused("bad-request", "a stream and its device, as the page names them") from exc
    if data.get("was") not in ("rewind", "clone"):
        raise Refused("bad-request", "it was a rewind, or a clone")
    was: As = "rewind" if data["was"] == "rewind" else "clone"
    await closed(pool, stream, was, "from the console", session.asker, now)
    return go(f"/devices/{device}")


ROUTES = (close_clone,)
