"""What arrives together is committed together, and each request gets its own result, whatever befalls the others."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tests.eucora.gateway.plane import Device, Enrol, Plane, told

from eucora import clock
from eucora.gateway.group import MOST_WAITING
from eucora.pipeline.collect import Arrival
from eucora.pipeline.intake import Taken
from eucora.problems import TryLater
from eucora_wire.envelope import Envelope


def arrival(sealed: Envelope) -> Arrival:
    return Arrival(sealed.headers, sealed.body, clock.to_ms(clock.now()))


@pytest_asyncio.fixture(loop_scope="module")
async def devices(plane: Plane, enrol: Enrol) -> list[Device]:
    return [await enrol(plane) for _ in range(6)]


@pytest_asyncio.fixture(loop_scope="module")
async def poisoned(device: Device, owner: Any) -> AsyncIterator[Device]:
    """A device whose entries the database itself refuses: a fault of ours that nobody foresaw."""
    await owner.execute(
        f"""CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN IF NEW.device = '{device.id}' THEN RAISE EXCEPTION 'unforeseen'; END IF; RETURN NEW; END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON journal_entries FOR EACH ROW EXECUTE FUNCTION refuse();"""
    )
    yield device
    await owner.execute("DROP TRIGGER refuse ON journal_entries; DROP FUNCTION refuse()")


async def test_each_of_many_at_once_gets_its_own_receipt(plane: Plane, devices: list[Device]) -> None:
    sealed = [(device, device.batch(device.payload())) for _ in range(30) for device in devices]
    answers = await asyncio.gather(*(device.send(batch) for device, batch in sealed))
    places = set()
    for (device, batch), response in zip(sealed, answers, strict=True):
        answer = response.json()
        assert answer["sequence"] == int(batch.headers["eucora-sequence"])
        receipt = answer["receipt"]
        row = await plane.pool.fetchrow(
            "SELECT device, sequence FROM journal_entries WHERE shard = $1 AND lane = 0 AND position = $2",
            receipt["shard"], receipt["position"],
        )  # fmt: skip
        assert tuple(row) == (device.id, answer["sequence"])
        places.add((receipt["shard"], receipt["position"]))
    assert len(places) == len(sealed)


async def test_a_batch_that_breaks_the_commit_is_found_and_the_others_are_taken(
    plane: Plane, devices: list[Device], poisoned: Device, capfd: pytest.CaptureFixture[str]
) -> None:
    good = [(device, device.batch(device.payload())) for _ in range(5) for device in devices]
    bad = [(poisoned, poisoned.batch(poisoned.payload())) for _ in range(3)]
    mixed = good[:10] + bad[:1] + good[10:15] + bad[1:] + good[15:]
    answers = await asyncio.gather(
        *(plane.house.group.submit(arrival(batch)) for _, batch in mixed), return_exceptions=True
    )
    for (device, _), found in zip(mixed, answers, strict=True):
        assert isinstance(found, Taken) == (device is not poisoned)
    assert await plane.entries(poisoned.stream) == []
    assert [len(await plane.entries(device.stream)) for device in devices] == [5] * 6
    said = capfd.readouterr().out
    assert "batch_failed" in said
    assert "unforeseen" not in said


async def test_the_sender_of_the_broken_batch_is_told_that_it_is_our_fault(
    devices: list[Device], poisoned: Device
) -> None:
    answers = await asyncio.gather(
        poisoned.send(poisoned.batch(poisoned.payload())),
        *(device.send(device.batch(device.payload())) for device in devices),
    )
    told(answers[0], "internal")
    assert [answer.status_code for answer in answers[1:]] == [200] * 6


async def test_one_who_hangs_up_disturbs_nobody(plane: Plane, devices: list[Device]) -> None:
    batches = [arrival(device.batch(device.payload())) for device in devices]
    asked = [asyncio.create_task(plane.house.group.submit(batch)) for batch in batches]
    await asyncio.sleep(0)
    asked[0].cancel()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert all(isinstance(answer, Taken) for answer in answers[1:])
    await devices[0].good()


async def test_one_request_too_many_is_told_to_come_again(plane: Plane, devices: list[Device]) -> None:
    batches = [arrival(device.batch(device.payload())) for device in devices]
    many = [batches[n % len(batches)] for n in range(MOST_WAITING + 20)]
    asked = [asyncio.create_task(plane.house.group.submit(batch)) for batch in many]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    turned = [answer for answer in answers if isinstance(answer, TryLater)]
    assert 0 < len(turned) <= 20
    assert {each.slug for each in turned} == {"journal-unavailable"}
    waits = {each.retry_after_s for each in turned}
    assert len(waits) == len(turned)  # they came together, and come again apart
    assert all(2 <= wait <= 30 for wait in waits)
    assert sum(isinstance(answer, Taken) for answer in answers) == len(asked) - len(turned)
    await devices[0].good()


async def test_to_drain_is_to_wait_until_all_are_settled(plane: Plane, devices: list[Device]) -> None:
    batches = [arrival(device.batch(device.payload())) for _ in range(20) for device in devices]
    asked = [asyncio.create_task(plane.house.group.submit(batch)) for batch in batches]
    await asyncio.sleep(0)
    await plane.house.group.drain()
    await asyncio.sleep(0)
    assert all(task.done() for task in asked)
