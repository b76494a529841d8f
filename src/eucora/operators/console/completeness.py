"""Whether everything of a device arrived, stream by stream: the gap ledger as a page."""

import uuid
from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath

from eucora.archive.query import Archive
from eucora.journal.holes import MEANS, UNEXPLAINED, of_device
from eucora.journal.keys import Keyring
from eucora.operators.console.device import known
from eucora.operators.console.sessions import Session
from eucora.operators.console.view import shown, view
from eucora.web.given import Given, GivenNow, GivenPool


@get("/devices/{device_id:uuid}/completeness", **shown("devices.read", "personal"))
async def completeness_page(
    request: Request[Any, Any, Any],
    device_id: FromPath[uuid.UUID],
    pool: GivenPool,
    keyring: Given[Keyring],
    archive: Given[Archive],
    session: Given[Session],
    now: GivenNow,
) -> Response[bytes]:
    """Complete, or exactly what is missing and why."""
    device = await known(pool, keyring, archive, session, device_id, now)
    found = await of_device(pool, device_id)
    return view(
        request, session, "device_completeness.html", "Fleet", device=device, tab="completeness", found=found, words=MEANS,
        unexplained=UNEXPLAINED,
    )  # fmt: skip


ROUTES = (completeness_page,)
