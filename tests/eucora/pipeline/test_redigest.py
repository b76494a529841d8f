"""After a fix a range is digested again: every answer is as if the fix had always been there, and nothing counts twice."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.eucora.line import Device, Line

from eucora.archive import compact, merge, query
from eucora.archive.copies import Copies
from eucora.archive.feed import Feed
from eucora.archive.masks import erase
from eucora.archive.query import Archive, resolve
from eucora.archive.windows import close_window
from eucora.embedded.seaweedfs import DATA_BUCKET
from eucora.pipeline import normalise, redigest
from eucora.pipeline.redigest import Redigest, ask, one, stretch
from eucora.pipeline.replay import replay
from eucora.pipeline.units import OutOfRange
from eucora.problems import Refused, TryLater
from eucora.slice import Transaction
from eucora.stores.s3 import S3Objects
from eucora_wire.payload import Payload
from eucora_wire.sections.hardware import Hardware
from eucora_wire.sections.logs import Line as LogLine

NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
LONG_AGO, SOON = NOW - timedelta(days=27), NOW + timedelta(minutes=5)
CPU = resolve("cpu")


@pytest.fixture
async def objects(servers: Any) -> AsyncIterator[S3Objects]:
    opened = S3Objects(servers.s3, DATA_BUCKET)
    yield opened
    await opened.close()


@pytest.fixture
def archive(line: Line, objects: S3Objects, tmp_path: Path) -> Archive:
    return Archive(line.app, Copies(objects, tmp_path / "copies", 64 * 2**20))


class Buggy:
    """Today's arithmetic with a fault: cpu is halved, and one above ninety is refused."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.patch = monkeypatch
        self.right = normalise.normalise_hardware

    def breaks(self) -> None:
        def wrong(hardware: Hardware) -> Hardware:
            if (hardware.cpu or 0) > 90:
                raise OutOfRange("$.hardware.cpu", "a fault of ours")
            return Hardware(cpu=(hardware.cpu or 0) / 2)

        self.patch.setattr(normalise, "normalise_hardware", wrong)

    def mended(self) -> None:
        self.patch.setattr(normalise, "normalise_hardware", self.right)


@pytest.fixture
def bug(monkeypatch: pytest.MonkeyPatch) -> Buggy:
    return Buggy(monkeypatch)


async def tell(
    line: Line, device: Device, values: list[float], subject: uuid.UUID | None = None, days: int = 0
) -> None:
    """One payload a value, a minute apart, each in a batch of its own."""
    for n, value in enumerate(values):
        at = NOW - timedelta(days=days, minutes=n)
        logs = (LogLine(uuid.uuid4(), at, "test", f"line {n}"),)
        payload = Payload(device_id=device.id, timestamp=at, hardware=Hardware(cpu=value), logs=logs)
        await line.append(device.batch([payload], subject=subject))
    await line.digest()


async def seal(line: Line, objects: S3Objects) -> None:
    await close_window(line.app, datetime.now(UTC) + timedelta(seconds=1), timedelta(0))
    await compact.compact(line.app, objects, epoch=1)


async def cpu(archive: Archive, device: Device) -> list[float]:
    """What is answered now, newest first, in percent."""
    found = await query.series(archive, device.id, CPU, LONG_AGO, SOON, 1_000)
    return [round(value * 100, 6) for _, value in reversed(found.points)]


async def everything(line: Line) -> int:
    """Ask for all that was ever digested."""
    async with line.app.acquire() as tx, tx.transaction():
        return (await ask(tx, LONG_AGO, SOON + timedelta(days=1), datetime.now(UTC))).redigest


async def nothing(tx: Transaction, done: Redigest) -> None:
    """Nobody listens."""


async def work(line: Line, objects: S3Objects) -> int:
    return await redigest.work(line.house, objects, 1, nothing)


async def test_a_fixed_bug_is_mended_in_every_answer_and_each_value_is_there_once(
    line: Line, objects: S3Objects, archive: Archive, bug: Buggy
) -> None:
    devices = [await line.enrol() for _ in range(3)]
    bug.breaks()
    for device in devices:
        await tell(line, device, [80, 60, 40])
        await tell(line, device, [20, 10], days=9)
    await seal(line, objects)
    assert await cpu(archive, devices[0]) == [40, 30, 20, 10, 5]
    bug.mended()
    await tell(line, devices[0], [50], days=1)
    await seal(line, objects)
    number = await everything(line)
    await seal(line, objects)
    assert await work(line, objects) == 1
    for device in devices[1:]:
        assert await cpu(archive, device) == [80, 60, 40, 20, 10]
    assert await cpu(archive, devices[0]) == [80, 60, 40, 50, 20, 10]
    done = await one(line.app, number)
    assert done is not None
    assert done.done_at is not None
    assert (done.entries, done.items, done.carried, done.dead, done.mended) == (16, 16, 0, 0, 0)
    assert await line.rows("SELECT count(*) FROM pg_class WHERE relname LIKE 'draft%'") == [(0,)]


async def test_what_a_bug_refused_is_stored_and_its_letter_is_closed_and_followers_hear_of_it(
    line: Line, objects: S3Objects, archive: Archive, bug: Buggy, tmp_path: Path
) -> None:
    device = await line.enrol()
    bug.breaks()
    await tell(line, device, [95, 60])
    await seal(line, objects)
    assert await cpu(archive, device) == [30]
    assert await line.rows("SELECT state FROM dead_letters") == [("open",)]
    bug.mended()
    number = await everything(line)
    await seal(line, objects)
    await work(line, objects)
    assert await cpu(archive, device) == [95, 60]
    ((letter, state, shard, lane, position, settled),) = await line.rows(
        "SELECT id, state, shard, lane, position, settled_at FROM dead_letters"
    )
    assert state == "mended"
    done = await one(line.app, number)
    assert done is not None
    assert done.mended == 1
    assert (await replay(line.house, [letter])).replayed == (), "it is stored, and would count twice"

    async def nobody(subjects: set[uuid.UUID]) -> set[uuid.UUID]:
        return set()

    feed = Feed(line.app, Copies(objects, tmp_path / "told", 64 * 2**20), "metrics", nobody)
    parcel = await feed.at([(shard, lane, position)], [settled])
    assert [row.values[0] for row in parcel.rows] == [pytest.approx(0.95)]


async def test_a_new_refusal_is_a_dead_letter_and_what_stood_there_is_gone(
    line: Line, objects: S3Objects, archive: Archive, bug: Buggy
) -> None:
    device = await line.enrol()
    await tell(line, device, [95, 60])
    await seal(line, objects)
    bug.breaks()  # as if it were a stricter rule
    number = await everything(line)
    await seal(line, objects)
    await work(line, objects)
    assert await cpu(archive, device) == [30]
    assert await line.rows("SELECT reason, state FROM dead_letters") == [("out-of-range", "open")]
    done = await one(line.app, number)
    assert done is not None
    assert (done.dead, done.items) == (1, 1)
    await everything(line)
    await seal(line, objects)
    await work(line, objects)
    assert await line.rows("SELECT count(*), sum(count)::int FROM dead_letters") == [(1, 1)], "it was counted again"


async def test_what_can_not_be_opened_any_more_and_what_was_stored_by_itself_stays_as_it_was(
    line: Line, objects: S3Objects, archive: Archive, bug: Buggy
) -> None:
    device, subject = await line.enrol(), uuid.uuid4()
    bug.breaks()
    await tell(line, device, [80, 95])
    await tell(line, device, [70], subject=subject, days=1)
    await seal(line, objects)
    await line.keyring.destroy("subject", [subject])
    bug.mended()
    ((letter,),) = await line.rows("SELECT id FROM dead_letters")
    assert (await replay(line.house, [letter])).replayed == (letter,)
    assert await cpu(archive, device) == [40, 95, 35]
    number = await everything(line)
    await seal(line, objects)
    await work(line, objects)
    assert await cpu(archive, device) == [80, 95, 35]
    done = await one(line.app, number)
    assert done is not None
    assert (done.entries, done.carried) == (1, 2)


async def test_merged_files_keep_what_others_told_and_what_is_erased_does_not_come_back(
    line: Line, objects: S3Objects, archive: Archive, bug: Buggy
) -> None:
    device, erased = await line.enrol(), await line.enrol()
    bug.breaks()
    for _ in range(merge.FEW):
        await tell(line, device, [80])
        await tell(line, erased, [60, 40])
        await seal(line, objects)
    later = datetime.now(UTC) + merge.YOUNG + timedelta(seconds=5)
    assert await merge.merge(line.app, objects, 1, later) > 0
    bug.mended()
    await erase(line.app, erased.id, NOW - timedelta(seconds=30), SOON, datetime.now(UTC))
    ((middle,),) = await line.rows('SELECT opened_at + (closed_at - opened_at) / 2 FROM windows WHERE "window" = 3')
    async with line.app.acquire() as tx, tx.transaction():
        found = await ask(tx, middle, middle + timedelta(microseconds=1), datetime.now(UTC))
    assert found.first == found.last == 3
    await work(line, objects)
    assert sorted(await cpu(archive, device)) == [40] * (merge.FEW - 1) + [80]
    assert sorted(await cpu(archive, erased)) == [20] * (merge.FEW - 1) + [40]
    rows = "SELECT sum(rows)::int FROM archive_files WHERE kind = 'metrics' AND replaced_at IS NULL"
    assert await line.rows(rows) == [(2 * merge.FEW,)], "an erased row was written anew"


async def test_who_is_stopped_before_the_swap_changes_nothing_and_the_next_begins_anew(
    line: Line, objects: S3Objects, archive: Archive, bug: Buggy, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = await line.enrol()
    bug.breaks()
    await tell(line, device, [80, 60])
    await seal(line, objects)
    bug.mended()
    number = await everything(line)
    await seal(line, objects)

    async def killed(tx: Transaction, done: Redigest) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await redigest.work(line.house, objects, 1, killed)
    assert await cpu(archive, device) == [40, 30]
    left = await one(line.app, number)
    assert left is not None
    assert (left.entries, left.done_at) == (0, None)
    await work(line, objects)
    assert await cpu(archive, device) == [80, 60]


async def test_a_letter_that_is_replayed_meanwhile_makes_the_stretch_begin_anew(
    line: Line, objects: S3Objects, archive: Archive, bug: Buggy, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = await line.enrol()
    bug.breaks()
    await tell(line, device, [95])
    await seal(line, objects)
    bug.mended()
    await everything(line)
    await seal(line, objects)
    ((letter,),) = await line.rows("SELECT id FROM dead_letters")
    swap = redigest.swap

    async def raced(*given: Any) -> None:
        await replay(line.house, [letter])
        await swap(*given)

    monkeypatch.setattr(redigest, "swap", raced)
    with pytest.raises(TryLater):
        await work(line, objects)
    monkeypatch.setattr(redigest, "swap", swap)
    await work(line, objects)
    assert await cpu(archive, device) == [95], "it counts twice"


async def test_a_window_that_is_open_is_waited_for_and_a_time_of_nothing_is_refused(
    line: Line, objects: S3Objects
) -> None:
    device = await line.enrol()
    await tell(line, device, [80])
    number = await everything(line)
    assert await work(line, objects) == 0
    await seal(line, objects)
    assert await work(line, objects) == 1
    done = await one(line.app, number)
    assert done is not None
    assert done.done_at is not None
    async with line.app.acquire() as tx, tx.transaction():
        with pytest.raises(Refused):
            await ask(tx, LONG_AGO - timedelta(days=9), LONG_AGO - timedelta(days=8), datetime.now(UTC))


def test_a_step_ends_before_too_many_entries_and_before_a_window_that_is_not_sealed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(redigest, "ENTRIES_A_STEP", 10)
    rows = [
        {"window": 1, "state": "sealed", "ranges": '{"0/0": [0, 6]}'},
        {"window": 2, "state": "sealed", "ranges": '{"0/0": [6, 8], "1/1": [0, 1]}'},
        {"window": 3, "state": "sealed", "ranges": '{"0/0": [8, 30]}'},
        {"window": 4, "state": "open", "ranges": None},
    ]
    assert stretch(rows, 4) == (2, {(0, 0): (0, 8), (1, 1): (0, 1)})
    assert stretch(rows[2:], 4) == (3, {(0, 0): (8, 30)})
    assert stretch(rows[3:], 4) == (None, {})
    assert stretch([], 4) == (4, {})
