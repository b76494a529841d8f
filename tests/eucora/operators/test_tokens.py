"""Tokens are made, listed and ended; each of these acts is in the trail, and no secret is."""

from pathlib import Path
from typing import Any

import msgspec
from tests.eucora.operators.conftest import ADDRESSES, Plane

from eucora.operators import credentials
from eucora.operators.enrolment_tokens import create
from eucora.operators.first import first_operator


async def test_the_first_operator_is_made_once_and_its_file_is_for_its_owner_only(plane: Plane) -> None:
    data = plane.house.settings.data_dir
    file = data / "operator.json"
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.read_bytes()
    await first_operator(plane.house.pool, data, ADDRESSES, data / "ca.pem")
    assert file.read_bytes() == before
    assert len((await plane.get("/tokens"))["items"]) == 1
    moved = {**ADDRESSES, "url": "https://localhost:9"}
    await first_operator(plane.house.pool, data, moved, data / "ca.pem")
    told = msgspec.json.decode(file.read_bytes())
    assert (told["url"], told["token"]) == ("https://localhost:9", plane.token)
    assert [e["actor"] for e in await plane.acts("operator-token.created")] == ["eucora up"]


async def test_a_lost_or_ended_file_gets_a_new_token(plane: Plane) -> None:
    data: Path = plane.house.settings.data_dir
    await plane.house.pool.execute("UPDATE operator_tokens SET revoked_at = now()")
    await first_operator(plane.house.pool, data, ADDRESSES, data / "ca.pem")
    plane.token = msgspec.json.decode((data / "operator.json").read_bytes())["token"]
    assert (await plane.ask("GET", "/status")).status_code == 200


async def test_nobody_gives_what_they_do_not_hold(plane: Plane) -> None:
    token = await plane.token_for("tokens.write", "status.read")
    more = await plane.ask("POST", "/tokens", token, json={"scopes": ["status.read", "subjects.forget"]})
    assert more.status_code == 403
    assert (await plane.acts("access.refused"))[0]["detail"]["permission"] == "subjects.forget"
    assert (await plane.ask("POST", "/tokens", token, json={"scopes": ["status.read"]})).status_code == 201


async def test_enrolment_tokens_are_made_listed_and_ended(plane: Plane) -> None:
    made = (await plane.ask("POST", "/enrolment-tokens", json={"uses": 5, "hours": 2, "label": "sales"})).json()
    own = await create(plane.house.pool, "eucora up", 1, 1.0)
    listed: list[dict[str, Any]] = (await plane.get("/enrolment-tokens"))["items"]
    assert [(t["label"], t["uses_left"]) for t in listed] == [("sales", 5), ("", 1)]
    assert (await plane.ask("DELETE", f"/enrolment-tokens/{made['token_id']}")).status_code == 204
    rows = await plane.house.pool.fetch("SELECT digest, revoked_at FROM enrolment_tokens ORDER BY token_id")
    assert [row["digest"] for row in rows] == [credentials.digest(made["token"]), credentials.digest(own)]
    assert [row["revoked_at"] is None for row in rows] == [False, True]
    acts = [(e["act"], e["actor_kind"]) for e in await plane.acts("enrolment-token")]
    assert acts == [
        ("enrolment-token.revoked", "operator"),
        ("enrolment-token.created", "platform"),
        ("enrolment-token.created", "operator"),
    ]
    trail = (await plane.ask("GET", "/audit/export")).text
    assert made["token"] not in trail
    assert own not in trail


async def test_nobody_disables_themselves(plane: Plane) -> None:
    me = (await plane.get("/operators"))["items"][0]["operator_id"]
    assert (await plane.ask("DELETE", f"/operators/{me}")).status_code == 400
