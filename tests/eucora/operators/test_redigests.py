"""An operator asks that a range be digested again: permitted, for a purpose, recorded, and told what else holds it."""

from tests.eucora.operators.conftest import Plane


async def test_it_is_asked_for_with_a_purpose_and_stands_in_the_trail_and_in_the_list(plane: Plane) -> None:
    wanted = {"since": "2d", "purpose": "temperatures were in Kelvin"}
    answer = await plane.ask("POST", "/redigests", json=wanted)
    assert answer.status_code == 202, answer.text
    asked = answer.json()
    assert asked["followers"] == []
    assert asked["redigest"]["done_at"] is None
    (event,) = await plane.acts("archive.redigest_asked")
    assert (event["purpose"], event["class"]) == (wanted["purpose"], "lifecycle")
    assert (await plane.get("/redigests"))["items"] == [asked["redigest"]]
    assert await plane.get(f"/redigests/{asked['redigest']['redigest']}") == asked["redigest"]


async def test_it_needs_the_permission_a_purpose_and_a_time_in_which_something_was_digested(plane: Plane) -> None:
    wanted = {"since": "2d", "purpose": "test"}
    token = await plane.token_for("status.read", "deadletters.replay")
    assert (await plane.ask("POST", "/redigests", token=token, json=wanted)).status_code == 403
    assert (await plane.ask("POST", "/redigests", json=wanted | {"purpose": ""})).status_code == 400
    assert (await plane.ask("POST", "/redigests", json=wanted | {"until": "3d"})).status_code == 400
    nothing = wanted | {"since": "2001-01-01T00:00:00Z", "until": "2001-01-02T00:00:00Z"}
    assert (await plane.ask("POST", "/redigests", json=nothing)).status_code == 404
    assert (await plane.ask("GET", "/redigests/99")).status_code == 404
    assert await plane.acts("archive.redigest_asked") == []
