"""A tap shows what passes from now on, of one device, masked, bounded; and it stands in the audit trail before that."""

import asyncio
import uuid
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from tests.eucora.line import Device, Line
from tests.eucora.operators.conftest import Plane

from eucora.archive.masks import erase
from eucora.operators import tap
from eucora_wire.payload import Payload
from eucora_wire.sections.events import Event
from eucora_wire.sections.hardware import Hardware


def of(device: Device, **sections: Any) -> Payload:
    return Payload(device_id=device.id, timestamp=datetime.now(UTC), **sections)


def health(device: Device) -> Payload:
    return of(device, hardware=Hardware(cpu=25.0))


async def tapped(plane: Plane, device: uuid.UUID, meanwhile: Awaitable[object], **asked: Any) -> list[dict[str, Any]]:
    """What a tap of three seconds showed, while something happened."""
    more = {"params": {"seconds": 3, **asked}, "headers": {"accept": "application/x-ndjson"}}
    asking = asyncio.create_task(plane.ask("GET", f"/devices/{device}/tap", **more))
    await asyncio.sleep(0.6)
    await meanwhile
    answer = await asking
    assert answer.status_code == 200, answer.text
    return [row for line in answer.text.splitlines() if (row := msgspec.json.decode(line))["kind"] != "still"]


async def send(line: Line, *batches: Any) -> None:
    await line.append(*batches)
    await line.digest()


async def test_a_record_is_seen_at_each_stage_and_nothing_that_came_before(plane: Plane, line: Line) -> None:
    device, other = await line.enrol(uuid.UUID(int=2)), await line.enrol(uuid.UUID(int=4))
    await send(line, device.batch([health(device)]))
    old = Payload(device_id=device.id, timestamp=datetime.now(UTC) - timedelta(days=60), hardware=Hardware(cpu=1.0))
    batches = (device.batch([health(device), old]), other.batch([health(other)]))
    rows = await tapped(plane, device.id, send(line, *batches))
    assert [(row["stage"], row["kind"]) for row in rows] == [
        ("journal", "batch"),
        ("archive", "metrics"),
        ("dead-letters", "dead-letter"),
    ]
    assert rows[0]["said"]["batch"] == f"{device.stream}/2"
    assert rows[1]["said"]["system_cpu_utilization_ratio"] == 0.25
    assert rows[2]["said"]["reason"] == "too-old"


async def test_one_stage_alone_may_be_tapped(plane: Plane, line: Line) -> None:
    device = await line.enrol()
    rows = await tapped(plane, device.id, send(line, device.batch([health(device)])), stage="archive")
    assert [row["stage"] for row in rows] == ["archive"]


async def test_what_names_a_person_is_masked(plane: Plane, line: Line) -> None:
    device = await line.enrol()
    said = Event(
        id=uuid.uuid4(), time=datetime.now(UTC), name="a.b", detail="login failed for user anna.smith@example.org"
    )
    rows = await tapped(plane, device.id, send(line, device.batch([of(device, events=(said,))])), stage="archive")
    assert len(rows) == 1
    assert "anna" not in str(rows)
    assert rows[0]["said"]["text"] == "login <user> for user <account>"


async def test_what_was_erased_is_not_shown_when_it_comes_late(plane: Plane, line: Line) -> None:
    device = await line.enrol()
    now = datetime.now(UTC)
    await erase(line.app, device.id, now - timedelta(hours=2), now - timedelta(hours=1), now)
    erased, kept = (
        Payload(device_id=device.id, timestamp=now - timedelta(minutes=ago), hardware=Hardware(cpu=float(ago)))
        for ago in (90, 5)
    )
    rows = await tapped(plane, device.id, send(line, device.batch([erased, kept])), stage="archive")
    assert [row["said"]["system_cpu_utilization_ratio"] for row in rows] == [0.05]


async def test_more_than_anybody_reads_is_skipped_and_said_so(plane: Plane, line: Line) -> None:
    device = await line.enrol()
    batches = [device.batch([health(device)]) for _ in range(tap.AT_ONCE * 2)]
    rows = await tapped(plane, device.id, line.append(*batches), stage="journal")
    assert [row["kind"] for row in rows].count("batch") == tap.AT_ONCE
    assert rows[-1]["kind"] == "skipped"


async def test_that_somebody_taps_stands_in_the_trail_before_the_first_record(plane: Plane, line: Line) -> None:
    device = await line.enrol()

    async def look() -> None:
        (event,) = await plane.acts("telemetry.tapped")
        assert (event["devices"], event["purpose"], event["class"]) == ([str(device.id)], "ticket 4711", "personal")

    await tapped(plane, device.id, look(), purpose="ticket 4711")


async def test_a_device_that_there_is_not_can_t_be_tapped(plane: Plane) -> None:
    answer = await plane.ask("GET", f"/devices/{uuid.uuid4()}/tap")
    assert answer.status_code == 404
    assert await plane.acts("telemetry.tapped") == []


async def test_without_json_lines_it_is_one_look(plane: Plane, line: Line) -> None:
    device = await line.enrol()
    rows = await plane.get(f"/devices/{device.id}/tap", stage="journal")
    assert [row["kind"] for row in rows] == ["still"]
