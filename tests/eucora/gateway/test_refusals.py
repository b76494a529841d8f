"""What was turned away is counted, shown in a small ring, and told to the trail: one event a device, reason and minute."""

import uuid
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from tests.eucora.gateway.plane import Device, Enrol, Plane, running
from tests.eucora.gateway.ways import Scene, a_key_that_was_never_enrolled_behind_a_good_certificate

from eucora import clock
from eucora.gateway.refusals import SAMPLES, Refusals
from eucora_wire.payload import encode


async def told_of(plane: Plane, *devices: uuid.UUID, minutes_on: int = 0) -> list[tuple[str, int]]:
    """(reason, count) of every event that names these devices, and nobody else; as it stands so many minutes on."""
    await plane.house.refusals.tell(plane.pool, clock.now() + timedelta(minutes=minutes_on))
    events = [e for e in await plane.acts("batch.refused") if e["devices"] == list(devices)]
    assert {(e["class"], e["outcome"]) for e in events} <= {("refusal", "refused")}
    return [(e["detail"]["reason"], e["detail"]["count"]) for e in events]


async def misfit(device: Device) -> None:
    """A batch of another installation: refused, and not consumed."""
    await device.send(device.batch(device.payload(), installation=uuid.uuid4()))
    device.take_back()


async def too_hot(device: Device, items: int = 1) -> None:
    """A consumed batch whose first item breaks the schema."""
    body = encode([device.payload() for _ in range(items)]).replace(b'"cpu":12.5', b'"cpu":250', 1)
    await device.send(device.seal(body, items))


async def test_one_event_a_device_and_reason_with_its_count(plane: Plane, device: Device, enrol: Enrol) -> None:
    other = await enrol(plane)
    for _ in range(3):
        await misfit(device)
    await too_hot(device)
    await misfit(other)
    assert sorted(await told_of(plane, device.id)) == [("other-installation", 3), ("schema", 1)]
    assert await told_of(plane, other.id) == [("other-installation", 1)]


async def test_the_first_is_told_at_once_those_after_it_a_minute_later_together_and_a_quiet_minute_has_none(
    plane: Plane, device: Device
) -> None:
    await misfit(device)
    assert await told_of(plane, device.id) == [("other-installation", 1)]
    await misfit(device)
    await misfit(device)
    assert await told_of(plane, device.id) == [("other-installation", 1)]
    assert await told_of(plane, device.id, minutes_on=1) == [("other-installation", 1), ("other-installation", 2)]
    assert len(await told_of(plane, device.id, minutes_on=2)) == 2


async def test_at_the_end_all_of_it_is_told(plane: Plane, device: Device) -> None:
    await misfit(device)
    assert len(await told_of(plane, device.id)) == 1
    await misfit(device)
    await plane.house.refusals.tell(plane.pool, clock.now(), at_the_end=True)
    assert len(await told_of(plane, device.id)) == 2


async def test_a_batch_refused_in_parts_is_counted_and_a_good_one_is_not(plane: Plane, device: Device) -> None:
    await device.good()
    await too_hot(device, items=3)
    assert await told_of(plane, device.id) == [("schema", 1)]


async def test_a_fork_is_recorded(plane: Plane, device: Device) -> None:
    await device.good()
    device.take_back()
    await device.send(device.batch(device.payload()))
    assert await told_of(plane, device.id) == [("fork", 1)]


async def test_what_is_to_be_sent_again_later_is_no_refusal(plane: Plane, device: Device) -> None:
    for _ in range(1200):
        plane.house.device_pace.take(device.id, clock.monotonic())
    assert (await device.send(device.batch(device.payload()))).status_code == 429
    assert await told_of(plane, device.id) == []


async def test_whoever_is_not_proved_to_be_a_device_is_counted_without_a_name(
    plane: Plane, device: Device, enrol: Enrol, start: Any, owner: Any
) -> None:
    await plane.house.refusals.tell(plane.pool, clock.now())
    before = len(await told_of(plane))
    for _ in range(2):
        await a_key_that_was_never_enrolled_behind_a_good_certificate(Scene(plane, start, enrol, owner, device))
    assert (await told_of(plane))[before:] == [("unknown-device", 2)]
    assert await told_of(plane, device.id) == []


async def test_a_trail_that_is_away_is_told_when_it_is_back(plane: Plane, device: Device, owner: Any) -> None:
    await misfit(device)
    await owner.execute("REVOKE INSERT ON audit_events FROM eucora_app")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await plane.house.refusals.tell(plane.pool, clock.now())
    await misfit(device)
    await owner.execute("GRANT INSERT ON audit_events TO eucora_app")
    assert await told_of(plane, device.id) == [("other-installation", 2)]


async def test_a_gateway_that_stops_tells_what_it_knows(plane: Plane, device: Device) -> None:
    async with running(plane.ground) as gateway:
        batch = device.batch(device.payload(), installation=uuid.uuid4())
        assert (await device.send(batch, gateway.device_url)).status_code == 403
        await device.client.aclose()
    assert await told_of(plane, device.id) == [("other-installation", 1)]


async def test_samples_go_when_their_period_is_over(plane: Plane) -> None:
    refusals, now = Refusals(), clock.now()
    refusals.note("unsigned", None, now - timedelta(days=8))
    refusals.note("unsigned", None, now)
    await refusals.tell(plane.pool, now)
    assert [sample.at for sample in refusals.samples] == [now]


def test_the_ring_of_samples_is_small_and_counts_go_on() -> None:
    refusals, now = Refusals(), clock.now()
    for _ in range(SAMPLES + 10):
        refusals.note("unsigned", None, now)
    assert len(refusals.samples) == SAMPLES
    assert refusals.totals == {"unsigned": SAMPLES + 10}
