"""The two listeners as RSGI applications: which path leads where, and what a failure becomes on the wire."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from eucora import clock
from eucora.gateway.admit import admit
from eucora.gateway.config import configure
from eucora.gateway.doors.https import Exchange, Request, Response, Scope, problem, receive, refusal, reply
from eucora.gateway.enrol import authorities, enrol, renew
from eucora.gateway.faults import report
from eucora.gateway.house import Gateway
from eucora.gateway.logon import log_in
from eucora.observe.figures import HERE
from eucora.observe.golden import DOOR, outcome_of
from eucora.pipeline.collect import is_json
from eucora.problems import EucoraError, Refused
from eucora_wire.problems import document

SMALL = 64 * 1024
"""Bytes of any body that is not telemetry."""

Handler = Callable[[Request, Gateway], Awaitable[Response]]
App = Callable[[Scope, Exchange], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Route:
    """What answers at a path. `most`: bytes of its body, None for the limit of a batch."""

    method: str
    handler: Handler
    most: int | None = SMALL


DEVICE_PLANE: Mapping[str, Route] = {
    "/v1/telemetry": Route("POST", admit, most=None),
    "/v1/logon": Route("POST", log_in),
    "/v1/config": Route("GET", configure),
}
ENROLMENT: Mapping[str, Route] = {
    "/v1/enrol": Route("POST", enrol),
    "/v1/renew": Route("POST", renew),
    "/v1/authorities": Route("GET", authorities),
}


def door(house: Gateway) -> App:
    """The device plane: mutual TLS below, a signature on every request."""
    return _app(DEVICE_PLANE, house)


def enrolment_door(house: Gateway) -> App:
    """Enrolment and renewal: no client certificate, a token or the enrolled key's signature."""
    return _app(ENROLMENT, house)


def _app(routes: Mapping[str, Route], house: Gateway) -> App:
    largest = house.settings.body_max_kib * 1024

    async def app(scope: Scope, exchange: Exchange) -> None:
        began = clock.monotonic()
        try:
            response = await _answer(scope, exchange, routes, house, largest)
        except EucoraError as reason:
            response = refusal(reason)
        except Exception as fault:  # noqa: BLE001 - reported, and answered with 500
            report("request_failed", fault)
            response = problem(document("internal"))
        reply(exchange, replace(response, body=b"") if scope.method == "HEAD" else response)
        name = scope.path.rpartition("/")[2] if scope.path in routes else "elsewhere"
        HERE.observe(DOOR, clock.monotonic() - began, name, outcome_of(response.status))

    return app


async def _answer(
    scope: Scope, exchange: Exchange, routes: Mapping[str, Route], house: Gateway, largest: int
) -> Response:
    route = routes.get(scope.path)
    if route is None:
        raise Refused("not-found")
    if scope.method != route.method:
        raise Refused("method-not-allowed")
    request = await receive(scope, exchange, largest if route.most is None else route.most)
    if route.method == "POST" and not is_json(request.headers):
        raise Refused("wrong-content-type")
    return await route.handler(request, house)
