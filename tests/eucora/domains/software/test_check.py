"""The digest is compared only when nothing older can still come; a mismatch asks for one full inventory an interval."""

import uuid
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from tests.eucora.domains.items import BEGIN, absorb, item
from tests.eucora.line import Line

from eucora.domains.all import chores
from eucora.domains.software.check import RESYNC_INTERVAL_S, check, resyncs
from eucora_wire.delta import difference, inventory
from eucora_wire.sections.software import Package, Software

FIRST = inventory([Package(name="a", version="1", signature="a" * 64, purl="pkg:deb/debian/a@1", publisher="x")])
SECOND = inventory([*FIRST.values(), Package(name="b", version="1")])
THIRD = inventory([Package(name="b", version="2", source="dpkg", architecture="amd64")])


async def everything(pool: Any, devices: Collection[uuid.UUID]) -> set[uuid.UUID]:
    return set(devices)


async def nothing(pool: Any, devices: Collection[uuid.UUID]) -> set[uuid.UUID]:
    return set()


async def test_what_was_told_in_full_and_by_deltas_has_the_devices_own_digest(line: Line) -> None:
    device = uuid.uuid4()
    said = (Software(packages=tuple(FIRST.values())), Software(delta=difference(FIRST, SECOND)))
    for n, software in enumerate((*said, Software(delta=difference(SECOND, THIRD)))):
        await absorb(line, "software", [item(device, n + 1, software=software)])
        assert await check(line.app, everything, BEGIN) == 1
    assert await resyncs(line.app) == set()
    assert await check(line.app, everything, BEGIN) == 0


async def test_a_lost_delta_asks_for_a_full_inventory_once_an_interval_until_it_comes(line: Line) -> None:
    device = uuid.uuid4()
    await absorb(line, "software", [item(device, 1, software=Software(packages=tuple(FIRST.values())))])
    third = inventory([*SECOND.values(), Package(name="c", version="1")])
    await absorb(line, "software", [item(device, 3, software=Software(delta=difference(SECOND, third)))])
    assert await check(line.app, nothing, BEGIN) == 0
    assert await resyncs(line.app) == set()
    assert await check(line.app, everything, BEGIN) == 1
    assert await resyncs(line.app) == {device}
    await absorb(line, "software", [item(device, 4, software=Software(packages=tuple(THIRD.values())))])
    assert await resyncs(line.app) == set()

    soon, later = BEGIN + timedelta(seconds=60), BEGIN + timedelta(seconds=RESYNC_INTERVAL_S + 1)
    for n, now, asked in ((5, soon, set()), (6, later, {device})):
        wrong = difference(SECOND, inventory([Package(name=f"lost-{n}", version="1"), *FIRST.values()]))
        await absorb(line, "software", [item(device, n, software=Software(delta=wrong))])
        await check(line.app, everything, now)
        assert await resyncs(line.app) == asked


async def test_a_stream_with_a_gap_is_not_compared_and_one_without_is(line: Line) -> None:
    device = await line.enrol()
    payload = item(device.id, 1, software=Software(packages=())).payload
    missing = device.batch([payload])
    await line.append(device.batch([payload]))
    await line.digest()
    compare, _ = chores(line.app, line.secrets)
    await compare(BEGIN)
    assert await line.rows("SELECT checked FROM software_state") == [(False,)]
    await line.append(missing)
    await compare(BEGIN)
    assert await line.rows("SELECT checked FROM software_state") == [(False,)], "an entry waits to be digested"
    await line.digest()
    await compare(BEGIN)
    assert await line.rows("SELECT checked, resync FROM software_state") == [(True, False)]


async def test_what_a_stream_that_was_left_still_misses_does_not_keep_its_device_from_being_compared(
    line: Line,
) -> None:
    device = await line.enrol()
    payload = item(device.id, 1, software=Software(packages=())).payload
    device.batch([payload])  # never arrives
    await line.append(device.batch([payload]))
    device.stream, device.sequence, device.previous = uuid.uuid4(), 0, "lost"
    await line.append(device.batch([payload]))
    await line.digest()
    compare, _ = chores(line.app, line.secrets)
    await compare(BEGIN)
    assert await line.rows("SELECT checked, resync FROM software_state") == [(True, False)]
