"""Dead letters as operators see them: named by reason and field, never by content; replayed, and that is in the trail."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.eucora.line import Device, Line
from tests.eucora.operators.conftest import Plane

from eucora.batch import Verdict
from eucora.pipeline.replay import replay
from eucora_wire.payload import Payload
from eucora_wire.problems import BASE, ItemProblem
from eucora_wire.sections.hardware import Hardware

NOW = datetime.now(UTC)
UPTIME = 4711.25


def health(device: Device, age: timedelta) -> Payload:
    return Payload(device_id=device.id, timestamp=NOW - age, hardware=Hardware(uptime=UPTIME))


async def too_old(line: Line, device: Device) -> None:
    await line.append(device.batch([health(device, timedelta(days=60))]))
    await line.digest()


async def refused_at_the_door(line: Line, device: Device) -> None:
    """A good item for which the door, wrongly, said no: what a replay is for."""
    verdict = Verdict(items=(ItemProblem(1, BASE + "schema", "$.hardware.cpu", "Expected `float` <= 100.0"),))
    await line.append(device.batch([health(device, timedelta(minutes=1))], verdict=verdict))
    await line.digest()


async def letters(plane: Plane, **narrowed: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await plane.get("/deadletters", **narrowed))["items"]
    return found


async def test_a_letter_says_why_and_where_and_nothing_of_what_it_holds(plane: Plane, line: Line) -> None:
    device = await line.enrol()
    await refused_at_the_door(line, device)
    (letter,) = await letters(plane)
    assert (letter["device"], letter["reason"], letter["path"]) == (str(device.id), "schema", "$.hardware.cpu")
    assert (letter["state"], letter["kept"], letter["count"]) == ("open", True, 1)
    assert str(UPTIME) not in (await plane.ask("GET", "/deadletters")).text
    assert (await plane.get("/status"))["dead_letters"] == 1


async def test_letters_are_narrowed_by_device_reason_and_state(plane: Plane, line: Line) -> None:
    one, other = await line.enrol(), await line.enrol()
    await too_old(line, one)
    await refused_at_the_door(line, other)
    assert [x["reason"] for x in await letters(plane)] == ["schema", "too-old"]
    assert [x["device"] for x in await letters(plane, reason="too-old")] == [str(one.id)]
    assert [x["reason"] for x in await letters(plane, device=str(other.id))] == ["schema"]
    assert await letters(plane, state="replayed") == []
    assert len(await letters(plane, state="all")) == 2
    assert (await plane.ask("GET", "/deadletters", params={"state": "lost"})).status_code == 400


@pytest.fixture
async def replaying(plane: Plane, line: Line) -> Plane:
    """The plane with the pipeline's own replay, as it is assembled."""
    plane.reassemble(replay=lambda ids: replay(line.house, ids))
    return plane


async def test_a_replay_stores_what_can_be_stored_and_stands_in_the_trail(replaying: Plane, line: Line) -> None:
    device, other = await line.enrol(), await line.enrol()
    await refused_at_the_door(line, device)
    await too_old(line, other)
    old, fresh = await letters(replaying)
    ids = [fresh["id"], old["id"], str(uuid.UUID(int=1))]
    answer = await replaying.ask("POST", "/deadletters/replay", json={"ids": ids})
    assert answer.json() == {"replayed": 1, "failed": 1, "unknown": 1, "reasons": {old["id"]: "too-old"}}
    assert [x["id"] for x in await letters(replaying, state="replayed")] == [fresh["id"]]
    (point,) = (await replaying.get(f"/devices/{device.id}/series", path="uptime"))["points"]
    assert point[1] == UPTIME
    (event,) = await replaying.acts("deadletters.replayed")
    assert (event["class"], event["detail"]) == ("lifecycle", {"asked": 3, "replayed": 1, "failed": 1})
    assert event["devices"] == sorted([str(device.id), str(other.id)])
    again = await replaying.ask("POST", "/deadletters/replay", json={"ids": [fresh["id"]]})
    assert again.json()["reasons"] == {fresh["id"]: "it was replayed already"}
    assert len((await replaying.get(f"/devices/{device.id}/series", path="uptime"))["points"]) == 1
