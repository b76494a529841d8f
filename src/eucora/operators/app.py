"""The operator API: every route of every domain behind one door, its document made from the same types."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from litestar import Litestar, Request, Response, Router
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.handlers.base import BaseRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, License, SecurityScheme
from litestar.types import Scope

from eucora import __version__, clock
from eucora.domains.audit.routes import ROUTES as AUDIT
from eucora.domains.devices.routes import ROUTES as DEVICES
from eucora.domains.identity.queries import subject_of_account
from eucora.domains.identity.routes import ROUTES as IDENTITY
from eucora.domains.incidents.routes import ROUTES as INCIDENTS
from eucora.domains.software.routes import ROUTES as SOFTWARE
from eucora.domains.telemetry.content import reader
from eucora.domains.telemetry.routes import ROUTES as TELEMETRY
from eucora.operators import (
    batches,
    clones,
    completeness,
    dead_letters,
    device,
    doctor,
    doors,
    erasures,
    health,
    operators,
    redigests,
    retention,
    simulated,
    status,
    stores,
    support,
    tap,
    tokens,
)
from eucora.operators.console import routes as console
from eucora.operators.document import DocumentPlugin, PagePlugin
from eucora.operators.house import Operators
from eucora.operators.meter import Meter
from eucora.operators.metrics import metrics
from eucora.operators.sign_in import SignIn
from eucora.operators.watched import watched
from eucora.web.answers import HANDLERS, on_http
from eucora.web.declare import declared
from eucora.web.gone import until_gone
from eucora.web.readable import readable

PREFIX = "/api/v1"
ROUTES: Sequence[Any] = (
    *DEVICES,
    *SOFTWARE,
    *TELEMETRY,
    *IDENTITY,
    *AUDIT,
    *device.ROUTES,
    *dead_letters.ROUTES,
    *redigests.ROUTES,
    *batches.ROUTES,
    *clones.ROUTES,
    *INCIDENTS,
    *completeness.ROUTES,
    *support.ROUTES,
    *tap.ROUTES,
    *console.API,
    *tokens.ROUTES,
    *operators.ROUTES,
    *status.ROUTES,
    *doctor.ROUTES,
    *stores.ROUTES,
    *retention.ROUTES,
    *simulated.ROUTES,
    *doors.ROUTES,
    *erasures.ROUTES,
)


def build(house: Operators) -> Litestar:
    """The application. Routes get what they ask for by name; a route that declares no permission is refused."""
    meter, signing = Meter(house.pool), SignIn(house.pool)
    return Litestar(
        route_handlers=[Router(PREFIX, route_handlers=list(ROUTES)), metrics, *health.ROUTES, console.router()],
        guards=[_door(signing, house), readable],
        middleware=[watched, until_gone],
        dependencies={
            "asker": Provide(_of_state("asker"), sync_to_thread=False),
            "session": Provide(_of_state("session"), sync_to_thread=False),
            "origin": Provide(_of_state("origin"), sync_to_thread=False),
            "signing": _always(signing),
            "now": Provide(clock.now, sync_to_thread=False),
            "reader": Provide(reader),
            **{name: _always(value) for name, value in _given(house, meter).items()},
        },
        exception_handlers={**HANDLERS, HTTPException: _http},
        openapi_config=_openapi(),
        lifespan=[_metering(meter)],
        logging_config=None,
        debug=False,
        request_max_body_size=1_000_000,
    )


def _given(house: Operators, meter: Meter) -> dict[str, Any]:
    return {
        "house": house,
        "pool": house.pool,
        "keyring": house.keyring,
        "secrets": house.secrets,
        "objects": house.objects,
        "archive": house.archive,
        "meter": meter,
        "person_of": partial(subject_of_account, house.pool, house.secrets),
    }


def _http(request: Request[Any, Any, Any], exc: HTTPException) -> Response[Any]:
    """What no route answers: a page for browsers, a problem document for programs."""
    browser = "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(PREFIX)
    return console.on_http(request, exc) if browser else on_http(request, exc)


def _door(sign_in: SignIn, house: Operators) -> Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], Any]:
    """Programs come with a token, browsers with a session; a page takes no token, and the API no session."""

    async def admit(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        state, page = connection.scope["state"], handler.opt.get("console")
        state["origin"] = connection.client.host if connection.client else ""
        if page == "health":
            return
        if page is not None:
            await console.admit(house.pool, connection, handler)
            return
        state["asker"] = await sign_in.admit(
            connection.headers.get("authorization"), state["origin"], handler.opt.get("permission")
        )

    return admit


def _of_state(name: str) -> Callable[[Scope], Any]:
    def given(scope: Scope) -> Any:
        return scope["state"][name]

    return given


def _always(value: Any) -> Provide:
    return Provide(lambda: value, sync_to_thread=False)


def _metering(meter: Meter) -> Callable[[Litestar], Any]:
    @asynccontextmanager
    async def running(_: Litestar) -> AsyncIterator[None]:
        async with meter:
            yield

    return running


def _openapi() -> OpenAPIConfig:
    """Served under /schema by ourselves, to whoever is signed in: no page fetches anything from elsewhere."""
    return OpenAPIConfig(
        title="EUCORA operator API",
        version=__version__,
        summary="Ask the platform about its devices. A bearer token on every request.",
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        components=Components(
            security_schemes={"token": SecurityScheme(type="http", scheme="bearer", description="An operator's token")}
        ),
        security=[{"token": []}],
        path="/schema",
        render_plugins=[PagePlugin(path="/"), DocumentPlugin(path="/openapi.json")],
        use_handler_docstrings=True,
        openapi_router=Router(
            "/schema", route_handlers=[], opt=declared("schema.read", "none"), include_in_schema=False
        ),
    )
