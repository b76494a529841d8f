"""Metrics by group and at a moment, and long spans worked on in parts: held against plain Python over the same samples."""

import bisect
import os
import statistics
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.eucora.archive.test_compact import seal
from tests.eucora.archive.test_newest import examples, file_of
from tests.eucora.line import Device, Line

from eucora.archive import across
from eucora.archive.across import Across, Point
from eucora.archive.query import Archive, Metric, resolve
from eucora.domains.devices.queries import held
from eucora.domains.telemetry import queries
from eucora.domains.telemetry.queries import Asked
from eucora.stores.s3 import S3Objects
from eucora_wire.payload import Payload
from eucora_wire.sections.device import Device as About
from eucora_wire.sections.device import OperatingSystem
from eucora_wire.sections.hardware import Hardware, Volume

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
AT_ONCE = 1_000
BEGIN, END = NOON - timedelta(days=3), NOON + timedelta(hours=1)
HOUR = timedelta(hours=1)

Sample = tuple[uuid.UUID, datetime, float]
Told = dict[uuid.UUID, list[tuple[datetime, str]]]
"""Devices' systems, and from when."""


async def tell(
    line: Line, device: Device, samples: Iterable[tuple[datetime, float]], system: str | None = None
) -> None:
    about = None if system is None else About(os=OperatingSystem(name=system))
    payloads = [
        Payload(device_id=device.id, timestamp=at, hardware=Hardware(uptime=value), device=about if n == 0 else None)
        for n, (at, value) in enumerate(samples)
    ]
    await line.append(device.batch(payloads))
    await line.digest()


async def fleet(line: Line, objects: S3Objects) -> tuple[list[Sample], Told]:
    """Three devices over three days, a sample every 37 minutes; one changes its system in the middle, one never says any."""
    devices = [await line.enrol() for _ in range(3)]
    samples: list[Sample] = []
    systems: Told = {
        devices[0].id: [(BEGIN, "Debian")],
        devices[1].id: [(BEGIN, "Debian"), (BEGIN + 40 * HOUR, "Fedora")],
        devices[2].id: [],
    }
    for part in range(4):  # the last is hot
        begin = BEGIN + part * 20 * HOUR
        for k, device in enumerate(devices):
            times = [begin + n * timedelta(minutes=37) for n in range(32)]
            told = [(at, float((n * 7 + k * 3 + part) % 50 if n % 11 else 0)) for n, at in enumerate(times)]
            names = [name for since, name in systems[device.id] if since == begin]
            await tell(line, device, told, names[0] if names else None)
            samples += [(device.id, at, value) for at, value in told]
        if part < 3:
            await seal(line, objects)
    return samples, systems


def system_at(systems: Told, device: uuid.UUID, at: datetime) -> str | None:
    known = [name for since, name in systems[device] if since <= at]
    return known[-1] if known else None


OPS: dict[str, Callable[[Sequence[float]], float]] = {
    "mean": statistics.fmean,
    "min": min,
    "max": max,
    "count": len,
    "p50": statistics.median,
}


def naive(samples: Sequence[Sample], systems: Told, asked: Asked) -> dict[Any, float]:
    """{(device, group, time): value}, by going through all."""
    step = asked.step or asked.until - asked.since
    since = asked.since if asked.step is None else queries.whole(asked.since, step)
    found: dict[Any, list[float]] = defaultdict(list)
    rises: dict[Any, dict[uuid.UUID, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    last: dict[uuid.UUID, tuple[datetime, float]] = {}
    for device, at, value in sorted(samples, key=lambda sample: sample[1]):
        if not since <= at < asked.until or (asked.devices is not None and device not in asked.devices):
            continue
        who = (
            device if asked.by == "device" else None,
            system_at(systems, device, at) if asked.by == "os" else None,
            since + (at - since) // step * step,
        )
        found[who].append(value)
        if device in last:
            before, was = last[device]
            rises[who][device].append((value - was if value >= was else value, (at - before).total_seconds()))
        last[device] = at, value
    if asked.op == "rate":
        return {
            who: sum(sum(r for r, _ in each) / sum(s for _, s in each) for each in of.values())
            for who, of in rises.items()
        }
    if asked.op == "last":
        return {who: values[-1] for who, values in found.items()}
    return {who: OPS[asked.op](values) for who, values in found.items()}


async def streamed(archive: Archive, asked: Asked) -> dict[Any, float]:
    found: dict[Any, float] = {}
    async with aclosing(queries.fleet_points(archive, asked)) as lists:
        async for points in lists:
            for point in points:
                assert (point.device, point.group, point.time) not in found
                found[point.device, point.group, point.time] = point.value
    return found


async def test_every_way_of_asking_the_fleet_is_what_plain_python_says(
    line: Line, archive: Archive, objects: S3Objects
) -> None:
    samples, systems = await fleet(line, objects)
    moments = st.integers(-5 * 24 * 60, 24 * 60).map(lambda n: BEGIN + timedelta(days=2) + n * timedelta(minutes=1))
    asked = st.builds(
        Asked,
        path=st.just("uptime"),
        since=moments,
        until=moments,
        step=st.sampled_from([None, HOUR, 5 * HOUR, timedelta(minutes=7), timedelta(days=1), timedelta(days=2)]),
        op=st.sampled_from([*OPS, "rate"]),
        by=st.sampled_from(["device", "fleet", "os"]),
        devices=st.sampled_from([None, [next(iter(systems))], [uuid.uuid4()]]),
    ).filter(lambda each: each.since < each.until)

    async def check(wanted: Asked) -> None:
        expected = naive(samples, systems, wanted)
        found = await streamed(archive, wanted)
        assert found == pytest.approx(expected)
        whole = await queries.fleet(archive, wanted)
        assert {(each.device, each.group, t): v for each in whole.series for t, v in each.points} == pytest.approx(
            expected
        )

    await examples(80 if os.environ.get("EUCORA_TEST_LIVE") else 40, asked, check)
    await check(Asked(path="uptime", since=BEGIN, until=END, step=HOUR, op="last", by="device"))


async def test_at_a_moment_the_newest_value_of_each_counts(line: Line, archive: Archive, objects: S3Objects) -> None:
    samples, systems = await fleet(line, objects)
    by_device: dict[uuid.UUID, list[tuple[datetime, float]]] = defaultdict(list)
    for device, at, value in sorted(samples, key=lambda sample: sample[1]):
        by_device[device].append((at, value))

    def newest(asked: Asked) -> list[tuple[uuid.UUID, datetime, float]]:
        found = []
        for device, told in by_device.items():
            n = bisect.bisect_left(told, (asked.until,)) - 1
            if n >= 0 and told[n][0] >= asked.since:
                found.append((device, *told[n]))
        return found

    for hours in range(0, 75, 7):
        at = BEGIN + hours * HOUR + timedelta(minutes=1)
        asked = partial(Asked, path="uptime", since=at - HOUR, until=at, step=None)
        each = await queries.moment(archive, asked(op="mean", by="device"))
        expected = newest(asked(op="mean", by="device"))
        assert sorted((p.device, p.time, p.value) for p in each.values) == sorted(expected)  # type: ignore[type-var]
        for op in ("mean", "max", "count", "p50"):
            groups: dict[Any, list[float]] = defaultdict(list)
            for device, time, value in expected:
                groups[system_at(systems, device, time)].append(value)
            told = await queries.moment(archive, asked(op=op, by="os"))
            assert {p.group: p.value for p in told.values} == pytest.approx({g: OPS[op](v) for g, v in groups.items()})


async def test_a_series_is_streamed_whole_whatever_it_is_asked_of(
    line: Line, archive: Archive, objects: S3Objects
) -> None:
    samples, systems = await fleet(line, objects)
    device = next(iter(systems))

    async def all_of(since: datetime, until: datetime) -> list[Point]:
        async with aclosing(queries.series_points(archive, device, "uptime", since, until)) as lists:
            return [point async for points in lists for point in points]

    expected = sorted((at, value) for who, at, value in samples if who == device)
    long_ago = datetime(1, 1, 1, tzinfo=UTC)
    assert [(p.time, p.value) for p in await all_of(long_ago, datetime(9999, 1, 1, tzinfo=UTC))] == expected
    assert [(p.time, p.value) for p in await all_of(BEGIN + HOUR, BEGIN + 30 * HOUR)] == [
        (at, value) for at, value in expected if BEGIN + HOUR <= at < BEGIN + 30 * HOUR
    ]
    assert await all_of(END, BEGIN) == []


async def test_labels_stay_apart_in_parts_and_at_a_moment(line: Line, archive: Archive, objects: S3Objects) -> None:
    device = await line.enrol()
    for days in (2, 1, 0):
        volumes = (Volume("/", 100.0, 10.0 * days), Volume("/home", 100.0, 1.0))
        at = NOON - timedelta(days=days)
        told = Payload(device_id=device.id, timestamp=at, hardware=Hardware(volumes=volumes))
        await line.append(device.batch([told]))
        await line.digest()
        if days:
            await seal(line, objects)
    asks = Across(resolve("hardware.volumes.used"), BEGIN, END, timedelta(days=1), "max", "fleet")
    told_lines = {line.labels: [value for _, value in line.points] for line in await across.across(archive, asks)}
    assert told_lines == {(("mount", "/"),): [20.0, 10.0, 0.0], (("mount", "/home"),): [1.0, 1.0, 1.0]}
    moment = await across.instant(archive, asks)
    assert [(point.labels, point.value) for point in moment] == [((("mount", "/"),), 0.0), ((("mount", "/home"),), 1.0)]


async def test_a_device_is_of_one_group_at_a_moment_whatever_order_its_facts_came_in(line: Line, tmp_path: Any) -> None:
    facts = st.lists(st.tuples(st.integers(0, 20), st.sampled_from("abc")), min_size=1, max_size=8)

    async def check(said: list[tuple[int, str]]) -> None:
        other = await line.enrol()
        await line.app.executemany(
            "INSERT INTO device_facts VALUES ($1, 'model', 1, $2, $3, $4, $4)",
            [(other.id, n, value, BEGIN + minute * timedelta(minutes=1)) for n, (minute, value) in enumerate(said)],
        )
        path = tmp_path / f"{other.id}.csv"
        await held(line.app, "model", [other.id], path)
        rows = [row.split(",") for row in path.read_text().splitlines()]
        spans = sorted((int(since), int(until), value) for _, since, until, value in rows)
        assert all(a[1] <= b[0] for a, b in pairwise(spans)), "they overlap"
        for minute in range(22):
            at = int((BEGIN + minute * timedelta(minutes=1)).timestamp() * 1e6)
            known = [value for since, value in said if since <= minute]
            assert [value for since, until, value in spans if since <= at < until] == known[-1:], minute

    await examples(40, facts, check)


@given(
    rows=st.lists(st.integers(0, 2 * AT_ONCE), min_size=1, max_size=12),
    step=st.sampled_from([None, HOUR, timedelta(minutes=7), timedelta(days=1), timedelta(days=2)]),
)
def test_a_span_is_worked_on_in_parts_that_hold_few_rows_or_are_a_day_and_leave_nothing_out(
    rows: list[int], step: timedelta | None
) -> None:
    begin, day = datetime(2026, 3, 1, tzinfo=UTC), timedelta(days=1)
    end = begin + len(rows) * day
    files = [
        file_of(count, begin + n * day, begin + (n + 1) * day - timedelta(microseconds=1))
        for n, count in enumerate(rows)
    ]
    asks = Across(Metric("cpu", "system_cpu_utilization_ratio", "percent"), begin, end, step, "mean", "fleet")
    found = list(across.parts(asks, None, files, AT_ONCE))
    assert [since for since, _ in found] == [begin, *(until for _, until in found[:-1])]
    assert found[-1][1] == end
    longest = max(day + (step or end - begin), step or end - begin)
    for since, until in found:
        held = sum(file.rows for file in files if file.since < until and file.until >= since)
        assert held <= AT_ONCE or until - since <= longest
