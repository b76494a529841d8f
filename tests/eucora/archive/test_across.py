"""Questions over many devices, over hot rows and files as one; held against plain arithmetic."""

import statistics
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.eucora.archive.test_compact import seal
from tests.eucora.line import Device, Line

from eucora.archive import masks
from eucora.archive.across import Across, across
from eucora.archive.query import Archive, resolve
from eucora.problems import Refused
from eucora.stores.s3 import S3Objects
from eucora_wire.payload import Payload
from eucora_wire.sections.hardware import Hardware, Volume

START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
MINUTE, STEP = timedelta(minutes=1), timedelta(minutes=10)


async def tell(line: Line, device: Device, values: dict[int, float]) -> None:
    """Uptimes (a number that rises and begins again) and volumes, at minutes after START."""
    told = [
        Payload(
            device_id=device.id,
            timestamp=START + n * MINUTE,
            hardware=Hardware(uptime=value, volumes=(Volume("/", 10_000.0, value), Volume("/home", 100.0, 1.0))),
        )
        for n, value in values.items()
    ]
    await line.append(device.batch(told))
    await line.digest()


async def fleet(line: Line, objects: S3Objects) -> dict[uuid.UUID, dict[int, float]]:
    """Three devices; the first half of what they told lies in files."""
    said: dict[uuid.UUID, dict[int, float]] = {}
    devices = [await line.enrol() for _ in range(3)]
    for begin in (0, 20):
        for k, device in enumerate(devices):
            values = {n: 60.0 * (n + 1) if n < 13 + k else 7.0 * (n - 12) for n in range(begin, begin + 20)}
            await tell(line, device, values)
            said.setdefault(device.id, {}).update(values)
        if begin == 0:
            await seal(line, objects)
    return said


def asks(op: Any, by: Any, path: str = "uptime", step: timedelta | None = STEP, **more: Any) -> Across:
    return Across(resolve(path), START, START + timedelta(minutes=40), step, op, by, **more)


async def test_each_way_of_asking_is_what_arithmetic_says(line: Line, archive: Archive, objects: S3Objects) -> None:
    said = await fleet(line, objects)
    ways: dict[str, Any] = {"mean": statistics.fmean, "min": min, "max": max, "count": len, "p50": statistics.median}
    for op, way in ways.items():
        found = await across(archive, asks(op, "device"))
        assert {each.device for each in found} == said.keys()
        for each in found:
            assert each.device is not None
            steps = [[said[each.device][n] for n in range(a, a + 10)] for a in (0, 10, 20, 30)]
            assert [time for time, _ in each.points] == [START + k * STEP for k in range(4)]
            assert [value for _, value in each.points] == pytest.approx([way(values) for values in steps])
        (whole,) = await across(archive, asks(op, "fleet"))
        steps = [[v for values in said.values() for n, v in values.items() if a <= n < a + 10] for a in (0, 10, 20, 30)]
        assert [value for _, value in whole.points] == pytest.approx([way(values) for values in steps])


async def test_a_counter_that_began_again_rises_from_nothing(line: Line, archive: Archive, objects: S3Objects) -> None:
    said = await fleet(line, objects)
    rates: dict[uuid.UUID, list[float]] = {}
    for device, values in said.items():
        rises = [v - values[n - 1] if v >= values[n - 1] else v for n, v in values.items() if n]
        steps = [rises[:9], *(rises[a - 1 : a + 9] for a in (10, 20, 30))]
        rates[device] = [sum(each) / (60.0 * len(each)) for each in steps]
    for each in await across(archive, asks("rate", "device")):
        assert each.device is not None
        assert [value for _, value in each.points] == pytest.approx(rates[each.device])
    (whole,) = await across(archive, asks("rate", "fleet"))
    assert [value for _, value in whole.points] == pytest.approx(
        [sum(each) for each in zip(*rates.values(), strict=True)]
    )


async def test_labels_and_chosen_devices_are_told_apart_and_the_last_is_the_last(
    line: Line, archive: Archive, objects: S3Objects
) -> None:
    said = await fleet(line, objects)
    one = next(iter(said))
    found = await across(archive, asks("last", "device", "hardware.volumes.used", None, devices=[one]))
    assert [(each.device, each.labels, each.points) for each in found] == [
        (one, (("mount", "/"),), ((START, said[one][39]),)),
        (one, (("mount", "/home"),), ((START, 1.0),)),
    ]
    with pytest.raises(Refused):
        await across(archive, asks("last", "fleet"))
    with pytest.raises(Refused):
        await across(archive, asks("mean", "fleet", step=timedelta(0)))
    assert await across(archive, asks("mean", "fleet", "battery")) == ()


async def test_who_was_erased_is_counted_no_more(line: Line, archive: Archive, objects: S3Objects) -> None:
    said = await fleet(line, objects)
    gone = next(iter(said))
    await masks.erase(line.app, gone, START, START + 30 * MINUTE, datetime.now(UTC))
    (whole,) = await across(archive, asks("count", "fleet"))
    assert [value for _, value in whole.points] == [20, 20, 20, 30]
