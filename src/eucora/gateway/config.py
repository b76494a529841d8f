"""GET /v1/config: what to collect, how often, under which policy."""

from eucora import clock
from eucora.gateway.doors.https import Request, Response, good
from eucora.gateway.house import Gateway
from eucora.gateway.signed import proved


async def configure(request: Request, house: Gateway) -> Response:
    """The configuration for the device that asks. Raises Refused, TryLater."""
    await proved(request, house, "eucora-request", clock.now())
    if not house.notices.config.version:
        await house.notices.refresh()
    return good(house.notices.config)
