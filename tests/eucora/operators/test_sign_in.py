"""Nobody is let in without a good token and the right permission, and each who was turned away is in the trail."""

import asyncio
from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest
from tests.eucora.operators.conftest import Plane

from eucora import clock
from eucora.operators import sign_in


async def test_no_token_and_a_wrong_token_are_turned_away_and_recorded(plane: Plane) -> None:
    for headers in ({}, {"authorization": "Bearer euc_wrong"}, {"authorization": "Basic %%"}):
        answer = await plane.client.get("/api/v1/status", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:eucora:problem:not-signed-in"
    refused = await plane.acts("sign-in.refused")
    assert [(e["detail"]["reason"], e["origin"], e["actor_kind"]) for e in refused] == [
        ("no-token", "192.0.2.7", "anonymous"),
        ("unknown", "192.0.2.7", "anonymous"),
        ("no-token", "192.0.2.7", "anonymous"),
    ]


async def test_a_token_without_the_permission_is_refused_and_recorded(plane: Plane) -> None:
    token = await plane.token_for("devices.read")
    answer = await plane.ask("GET", "/status", token)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:eucora:problem:not-allowed")
    refused = (await plane.acts("access.refused"))[0]
    assert refused["detail"]["permission"] == "status.read"
    assert (refused["outcome"], refused["class"], refused["actor_kind"]) == ("refused", "refusal", "operator")


async def test_an_expired_a_revoked_and_a_disabled_operator_s_token_are_refused(plane: Plane) -> None:
    expired = await plane.token_for("status.read")
    past = clock.now() - timedelta(seconds=1)
    await plane.house.pool.execute("UPDATE operator_tokens SET expires_at = $1 WHERE label = ''", past)
    assert "expired" in (await plane.ask("GET", "/status", expired)).json()["detail"]
    made = (await plane.ask("POST", "/tokens", json={"scopes": ["status.read"]})).json()
    assert (await plane.ask("GET", "/status", made["token"])).status_code == 200
    assert (await plane.ask("DELETE", f"/tokens/{made['token_id']}")).status_code == 204
    assert "revoked" in (await plane.ask("GET", "/status", made["token"])).json()["detail"]
    anna = (await plane.ask("POST", "/operators", json={"name": "anna"})).json()
    hers = (await plane.ask("POST", "/tokens", json={"operator": "anna", "scopes": ["status.read"]})).json()["token"]
    assert (await plane.ask("GET", "/status", hers)).status_code == 200
    assert (await plane.ask("DELETE", f"/operators/{anna['operator_id']}")).status_code == 204
    assert (await plane.ask("GET", "/status", hers)).status_code == 401
    reasons = [e["detail"]["reason"] for e in await plane.acts("sign-in.refused")]
    assert reasons == ["operator-disabled", "revoked", "expired"]


async def test_the_first_use_of_a_token_in_an_hour_is_one_event(plane: Plane) -> None:
    for _ in range(3):
        await plane.get("/status")
    signed_in = [e for e in await plane.acts("sign-in") if e["act"] == "sign-in"]
    assert len(signed_in) == 1
    assert signed_in[0]["origin"] == "192.0.2.7"
    assert signed_in[0]["class"] == "access"


async def test_requests_that_come_at_once_sign_in_once(plane: Plane) -> None:
    answers = await asyncio.gather(*(plane.ask("GET", "/status") for _ in range(12)))
    assert {answer.status_code for answer in answers} == {200}
    assert [event["act"] for event in await plane.acts("sign-in")] == ["sign-in"]


async def test_a_guesser_can_not_flood_the_trail_nor_lock_anybody_out(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in, "REFUSALS_A_MINUTE", 3)
    at = clock.now()
    monkeypatch.setattr(sign_in.clock, "now", lambda: at)
    told = [(await plane.client.get("/api/v1/status")).status_code for _ in range(6)]
    assert told == [401, 401, 401, 429, 429, 429]
    assert (await plane.ask("GET", "/status")).status_code == 200
    reasons = [e["detail"]["reason"] for e in await plane.acts("sign-in.refused")]
    assert reasons == ["too-fast", "no-token", "no-token", "no-token"]


async def test_a_browser_may_send_the_token_as_a_password(plane: Plane) -> None:
    basic = b64encode(f"me:{plane.token}".encode()).decode()
    answer = await plane.client.get("/schema", headers={"authorization": f"Basic {basic}"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("method", ["OPTIONS", "HEAD", "TRACE", "PUT"])
async def test_no_method_is_a_way_around_the_door(plane: Plane, method: str) -> None:
    answer = await plane.client.request(method, "/api/v1/devices")
    assert answer.status_code in (401, 404, 405)


async def test_the_database_keeps_no_token(plane: Plane) -> None:
    await plane.token_for("status.read")
    rows: list[Any] = await plane.house.pool.fetch("SELECT t::text AS text FROM operator_tokens t")
    assert rows
    assert not any("euc_" in row["text"] for row in rows)
