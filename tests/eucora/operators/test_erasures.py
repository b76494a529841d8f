"""An operator erases a device: permitted, for a purpose, recorded; and is told when it is gone from where."""

from tests.eucora.operators.conftest import Plane, PlantDevice


async def test_a_device_is_erased_and_the_answer_names_each_store_and_its_time(
    plane: Plane, plant: PlantDevice
) -> None:
    laptop = await plant()
    answer = await plane.ask("POST", "/erasures", json={"device": str(laptop.device_id), "purpose": "request 4711"})
    assert answer.status_code == 202, answer.text
    asked = answer.json()
    assert [place["store"] for place in asked["stores"]] == [
        *("queries", "archive", "copies", "postgresql", "journal", "audit"),
    ]
    assert all(place["at"] >= asked["asked_at"] for place in asked["stores"])
    assert (await plane.get("/devices", q=f"id:{laptop.device_id}"))["items"] == []
    assert (await plane.ask("GET", f"/devices/{laptop.device_id}")).status_code == 404
    (event,) = await plane.acts("device.erased")
    assert (event["purpose"], event["devices"], event["class"]) == (
        "request 4711",
        [str(laptop.device_id)],
        "lifecycle",
    )
    assert (await plane.get("/erasures"))["items"] == [await plane.get(f"/erasures/{asked['number']}")]


async def test_it_needs_the_permission_and_a_purpose_and_a_device(plane: Plane, plant: PlantDevice) -> None:
    laptop = await plant()
    wanted = {"device": str(laptop.device_id), "purpose": "test"}
    token = await plane.token_for("devices.read", "devices.revoke")
    assert (await plane.ask("POST", "/erasures", token=token, json=wanted)).status_code == 403
    assert (await plane.ask("POST", "/erasures", json=wanted | {"purpose": ""})).status_code == 400
    assert (await plane.ask("POST", "/erasures", json=wanted | {"until": "2d"})).status_code == 400
    assert (await plane.ask("POST", "/erasures", json=wanted | {"since": "1d", "until": "2d"})).status_code == 400
    unknown = wanted | {"device": "00000000-0000-4000-8000-000000000000"}
    assert (await plane.ask("POST", "/erasures", json=unknown)).status_code == 404
    assert (await plane.ask("GET", "/erasures/99")).status_code == 404
    assert (await plane.get("/devices", q=f"id:{laptop.device_id}"))["items"] != []
