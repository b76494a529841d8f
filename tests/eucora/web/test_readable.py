"""No parameter of any route takes a NUL character: PostgreSQL can't hold one."""

import uuid

from tests.eucora.operators.conftest import Plane


async def test_a_nul_character_is_refused_by_every_parameter_of_every_route(plane: Plane) -> None:
    answer = await plane.client.get("/schema/openapi.json", headers={"authorization": f"Bearer {plane.token}"})
    asked = 0
    for path, methods in answer.json()["paths"].items():
        url = path.removeprefix("/api/v1").replace("{device_id}", str(uuid.uuid4()))
        for parameter in methods.get("get", {}).get("parameters", []):
            if parameter["in"] == "query":
                refused = await plane.ask("GET", url, params={"path": "cpu", parameter["name"]: "a\x00b"})
                assert (refused.status_code, refused.json()["type"]) == (400, "urn:eucora:problem:bad-request"), url
                assert parameter["name"] in refused.json()["detail"]
                asked += 1
    assert asked > 30


async def test_what_is_asked_for_by_an_odd_name_is_not_repeated(plane: Plane) -> None:
    refused = await plane.ask("GET", "/devices", params={"anna-laptop?": "\x00"})
    assert refused.status_code == 400
    assert "anna" not in refused.text
