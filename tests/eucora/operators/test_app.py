"""Every route says what it needs and what it leaves in the trail; what says nothing is refused."""

import json
import re
import uuid
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from litestar import Litestar, get
from litestar.handlers import HTTPRouteHandler
from tests.eucora.operators.conftest import Plane

from eucora.operators import credentials, sign_in
from eucora.operators.app import _door
from eucora.operators.console import sessions
from eucora.operators.console.door import COOKIE
from eucora.operators.sign_in import SignIn
from eucora.operators.statements import SQL as STATEMENTS
from eucora.web.answers import HANDLERS
from eucora.web.declare import Audited
from eucora.web.scopes import SCOPES

CLASSES = set(Audited.__args__)


def handlers(app: Litestar) -> list[tuple[str, str, HTTPRouteHandler]]:
    """(method, path, handler) of every route, the framework's own too, but for its OPTIONS."""
    found = []
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            found += [(m, route.path, handler) for m in handler.http_methods if m != "OPTIONS"]
    return found


PUBLIC = {
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/enter/{secret:str}"),
    ("POST", "/enter"),
    ("GET", "/static/{name:str}"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
}
"""What a browser needs before anybody is signed in, and what a balancer asks."""


def guarded(app: Litestar) -> list[tuple[str, str, HTTPRouteHandler]]:
    """All but those."""
    return [each for each in handlers(app) if each[:2] not in PUBLIC]


async def test_only_the_sign_in_is_open_to_everybody(plane: Plane) -> None:
    assert {each[:2] for each in handlers(plane.app) if each[2].opt.get("console") in ("public", "health")} == PUBLIC


async def test_every_route_declares_its_permission_and_its_audit_class(plane: Plane) -> None:
    routes = guarded(plane.app)
    assert len(routes) > 25
    undeclared = [
        (method, path)
        for method, path, handler in routes
        if handler.opt.get("permission") not in SCOPES or handler.opt.get("audit") not in CLASSES
    ]
    assert undeclared == []


async def test_what_changes_something_leaves_an_event(plane: Plane) -> None:
    silent = [(m, path) for m, path, h in guarded(plane.app) if m != "GET" and h.opt["audit"] == "none"]
    assert silent == []


async def test_every_permission_that_there_is_guards_something(plane: Plane) -> None:
    used = {handler.opt["permission"] for _, _, handler in guarded(plane.app)} | {"personal.read"}
    assert set(SCOPES) - used == set()


async def test_every_route_refuses_who_is_not_signed_in_and_who_lacks_the_permission(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in, "REFUSALS_A_MINUTE", 1_000)  # two a route
    for method, path, handler in guarded(plane.app):
        url = path.replace("{", "").replace("}", "").replace(":uuid", "").replace("number:int", "1")
        for name in ("device_id", "token_id", "operator_id", "subject_id", "stream"):
            url = url.replace(name, str(uuid.uuid4()))
        answer = await plane.client.request(method, url)
        others = [scope for scope in SCOPES if scope != handler.opt["permission"]]
        lacking = await plane.token_for(*others)
        if handler.opt.get("console") == "page":
            assert answer.headers["location"].startswith("/sign-in?"), (method, path)
            cookie = {"cookie": f"{COOKIE}={await session_of(plane, lacking)}"}
            assert (await plane.client.request(method, url, headers=cookie)).status_code == 403, (method, path)
            continue
        assert (answer.status_code, answer.json()["type"]) == (401, "urn:eucora:problem:not-signed-in"), (method, path)
        answer = await plane.client.request(method, url, headers={"authorization": f"Bearer {lacking}"})
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:eucora:problem:not-allowed"), (method, path)


async def session_of(plane: Plane, token: str) -> str:
    """The cookie of a browser that is signed in by a token."""
    async with plane.house.pool.acquire() as tx, tx.transaction():
        row = await tx.fetchrow(STATEMENTS.token_by_digest, credentials.digest(token))
        return await sessions.begin(tx, row["token_id"], datetime.now(UTC))


async def test_a_route_that_declares_nothing_is_refused_to_everybody(plane: Plane) -> None:
    @get("/forgotten")
    async def forgotten() -> str:
        return "secret"

    app = Litestar(
        [forgotten],
        guards=[_door(SignIn(plane.house.pool), plane.house)],
        exception_handlers=HANDLERS,
        logging_config=None,
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="https://localhost") as client:
        answer = await client.get("/forgotten", headers={"authorization": f"Bearer {plane.token}"})
    assert answer.status_code == 403


WRONG: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("GET", "/nowhere", {}, 404, "not-found"),
    ("PATCH", "/devices", {}, 405, "method-not-allowed"),
    ("GET", "/devices?limit=0", {}, 400, "bad-request"),
    ("GET", "/devices?limit=word", {}, 400, "bad-request"),
    ("GET", "/devices?after=%7B", {}, 400, "bad-request"),
    ("GET", "/devices?q=colour:red", {}, 400, "bad-request"),
    ("GET", "/devices?q='", {}, 400, "bad-request"),
    ("GET", f"/devices/{uuid.UUID(int=1)}", {}, 404, "unknown"),
    ("GET", "/devices/no-uuid", {}, 404, "not-found"),
    ("GET", f"/devices/{uuid.UUID(int=1)}/series?path=nothing", {}, 404, "unknown"),
    ("GET", f"/devices/{uuid.UUID(int=1)}/series?path=cpu&since=never", {}, 400, "bad-request"),
    ("POST", "/tokens", {"content": b"{"}, 400, "bad-request"),
    ("POST", "/tokens", {"json": {"scopes": ["all"]}}, 400, "bad-request"),
    ("POST", "/tokens", {"json": {"hours": -1}}, 400, "bad-request"),
    ("POST", "/tokens", {"json": {"colour": 1}}, 400, "bad-request"),
    ("POST", "/tokens", {"json": {"operator": "nobody", "scopes": ["status.read"]}}, 404, "unknown"),
    ("POST", "/operators", {"json": {"name": "admin"}}, 400, "bad-request"),
    ("POST", "/operators", {"json": {"name": "a\u0000b"}}, 400, "bad-request"),
    ("DELETE", f"/tokens/{uuid.UUID(int=1)}", {}, 404, "unknown"),
    ("POST", f"/devices/{uuid.UUID(int=1)}/revoke", {"json": {}}, 404, "unknown"),
    ("POST", f"/subjects/{uuid.UUID(int=1)}/forget", {"json": {}}, 404, "unknown"),
    ("POST", "/deadletters/replay", {"json": {"ids": []}}, 400, "bad-request"),
]


async def test_what_is_wrong_is_answered_by_a_problem_document(plane: Plane) -> None:
    for method, path, more, status, slug in WRONG:
        answer = await plane.ask(method, path, **more)
        assert answer.headers["content-type"] == "application/problem+json", path
        told = answer.json()
        assert (answer.status_code, told["type"]) == (status, f"urn:eucora:problem:{slug}"), (path, more)
        assert told["mend"]
        assert "Traceback" not in answer.text


async def test_a_fault_of_ours_tells_nothing_of_itself(plane: Plane, capsys: pytest.CaptureFixture[str]) -> None:
    owner_only = "secret-value-in-a-message"

    @get("/broken", opt={"permission": "status.read"})
    async def broken() -> None:
        raise RuntimeError(owner_only)

    app = Litestar([broken], exception_handlers=HANDLERS, logging_config=None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://localhost") as client:
        answer = await client.get("/broken")
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:eucora:problem:internal")
    assert owner_only not in answer.text + "".join(capsys.readouterr())


async def test_a_database_that_is_away_is_answered_by_503_and_when_to_come_again(plane: Plane) -> None:
    await plane.house.pool.close()
    answer = await plane.ask("GET", "/devices")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:eucora:problem:journal-unavailable")
    assert int(answer.headers["retry-after"]) > 0


async def test_the_document_is_openapi_and_names_every_route(plane: Plane) -> None:
    answer = await plane.client.get("/schema/openapi.json", headers={"authorization": f"Bearer {plane.token}"})
    document = json.loads(answer.content)
    assert document["openapi"].startswith("3.1")
    ours = {re.sub(r":\w+}", "}", path) for _, path, _ in handlers(plane.app) if path.startswith("/api/")}
    assert set(document["paths"]) == ours
    for methods in document["paths"].values():
        for operation in methods.values():
            refusal = operation["responses"]["403"]["content"]["application/problem+json"]["schema"]["$ref"]
            assert refusal.rpartition("/")[2] in document["components"]["schemas"]
            assert operation["description"]


async def test_the_page_fetches_nothing_from_anywhere(plane: Plane) -> None:
    answer = await plane.client.get("/schema", headers={"authorization": f"Bearer {plane.token}"})
    page = answer.text
    assert "/api/v1/devices" in page
    assert "://" not in page
    assert "<script" not in page
    assert "<link" not in page
