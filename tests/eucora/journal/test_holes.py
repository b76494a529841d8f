"""Of any device: complete, or exactly what is missing and why; through journal and digest as they run."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.eucora.line import Device, Line, close_line, open_line

from eucora.journal.holes import Completeness, of_device, of_fleet
from eucora_wire.payload import Payload
from eucora_wire.sections.hardware import Hardware
from eucora_wire.sequence import LOST, MAX_ORDINAL, Items, Lost, Tombstone

NOW = datetime.now(UTC)


@pytest.fixture
async def line(database: Any, tmp_path: Path) -> AsyncIterator[Line]:
    opened = await open_line(database.app_url, database.keys_url, tmp_path / "secrets")
    yield opened
    await close_line(opened)


def payloads(device: Device, count: int, ago: timedelta = timedelta(0)) -> list[Payload]:
    return [Payload(device_id=device.id, timestamp=NOW - ago, hardware=Hardware(cpu=1.0)) for _ in range(count)]


async def told(line: Line, *batches: Any) -> None:
    await line.append(*batches)
    await line.digest()


async def holes(line: Line, device: Device) -> tuple[Completeness, list[tuple[int, int, str]]]:
    found = await of_device(line.app, device.id)
    return found, [(hole.first, hole.last, hole.why) for each in found.streams for hole in each.holes]


async def test_a_device_of_which_everything_came_is_complete(line: Line) -> None:
    device = await line.enrol()
    await told(line, device.batch(payloads(device, 3)), device.batch(payloads(device, 2)))
    found, none = await holes(line, device)
    assert (found.state, found.items, found.delivered, none) == ("complete", 5, 5, [])
    assert (await of_fleet(line.app)).unexplained == 0


async def test_a_batch_that_has_not_come_is_awaited_item_by_item_until_it_comes(line: Line) -> None:
    device = await line.enrol()
    first, missed, last = (device.batch(payloads(device, n)) for n in (3, 4, 2))
    await told(line, first, last)
    found, which = await holes(line, device)
    assert (found.state, found.unexplained, which) == ("missing", 4, [(4, 7, "awaited")])
    assert (found.items, found.delivered) == (9, 5)
    fleet = await of_fleet(line.app)
    assert (fleet.unexplained, fleet.devices_missing) == (4, 1)
    assert fleet.oldest is not None
    await told(line, missed)
    await line.journal.append([missed])  # again: the same receipt, and nothing more
    assert (await holes(line, device))[0].state == "complete"
    assert (await of_fleet(line.app)).unexplained == 0


async def test_what_a_device_could_not_keep_is_explained_by_its_own_word(line: Line) -> None:
    device = await line.enrol()
    gone = (Tombstone(2, 3, "shed"), Tombstone(5, 5, "expired"))
    await told(line, device.batch(payloads(device, 3), items=Items(1, 6, gone)))
    found, which = await holes(line, device)
    assert (found.state, which) == ("explained", [(2, 3, "shed"), (5, 5, "expired")])
    assert (found.items, found.delivered, found.unexplained) == (6, 3, 0)


async def test_a_batch_that_the_device_lost_is_explained_with_its_items_and_lost_without_them(line: Line) -> None:
    known, unknown = await line.enrol(), await line.enrol()
    for device, lost in ((known, Lost(2, 4, 7, "corrupt")), (unknown, Lost(2, None, None, "corrupt"))):
        await told(line, device.batch(payloads(device, 3)))
        device.batch(payloads(device, 4))  # on the disk that failed
        await told(line, device.batch(payloads(device, 1), lost=(lost,)))
    assert (await holes(line, known))[1] == [(4, 7, "corrupt")]
    found, which = await holes(line, unknown)
    assert which == [(4, 7, "lost")]
    assert found.state == "explained"


async def test_what_is_left_of_a_stream_that_was_begun_anew_is_left_behind(line: Line) -> None:
    device = await line.enrol()
    first, _, last = (device.batch(payloads(device, n)) for n in (1, 2, 1))
    await told(line, first, last)
    device.stream, device.sequence, device.ordinal = uuid.uuid4(), 0, 0
    await told(line, device.batch(payloads(device, 1)))
    found, which = await holes(line, device)
    assert (found.state, found.unexplained, which) == ("missing", 2, [(2, 3, "left-behind")])
    assert [each.number for each in found.streams] == [1, 2]


async def test_a_stream_that_runs_on_with_the_numbers_of_the_one_before_is_complete(line: Line) -> None:
    """As an agent's does after a fork, or when it was enrolled anew."""
    device = await line.enrol()
    await told(line, device.batch(payloads(device, 3)))
    device.stream, device.sequence, device.previous = uuid.uuid4(), 0, LOST
    await told(line, device.batch(payloads(device, 2)), device.batch(payloads(device, 1)))
    found, none = await holes(line, device)
    assert (found.state, found.items, found.delivered, none) == ("complete", 6, 6, [])
    assert [each.items for each in found.streams] == [3, 3]


async def test_what_could_not_be_stored_is_rejected_with_its_reason(line: Line) -> None:
    device = await line.enrol()
    await told(line, device.batch([*payloads(device, 1), *payloads(device, 1, timedelta(days=60))]))
    found, which = await holes(line, device)
    assert (found.state, which, found.delivered) == ("explained", [(2, 2, "rejected")], 1)
    assert "too-old" in found.streams[0].holes[0].detail


async def test_holes_of_before_are_left_out_when_one_asks_since(line: Line) -> None:
    device = await line.enrol()
    await told(line, device.batch(payloads(device, 1), items=Items(1, 3, (Tombstone(1, 2, "shed"),))))
    assert (await of_device(line.app, device.id, NOW - timedelta(days=1))).state == "explained"
    assert (await of_device(line.app, device.id, datetime.now(UTC) + timedelta(days=1))).streams[0].holes == ()


async def test_a_device_that_names_numbers_as_large_as_there_are_hides_nobody_s_figures(line: Line) -> None:
    device = await line.enrol()
    hole = f"[[2, {MAX_ORDINAL}, 0, false]]"
    rows = [(uuid.uuid4(), device.id, n, MAX_ORDINAL, hole, MAX_ORDINAL - 1, NOW) for n in range(1100)]
    await line.app.executemany("INSERT INTO stream_items VALUES ($1, $2, $3, $4, $5, $6, $7)", rows)
    found = await of_fleet(line.app)
    assert (found.unexplained, found.devices_missing) == (MAX_ORDINAL, 1)
    huge = [(rows[0][0], 1, MAX_ORDINAL, "shed"), (rows[0][0], 2, MAX_ORDINAL, "expired")] * 600
    await line.app.executemany(
        "INSERT INTO items_gone (stream, first, last, reason, device, told_at) VALUES ($1, $2, $3, $4, $5, now())"
        " ON CONFLICT DO NOTHING",
        [(stream, first + n, last, reason, device.id) for n, (stream, first, last, reason) in enumerate(huge)],
    )
    assert (await of_device(line.app, device.id)).state in ("explained", "complete", "missing")


async def test_what_a_restore_lost_and_the_device_holds_no_more_is_explained_as_that(line: Line) -> None:
    """Of one stream the device says that it is gone; another device began a new stream since; a third one sends it."""
    told_gone, left_it, has_it = [await line.enrol() for _ in range(3)]
    for device in (told_gone, left_it, has_it):
        await told(line, device.batch(payloads(device, 2)))
    kept = has_it.batch(payloads(has_it, 3))  # and the other two: acknowledged after the backup, so lost by it
    told_gone.batch(payloads(told_gone, 3))
    left_it.batch(payloads(left_it, 3))
    await line.app.execute("UPDATE stream_items SET restored = true")
    for device in (told_gone, left_it, has_it):
        await told(line, device.batch(payloads(device, 1)))
        assert (await holes(line, device))[1] == [(3, 5, "awaited")]
    assert (await of_fleet(line.app)).unexplained == 9
    await told(line, told_gone.batch(payloads(told_gone, 1), lost=(Lost(2, None, None, "expired"),)))
    left_it.stream, left_it.sequence, left_it.ordinal = uuid.uuid4(), 0, 0
    await told(line, left_it.batch(payloads(left_it, 1)))
    await told(line, kept)
    for device, state, which in (
        (told_gone, "explained", [(3, 5, "lost-in-restore")]),
        (left_it, "explained", [(3, 5, "lost-in-restore")]),
        (has_it, "complete", []),
    ):
        found, holes_of = await holes(line, device)
        assert (found.state, found.unexplained, holes_of) == (state, 0, which)
    assert (await of_fleet(line.app)).unexplained == 0
