"""Facts of a device are those of its newest item, whenever that came; change points find their place by themselves."""

import uuid
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.eucora.domains.items import absorb, arrivals, item
from tests.eucora.line import Line

from eucora.domains.devices import queries
from eucora.domains.devices.personal import open_names
from eucora.domains.devices.search import parse
from eucora_wire.sections.device import Device, OperatingSystem
from eucora_wire.sections.software import Package, Software

facts = st.builds(
    Device,
    os=st.none() | st.builds(OperatingSystem, name=st.sampled_from(("Debian", "Fedora")), build=st.sampled_from("12")),
    model=st.sampled_from((None, "X1", "X2")),
    disk_encrypted=st.sampled_from((None, True, False)),
    boot_time=st.sampled_from((None, datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC))),
)
histories = st.lists(facts, min_size=1, max_size=6).flatmap(lambda said: st.tuples(st.just(said), arrivals(len(said))))

ROW = """SELECT model, os_name, os_build, disk_encrypted, boot_time, order_stream, order_item, event_time, received_at
           FROM devices WHERE device_id = $1"""
FACTS = """SELECT attribute, order_item, value, event_time FROM device_facts
            WHERE device = $1 AND attribute <> 'policy' ORDER BY 1, 2"""
INTERVALS = """SELECT attribute, value, valid_from, valid_to FROM device_fact_intervals
                WHERE device = $1 AND attribute <> 'policy' ORDER BY 1, 3"""


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories)
async def test_any_order_and_any_repetition_gives_the_same_facts(line: Line, history: Any) -> None:
    said, batches = history
    straight, crooked = [(await line.enrol()).id for _ in range(2)]
    for n, device in enumerate(said):
        await absorb(line, "devices", [item(straight, n + 1, device=device)])
    for batch in batches:
        await absorb(line, "devices", [item(crooked, n + 1, device=said[n]) for n in batch])
    for statement in (ROW, FACTS, INTERVALS):
        assert await line.rows(statement, crooked) == await line.rows(statement, straight)
    row = await queries.one(line.app, crooked)
    assert row is not None
    assert (row.model, row.boot_time) == (said[-1].model, said[-1].boot_time)


async def test_host_name_and_serial_lie_sealed_and_are_found_by_their_whole_value(line: Line) -> None:
    device = (await line.enrol()).id
    said = Device(hostname="Anna-Laptop", serial="S3CR3T")
    await absorb(line, "devices", [item(device, 1, device=said)])
    row = await queries.one(line.app, device)
    assert row is not None
    for sealed in (row.hostname_sealed, row.serial_sealed):
        assert sealed is not None
        assert b"Anna" not in sealed
    names = await open_names(line.keyring, [row])
    assert (names[device].hostname, names[device].serial) == ("Anna-Laptop", "S3CR3T")
    for text, count in (("host:anna-LAPTOP", 1), ("anna-laptop", 1), ("serial:s3cr3t", 1), ("host:anna", 0)):
        assert len(await queries.search(line.app, parse(text, line.secrets.pseudonym))) == count, text


async def test_a_destroyed_key_leaves_no_name_behind(line: Line) -> None:
    device = (await line.enrol()).id
    await absorb(line, "devices", [item(device, 1, device=Device(hostname="anna"))])
    await line.keyring.destroy("device", [device])
    row = await queries.one(line.app, device)
    assert row is not None
    assert (await open_names(line.keyring, [row]))[device].hostname is None


async def test_a_policy_is_kept_as_a_change_point_only_when_it_turns(line: Line) -> None:
    device = (await line.enrol()).id
    for batch in ([1, 2], [3], [4, 5]):
        await absorb(line, "devices", [item(device, n, policy="old" if n < 3 else "new") for n in batch])
    kept = "SELECT order_item, value FROM device_facts WHERE device = $1 AND attribute = 'policy' ORDER BY 1"
    assert await line.rows(kept, device) == [(1, "old"), (3, "new")]


async def test_devices_are_found_by_the_beginning_of_what_is_open(line: Line) -> None:
    one, other = sorted([(await line.enrol()).id for _ in range(2)])
    system = OperatingSystem(name="Debian GNU/Linux", family="linux", version="12")
    await absorb(line, "devices", [item(one, 1, device=Device(manufacturer="LENOVO", model="ThinkPad 50%", os=system))])
    await absorb(line, "devices", [item(other, 1, device=Device(model="MacBook"))])

    async def found(text: str) -> list[uuid.UUID]:
        return [d.device_id for d in await queries.search(line.app, parse(text, line.secrets.pseudonym))]

    for text in (
        "model:thinkpad",
        "model:'lenovo think'",
        "os:debian",
        "'os:debian gnu/linux 12'",
        "thinkpad",
        "model:'thinkpad 50%'",
    ):
        assert await found(text) == [one], text
    assert await found("model:thinkpad% os:fedora") == []
    assert await found("model:%") == []
    assert await found("state:active") == [one, other]
    assert await found(str(other)[:8]) == [other]
    assert [d.device_id for d in await queries.search(line.app, after=one)] == [other]
    assert [d.device_id for d in await queries.search(line.app, limit=1)] == [one]


async def test_devices_are_found_by_the_packages_that_are_on_them(line: Line) -> None:
    one, other = [(await line.enrol()).id for _ in range(2)]
    for device, names in ((one, ("OpenSSL", "curl")), (other, ("openssh", "café"))):
        packages = tuple(Package(name=name, version="1") for name in names)
        await absorb(line, "software", [item(device, 1, software=Software(packages=packages))])
    await absorb(line, "software", [item(one, 2, software=Software(packages=(Package(name="OpenSSL", version="2"),)))])

    async def found(text: str) -> set[uuid.UUID]:
        return {d.device_id for d in await queries.search(line.app, parse(text, line.secrets.pseudonym))}

    assert await found("package:open") == await found("open") == {one, other}
    assert await found("package:openssl") == await found("OPENSSL") == {one}
    assert await found("package:open package:café") == {other}
    assert await found("package:curl") == await found("package:ssl") == await found("package:%") == set()
