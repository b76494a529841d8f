"""A server that is told cohorts hears each step once, whole, whoever is stopped in between; and what was late is counted."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.eucora.line import Device, Line
from tests.eucora.pipeline.test_followers import Script, tell_all

from eucora.archive.copies import Copies
from eucora.archive.feed import Feed
from eucora.clock import EPOCH
from eucora.domains.all import erased
from eucora.domains.devices.queries import beings
from eucora.domains.devices.site import say
from eucora.pipeline.cohorts import STEP, begin_of
from eucora.pipeline.followers import Teller, Telling, again, states
from eucora.pipeline.told_cohorts import Cohorts
from eucora.stores.ports import Follows, Parcel, Told
from eucora.stores.s3 import S3Objects
from eucora_wire.payload import Payload
from eucora_wire.sections import device as facts
from eucora_wire.sections.hardware import Hardware

NOW = datetime.now(UTC).replace(microsecond=0)
FIRST = begin_of(NOW) - timedelta(minutes=30)
PASSED = """UPDATE follower_cursors f SET position = c.position FROM cursors c
             WHERE c.consumer = 'pipeline' AND c.shard = f.shard AND c.lane = f.lane"""
SUM, COUNT = "cohort:system_cpu_utilization_ratio:sum", "cohort:system_cpu_utilization_ratio:count"


class Listener(Script):
    """A script that hears aggregates."""

    name = "prometheus-cohorts"
    kind: Follows = "cohorts"  # type: ignore[assignment]

    async def write(self, parcel: Parcel) -> Told:
        if self.failures and (failure := self.failures.pop(0)) is not None:
            raise failure
        self.parcels.append(parcel)
        return Told(len(parcel.rows))

    def values(self, name: str, **labels: str) -> list[tuple[int, float]]:
        """(minute, value) in the order in which it was told."""
        rows = [row for parcel in self.parcels for row in parcel.rows if row.name == name and row.labels == labels]
        return [(int((row.time - FIRST) / STEP), row.value) for row in rows]


@pytest.fixture
async def fed(line: Line, servers: Any, tmp_path: Path) -> AsyncIterator[Feed]:
    objects = S3Objects(servers.s3, "eucora-data")
    yield Feed(line.app, Copies(objects, tmp_path / "fed", 2**24), "metrics", partial(erased, line.app))
    await objects.close()


async def fleet(line: Line, *models: str) -> list[Device]:
    """A device a model, which has said so; every second belongs to Lyon."""
    devices = []
    for n, model in enumerate(models):
        device = await line.enrol()
        said = facts.Device(os=facts.OperatingSystem("Debian GNU/Linux 12", "linux", "12"), model=model)
        await line.append(device.batch([Payload(device_id=device.id, timestamp=FIRST, device=said)]))
        if n % 2:
            async with line.app.acquire() as tx, tx.transaction():
                assert await say(tx, device.id, "Lyon", NOW)
        devices.append(device)
    await line.digest()
    return devices


async def tell(line: Line, devices: list[Device], *minutes: int) -> None:
    """Half a core of each device, in some minutes."""
    for device in devices:
        for minute in minutes:
            at = FIRST + minute * STEP + timedelta(seconds=7)
            await line.append(device.batch([Payload(device_id=device.id, timestamp=at, hardware=Hardware(cpu=50.0))]))
    await line.digest()


def teller(line: Line, fed: Feed, listener: Any) -> Teller:
    """As a process that has just begun."""
    cohorts = Cohorts(line.app, fed, partial(beings, line.app), listener.name)
    return Teller(Telling(listener, cohorts, line.app, 15.0))


async def listen(line: Line, fed: Feed, listener: Any) -> None:
    one = teller(line, fed, listener)
    await tell_all(one)
    await one.let_go()


async def test_a_step_is_told_of_the_fleet_and_of_each_cohort_and_names_no_device(line: Line, fed: Feed) -> None:
    devices = await fleet(line, *["T14"] * 6, *["X1"] * 5)
    await tell(line, devices, 0, 1)
    listener = Listener()
    await listen(line, fed, listener)
    assert listener.values(SUM, cohort="fleet") == [(0, 5.5), (1, 5.5)]
    assert listener.values(SUM, cohort="model", value="T14") == [(0, 3.0), (1, 3.0)]
    assert listener.values(COUNT, cohort="site", value="Lyon") == [(0, 5), (1, 5)]
    assert listener.values(COUNT, cohort="os", value="Debian GNU/Linux 12 12") or listener.values(
        COUNT, cohort="os", value="Debian GNU/Linux 12"
    )
    said = str([dict(row.labels) for parcel in listener.parcels for row in parcel.rows])
    assert not any(str(device.id) in said for device in devices)


async def test_each_step_is_told_once_and_whole_whoever_is_stopped_in_between(line: Line, fed: Feed) -> None:
    devices = await fleet(line, *["T14"] * 6)
    listener = Listener()
    for minute in range(6):
        await tell(line, devices, minute)
        await listen(line, fed, listener)  # a new process each time
    told = Counter(minute for minute, _ in listener.values(SUM, cohort="fleet"))
    assert told == Counter(range(6))
    assert {value for _, value in listener.values(SUM, cohort="fleet")} == {3.0}


async def test_a_step_that_is_not_over_is_not_told_and_is_whole_when_a_process_begins_anew(
    line: Line, fed: Feed
) -> None:
    devices = await fleet(line, *["T14"] * 6)
    listener = Listener()
    minute = int((datetime.now(UTC) - FIRST) / STEP) - 1  # over, and not settled
    await tell(line, devices[:3], minute)
    await listen(line, fed, listener)
    assert listener.values(SUM, cohort="fleet") == []
    await tell(line, devices[3:], minute)
    one = teller(line, fed, listener)
    await tell_all(one)
    (reader,) = [one.feed._main]  # type: ignore[attr-defined]
    step = FIRST + minute * STEP
    found = reader.steps.take(step, reader.shapes)
    assert [row.value for row in found if row.name == COUNT and row.labels == {"cohort": "fleet"}] == [6]
    await one.let_go()


async def test_what_comes_late_is_counted_with_its_times_and_a_told_step_stays_as_it_was(line: Line, fed: Feed) -> None:
    devices = await fleet(line, *["T14"] * 6)
    listener = Listener()
    one = teller(line, fed, listener)
    await tell(line, devices, 0, 5)
    await tell_all(one)
    await tell(line, devices[:2], 0, 1)
    await tell(line, devices, 6)
    await tell_all(one)
    assert listener.values(COUNT, cohort="fleet") == [(0, 6), (5, 6), (6, 6)]
    reader = one.feed._main  # type: ignore[attr-defined]
    reader.steps.upto = datetime.now(UTC)  # as when the minutes that lie between are over
    assert reader.moved()
    (refused,) = reader.late()
    assert (refused.reason, refused.count) == ("step-told", 4)
    assert (refused.first, refused.last) == (FIRST + timedelta(seconds=7), FIRST + timedelta(seconds=67))


async def test_told_again_from_a_time_it_hears_the_same_steps_once_more(line: Line, fed: Feed) -> None:
    devices = await fleet(line, *["T14"] * 6)
    listener = Listener()
    await tell(line, devices, 0, 1, 2)
    await listen(line, fed, listener)
    before = listener.values(SUM, cohort="fleet")
    await line.app.execute(PASSED)  # as some minutes later
    async with line.app.acquire() as tx, tx.transaction():
        assert await again(tx, listener.name, EPOCH)
    listener.parcels.clear()
    await listen(line, fed, listener)
    assert listener.values(SUM, cohort="fleet") == before
    (state,) = await states(line.app, datetime.now(UTC))
    assert state.again == 0
