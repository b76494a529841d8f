"""One query over the archive: newest values, series, lines in pages."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from tests.eucora.archive.test_compact import page, seal
from tests.eucora.line import Device, Line

from eucora.archive import query
from eucora.archive.query import Archive, resolve
from eucora.problems import Refused
from eucora.stores.s3 import S3Objects
from eucora_wire.payload import Payload
from eucora_wire.registry import METRICS
from eucora_wire.sections.events import Event
from eucora_wire.sections.hardware import Hardware, Volume

NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)


def test_a_metric_is_found_by_its_path_and_by_the_end_of_it() -> None:
    assert resolve("hardware.cpu") == resolve("cpu")
    assert resolve("memory").path == "hardware.memory"
    assert resolve("agent.memory").name == "process_resident_memory_bytes"
    assert resolve("latency_ms").unit == "seconds"
    for path, field in METRICS.items():
        assert resolve(path).name == field.metric
    with pytest.raises(Refused):
        resolve("pu")


async def test_the_newest_value_of_each_metric_is_told_whatever_came_last(line: Line, archive: Archive) -> None:
    device = await line.enrol()
    for minutes, hardware in ((2, Hardware(cpu=10.0)), (5, Hardware(cpu=99.0)), (9, Hardware(uptime=3.0))):
        when = NOW - timedelta(minutes=minutes)
        await line.append(device.batch([Payload(device_id=device.id, timestamp=when, hardware=hardware)]))
    await line.digest()
    latest = await query.latest(archive, device.id)
    assert latest.time == NOW - timedelta(minutes=2)
    assert {v.metric: v.value for v in latest.values} == {
        "system_cpu_utilization_ratio": pytest.approx(0.1),
        "system_uptime_seconds": 3.0,
    }
    nobody = await query.latest(archive, uuid.uuid4())
    assert (nobody.time, nobody.values) == (None, ())


async def test_what_comes_late_or_lies_beside_newer_rows_of_others_is_not_taken_for_the_newest(
    line: Line, archive: Archive, objects: S3Objects
) -> None:
    device, other = await line.enrol(), await line.enrol()

    async def tell(who: Device, minutes: int, uptime: float) -> None:
        told = Payload(device_id=who.id, timestamp=NOW - timedelta(minutes=minutes), hardware=Hardware(uptime=uptime))
        await line.append(who.batch([told]))
        await line.digest()

    await tell(device, 10, 1.0)  # the newest of the device, in an older file than …
    await seal(line, objects)
    await tell(device, 30, 2.0)  # … this one, which another device makes newer
    await tell(other, 1, 3.0)
    await seal(line, objects)
    assert [v.value for v in (await query.latest(archive, device.id)).values] == [1.0]
    await tell(device, 60 * 24, 4.0)  # hot, and of yesterday
    latest = await query.latest(archive, device.id)
    assert ([v.value for v in latest.values], latest.time) == ([1.0], NOW - timedelta(minutes=10))
    await tell(device, 5, 5.0)
    assert [v.value for v in (await query.latest(archive, device.id)).values] == [5.0]


async def test_a_series_is_in_order_of_time_and_keeps_the_newest_when_it_is_long(line: Line, archive: Archive) -> None:
    device = await line.enrol()
    times = [NOW - timedelta(minutes=n) for n in (3, 1, 2)]
    payloads = [
        Payload(device_id=device.id, timestamp=t, hardware=Hardware(uptime=float(n))) for n, t in enumerate(times)
    ]
    await line.append(device.batch(payloads))
    await line.digest()
    since, until = NOW - timedelta(hours=1), NOW + timedelta(seconds=1)
    series = await query.series(archive, device.id, resolve("uptime"), since, until, 100)
    assert series.points == tuple(sorted(zip(times, (0.0, 1.0, 2.0), strict=True)))
    assert (await query.series(archive, device.id, resolve("uptime"), since, until, 2)).points == series.points[1:]
    assert (await query.series(archive, device.id, resolve("uptime"), since, times[0], 2)).points == ()


async def test_a_metric_of_many_things_has_a_series_for_each(line: Line, archive: Archive) -> None:
    device = await line.enrol()
    hardware = Hardware(volumes=(Volume("/", 100.0, 10.0), Volume("/home", 100.0, 20.0)))
    await line.append(device.batch([Payload(device_id=device.id, timestamp=NOW, hardware=hardware)]))
    await line.digest()
    metric = resolve("hardware.volumes.used")
    series = await query.series(archive, device.id, metric, NOW - timedelta(hours=1), NOW + timedelta(hours=1), 100)
    assert series.points == ()
    assert [(x.labels, x.points) for x in series.labelled] == [
        ((("mount", "/"),), ((NOW, 10.0),)),
        ((("mount", "/home"),), ((NOW, 20.0),)),
    ]


async def test_lines_come_in_pages_newest_first_without_a_hole(line: Line, archive: Archive) -> None:
    device = await line.enrol()
    events = [
        Event(id=uuid.uuid4(), time=NOW - timedelta(seconds=n % 4), name="x.y", detail=f"event {n}", count=n + 1)
        for n in range(11)
    ]
    await line.append(device.batch([Payload(device_id=device.id, timestamp=NOW, events=tuple(events))]))
    await line.digest()
    pages, after = [], None
    while found := await page(archive, device, ("event",), after, 3):
        pages.append(found)
        after = found[-1].key
    rows = [row for page in pages for row in page]
    assert [len(page) for page in pages] == [3, 3, 3, 2]
    assert sorted(row.text for row in rows) == sorted(f"event {n}" for n in range(11))
    assert [row.time for row in rows] == sorted((row.time for row in rows), reverse=True)
    assert {(row.kind, row.source, row.severity) for row in rows} == {("event", "x.y", "info")}
    assert {row.text: row.count for row in rows}["event 10"] == 11
    assert await page(archive, device, ("crash",)) == []


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        ("latest", (200, [1])),
        ("series", ("system_cpu_utilization_ratio", NOW - timedelta(hours=1), NOW, 1000, [1])),
    ],
)
async def test_a_device_is_found_by_its_index_however_many_there_are(
    line: Line, database: Any, statement: str, values: tuple[object, ...]
) -> None:
    await line.app.execute(
        """INSERT INTO shapes (kind, parts, digest) VALUES ('metrics', '[["system_cpu_utilization_ratio", {}]]', 'm'),
                                                          ('lines', '{"kind": "log"}', 'l')"""
    )
    place = "1, gen_random_uuid(), now() - n * interval '1 s', now(), n, n, 0, 0, 0, s.shape"
    await line.app.execute(
        f"INSERT INTO hot_metrics SELECT {place}, '{{1}}' FROM generate_series(1, 20000) n, shapes s WHERE digest = 'm'"
    )
    await line.app.execute(
        f"""INSERT INTO hot_lines ("window", device, time, received, position, item, shard, lane, marks, shape, id, text)
            SELECT {place}, gen_random_uuid(), '' FROM generate_series(1, 20000) n, shapes s WHERE digest = 'l'"""
    )
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute("ANALYZE")
    await owner.close()
    plan = "\n".join(
        row[0] for row in await line.rows(f"EXPLAIN {getattr(query.SQL, statement)}", uuid.uuid4(), *values)
    )
    assert "Seq Scan on hot_" not in plan, plan
    assert "device_time_idx" in plan, plan
