"""`/metrics`: the platform's own figures, for a Prometheus that comes by with a token."""

from litestar import Response, get

from eucora.domains.devices.view import SILENT
from eucora.observe.metrics import CONTENT_TYPE, written
from eucora.operators.house import GivenHouse
from eucora.pipeline.metrics import samples
from eucora.web.declare import declared
from eucora.web.given import GivenNow


@get("/metrics", opt=declared("metrics.read", "none"), include_in_schema=False)
async def metrics(house: GivenHouse, now: GivenNow) -> Response[bytes]:
    """How the line and the servers that follow stand, in Prometheus' text format."""
    return Response(written(await samples(house.pool, now, SILENT)), media_type=CONTENT_TYPE)
