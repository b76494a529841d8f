"""What a page draws of a device is the mean of what it said, step by step, wherever it lies; erased, it is nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.eucora.archive.test_compact import NOW, seal, tell
from tests.eucora.line import Line

from eucora.archive.courses import Courses, courses, heard
from eucora.archive.glance import glance
from eucora.archive.masks import erase
from eucora.archive.query import Archive, resolve
from eucora.stores.s3 import S3Objects
from eucora_wire.payload import Payload
from eucora_wire.sections.hardware import Hardware

CPU = resolve("cpu").name
SINCE, UNTIL = NOW - timedelta(minutes=29, seconds=30), NOW + timedelta(seconds=30)


async def test_means_of_steps_are_the_same_from_hot_rows_and_from_files_and_from_both(
    line: Line, archive: Archive, objects: S3Objects
) -> None:
    device, other = await line.enrol(), await line.enrol()
    await tell(line, device, 20)
    await tell(line, other, 5)
    before = (await courses(archive, device.id, SINCE, UNTIL, 6)).series
    (cpu,) = [each for each in before if each.metric == CPU]
    # cpu is n percent n minutes ago; steps are of five minutes.
    by_hand = [sum(range(n, n + 5)) / 5 / 100 for n in (15, 10, 5, 0)]
    assert [value for _, value in cpu.points] == pytest.approx(by_hand)
    assert [at for at, _ in cpu.points] == [SINCE + n * timedelta(minutes=5) for n in (2, 3, 4, 5)]
    assert (cpu.newest, cpu.newest_at, cpu.unit) == (0.0, NOW, "ratio")
    mounts = {dict(each.labels).get("mount") for each in before if each.metric == "system_filesystem_usage_bytes"}
    assert mounts == {"/", "/home"}
    await seal(line, objects)
    assert [(c.metric, c.labels, c.newest_at) for c in (await courses(archive, device.id, SINCE, UNTIL, 6)).series] == [
        (c.metric, c.labels, c.newest_at) for c in before
    ]
    for old, new in zip(before, (await courses(archive, device.id, SINCE, UNTIL, 6)).series, strict=True):
        assert [value for _, value in new.points] == pytest.approx([value for _, value in old.points])
    await tell(line, device, 20)  # the same once more: means stay, from both places
    (both,) = [each for each in (await courses(archive, device.id, SINCE, UNTIL, 6)).series if each.metric == CPU]
    assert [value for _, value in both.points] == pytest.approx(by_hand)


async def test_what_is_erased_is_in_no_drawing_and_no_list(line: Line, archive: Archive, objects: S3Objects) -> None:
    device = await line.enrol()
    await tell(line, device, 10)
    await seal(line, objects)
    await tell(line, device, 10)
    assert (await glance(line.app, [device.id], {CPU}))[device.id] == {CPU: 0.0}
    await erase(line.app, device.id, None, UNTIL, datetime.now(UTC))
    assert await courses(archive, device.id, SINCE, UNTIL, 6) == Courses([], [])
    assert await glance(line.app, [device.id], {CPU}) == {}


MINUTE = timedelta(minutes=1)


async def test_what_was_told_late_is_apart_from_what_was_heard_on_time_wherever_it_lies(
    line: Line, archive: Archive, objects: S3Objects
) -> None:
    device = await line.enrol()

    def at(ago: int) -> Payload:
        return Payload(device_id=device.id, timestamp=NOW - ago * MINUTE, hardware=Hardware(cpu=1.0))

    await line.append(
        device.batch([at(n) for n in range(28, 20, -1)], lane="replay"), device.batch([at(n) for n in range(5, 0, -1)])
    )
    await line.digest()
    for _ in range(2):
        found = (await courses(archive, device.id, SINCE, UNTIL, 30)).heard
        assert [(round((NOW - h.since) / MINUTE), h.late) for h in found] == [(28, True), (6, False)]
        await seal(line, objects)


def test_a_cadence_between_two_values_is_no_silence() -> None:
    found = heard({0: False, 5: False, 60: False, 61: True}, SINCE, MINUTE)
    assert [(h.since, h.until, h.late) for h in found] == [
        (SINCE, SINCE + 6 * MINUTE, False),
        (SINCE + 60 * MINUTE, SINCE + 61 * MINUTE, False),
        (SINCE + 61 * MINUTE, SINCE + 62 * MINUTE, True),
    ]
