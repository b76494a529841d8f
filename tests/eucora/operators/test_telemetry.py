"""A metric over the fleet, as the API tells it."""

from tests.eucora.operators.conftest import Plane, PlantDevice, plant_samples


async def test_a_metric_over_the_fleet_is_one_series_or_one_a_device(plane: Plane, plant: PlantDevice) -> None:
    first, second = await plant(), await plant(hostname="bob-desktop", serial="SN-1")
    for laptop, value in ((first, 0.25), (second, 0.75)):
        await plant_samples(plane, laptop.device_id, [value] * 6)
    whole = await plane.get("/telemetry/query", metric="cpu", since="1h")
    assert (whole["metric"], whole["unit"], whole["op"]) == ("hardware.cpu", "ratio", "mean")
    ((device, points),) = [(each["device"], each["points"]) for each in whole["series"]]
    assert (device, [value for _, value in points]) == (None, [0.5])
    each = await plane.get("/telemetry/query", metric="cpu", since="1h", step="20m", op="max", by="device")
    told = {each["device"]: {value for _, value in each["points"]} for each in each["series"]}
    assert told == {str(first.device_id): {0.25}, str(second.device_id): {0.75}}
    one = await plane.get("/telemetry/query", metric="cpu", since="1h", op="count", devices=str(first.device_id))
    assert (one["unit"], [value for _, value in one["series"][0]["points"]]) == ("count", [6.0])


async def test_a_question_that_can_not_be_answered_is_refused_by_its_reason(plane: Plane) -> None:
    for wrong in (
        {"metric": "nonsense"},
        {"metric": "cpu", "op": "median"},
        {"metric": "cpu", "op": "last"},
        {"metric": "cpu", "step": "0s"},
        {"metric": "cpu", "step": "often"},
        {"metric": "cpu", "since": "0s"},
        {"metric": "cpu", "devices": "me"},
    ):
        answer = await plane.ask("GET", "/telemetry/query", params=wrong)
        assert 400 <= answer.status_code < 500, wrong
        assert answer.headers["content-type"] == "application/problem+json"
